import { bendLookups, NETWORK_FILE } from './network.ts';

/** Loaded into a connector before anything else. */
bendLookups(process.env[NETWORK_FILE] ?? '');
