import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { namedRefusal } from './acl.ts';
import type { Redis } from './redis.ts';

/** A Lua script from files beside its caller. Scripts touch only the keys that are passed to them. */
interface Script {
  lua: string;
  sha: string;
}

/** @param urls of its text, in order: what several scripts have in common comes first */
export function loadScript(...urls: readonly URL[]): Script {
  const lua = urls.map((url) => readFileSync(url, 'utf8')).join('');
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/**
 * EVALSHA, and EVAL where the server has lost its script cache (restart, failover, SCRIPT FLUSH).
 * @throws what the client throws; for a right missing inside the script, with the name of the command
 */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(script.sha, keys.length, ...keys, ...args).catch((error: unknown) => {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(script.lua, keys.length, ...keys, ...args);
    });
  } catch (error) {
    throw namedRefusal(error, script.lua) ?? unwrapped(error);
  }
}

/** Redis 6.2 puts its own words around an error that a script did not catch: `READONLY ...` is at the end of a long line. */
function unwrapped(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const inner = /^ERR Error running script \(call to f_\w+\): @user_script:\d+: @user_script: \d+: -?(.*)$/s.exec(
    error.message,
  )?.[1];
  return inner === undefined ? error : new Error(inner, { cause: error });
}
