import { pathToFileURL } from 'node:url';

/** What makes a program of either runtime load a module before anything else: each overlooks the other's variable. */
export const preloaded = (file: string): Record<string, string> => ({
  NODE_OPTIONS: `--import=${pathToFileURL(file)}`,
  BUN_OPTIONS: `--preload=${file}`,
});
