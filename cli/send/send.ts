import { randomUUID } from 'node:crypto';
import type { SendConfig } from '../../core/config/config.ts';
import { ConfigError } from '../../core/config/config-input.ts';
import { createLog, errorText } from '../../core/process/log.ts';
import { sleep, systemTimers } from '../../core/process/timers.ts';
import { commandKeys } from '../../core/protocol/keys.ts';
import { redisFault } from '../../core/redis/fault.ts';
import { connectRedis } from '../../core/redis/ioredis-client.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { commandText } from './command-text.ts';
import type { SendOptions } from './options.ts';
import { isFinal, outcomeOf, readResult } from './outcome.ts';

/** Much shorter than what a message takes, and little to Redis. */
const ASK_MS = 100;

/**
 * `relax send`: pushes a command and waits for its result.
 * @param signal ends the waiting; what was pushed is sent all the same
 * @returns the exit code
 * @throws ConfigError for a command that would be refused, Error with one line when Redis can't be used
 */
export async function runSend(config: SendConfig, options: SendOptions, signal: AbortSignal): Promise<number> {
  const { commands } = config;
  if (commands === undefined) {
    const remedy = 'set it to the list that the connectors have, such as relax:commands';
    throw new ConfigError('send', [`RELAX_COMMANDS is empty, so that nothing is sent: ${remedy}`]);
  }
  const { id, text } = commandText(options, randomUUID());
  // One attempt; the error is printed once, by us.
  const redis = connectRedis(config.redis, 'command', 'send', createLog({ program: 'send', level: 'silent' }));
  let cause: unknown;
  redis.onError((error) => {
    cause = error;
  });
  let pushed = '';
  try {
    await redis.connect();
    const { wait, json } = options;
    const key = commandKeys(commands).result(id);
    const [before] = await redis.batch([
      ['get', key],
      ['rpush', commands, text],
    ]);
    pushed = `it was pushed as ${id}, but `;
    const result = readResult(await lastResult(redis, { key, before, withinMs: wait * 1000 }, signal));
    const { exitCode, words } = outcomeOf(result, { id, commands, wait });
    process.stdout.write(`${json ? JSON.stringify({ id, ...(result ?? { state: 'pushed' }) }) : words}\n`);
    return exitCode;
  } catch (error) {
    const fault = redisFault(error) ?? errorText(cause ?? error);
    throw new Error(`${pushed}Redis can't be asked (RELAX_REDIS_URL): ${fault}`, { cause: error });
  } finally {
    redis.close();
  }
}

/**
 * Asks until the result is final, time is over or the signal aborts.
 * @param before the result of an earlier command of this id: if that failed, it says nothing of this one
 */
async function lastResult(
  redis: Redis,
  { key, before, withinMs }: { key: string; before: string | null; withinMs: number },
  signal: AbortSignal,
): Promise<string | null> {
  const stale = readResult(before)?.state === 'failed' ? before : null;
  const untilMs = systemTimers.monotonicMs() + withinMs;
  for (;;) {
    const found = await redis.get(key);
    const result = found === stale ? null : found;
    if (isFinal(readResult(result)) || signal.aborted || systemTimers.monotonicMs() >= untilMs) return result;
    await sleep(systemTimers, ASK_MS, signal);
  }
}
