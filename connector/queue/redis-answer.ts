import { errorText } from '../../core/log.ts';
import { redisFault } from '../../core/redis.ts';

/** Which of the script's keys an error is about. */
export type FaultyKey = 'queue' | 'fence' | 'mark';

/** What the script says of one event (`enqueue.lua`). */
export type EnqueueResult =
  | { kind: 'queued' | 'duplicate' | 'fenced' | 'full' }
  | { kind: 'unmarked'; error: string }
  | { kind: 'error'; key: FaultyKey; error: string };

const PLAIN = new Set(['queued', 'duplicate', 'fenced', 'full']);

/** @returns undefined when it is no answer of the script */
export function parseResult(answer: unknown): EnqueueResult | undefined {
  if (typeof answer !== 'string') return undefined;
  if (PLAIN.has(answer)) return { kind: answer as 'queued' };
  const unmarked = /^unmarked:(.*)$/s.exec(answer);
  if (unmarked !== null) return { kind: 'unmarked', error: scriptError(unmarked[1] ?? '') };
  const [, key, error = ''] = /^error:(queue|fence|mark):(.*)$/s.exec(answer) ?? [];
  return key === undefined ? undefined : { kind: 'error', key: key as FaultyKey, error: scriptError(error) };
}

/** Redis before 7 puts the script's line before the errors of its own checks: `@user_script: 44: -OOM command ...`. */
const scriptError = (error: string): string => error.replace(/^@?user_script:\s*\d+:\s*-?/, '').trim();

/** Errors that pass or that a person can end, in words for the readiness report; `redisFault` knows the others. */
const PASSING: ReadonlyMap<string, string> = new Map([
  ['LOADING', 'Redis is loading its data after a start'],
  ['BUSY', 'Redis is busy with a script of another client'],
  ['NOREPLICAS', 'Redis has too few replicas to accept writes (NOREPLICAS)'],
  ['MASTERDOWN', 'Redis is a replica that lost its primary (MASTERDOWN)'],
  ['CLUSTERDOWN', 'the Redis cluster is down (CLUSTERDOWN)'],
  ['TRYAGAIN', 'the Redis cluster is moving the queue (TRYAGAIN)'],
  ['MOVED', 'Redis is a cluster node that does not hold the queue (MOVED)'],
  ['ASK', 'the Redis cluster is moving the queue (ASK)'],
]);

/** Redis' own words for a state that passes; undefined for anything else, a lost connection included. */
export function passingFault(error: unknown): string | undefined {
  const text = errorText(error);
  return redisFault(error) ?? PASSING.get(text.split(' ', 1)[0] ?? '');
}

/**
 * Whether an event that the script refused is worth another try, and what to tell people.
 * Another type under a mark key is final: it can't be told whether the event is a duplicate, and waiting for somebody to
 * clean up a key in our own name space would hold back every event behind it.
 */
export function refusal(key: FaultyKey, error: string): { retry: boolean; words: string } {
  if (error.startsWith('WRONGTYPE') && key !== 'queue') {
    const words = `a ${key} key holds another type: remove the keys that Relax did not write`;
    return { retry: key === 'fence', words };
  }
  const passing = passingFault(error);
  return { retry: passing !== undefined, words: passing ?? `Redis refuses an event: ${errorText(error)}` };
}
