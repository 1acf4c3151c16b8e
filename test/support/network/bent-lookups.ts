import { bendLookups, NAMES_FILE } from './names.ts';

/** Loaded into a connector before anything else. */
bendLookups(process.env[NAMES_FILE] ?? '');
