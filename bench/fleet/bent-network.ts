import { bendLookups, NETWORK_FILE } from './network.ts';

/** Loaded into a measured connector before anything else. */
bendLookups(process.env[NETWORK_FILE] ?? '');
