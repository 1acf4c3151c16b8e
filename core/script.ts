import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from './redis.ts';

/** A Lua script from a file beside its caller. Scripts touch only the keys that are handed to them. */
export interface Script {
  lua: string;
  sha: string;
}

export function loadScript(url: URL): Script {
  const lua = readFileSync(url, 'utf8');
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/** EVALSHA, and EVAL where the server has lost its script cache (restart, failover, SCRIPT FLUSH). */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(script.sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return await redis.eval(script.lua, keys.length, ...keys, ...args);
  }
}
