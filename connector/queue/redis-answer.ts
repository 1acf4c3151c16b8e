/** Reads the enqueue script's results, and says which errors of Redis are worth a retry (ADR 0011). */

import { errorText } from '../../core/process/log.ts';
import { aclFault } from '../../core/redis/acl.ts';
import { redisFault } from '../../core/redis/fault.ts';

/** Which of the script's keys an error is about. */
export type FaultyKey = 'queue' | 'urgent' | 'fence' | 'steps' | 'mark';

/** What the script says of one event (`enqueue.lua`). */
export type EnqueueResult =
  | { kind: 'queued' | 'duplicate' | 'fenced' | 'full' }
  | { kind: 'unmarked'; error: string }
  /** @property command that met the error, if the script says */
  | { kind: 'error'; key: FaultyKey; error: string; command?: string | undefined }
  /** Not of the script: Redis reads no message of this length at all. */
  | { kind: 'tooLarge'; error: string };

/** The script's answer to a batch that must say whose events it holds. */
export const FENCES = 'fences';

/** @returns the steps by which the batch should have been placed; undefined when that is not the answer */
export const otherSteps = (answer: unknown): string | undefined =>
  typeof answer === 'string' && answer.startsWith('steps ') ? answer.slice(6) : undefined;

/** By the script's letter; one object for all, since most events end in the same way. */
const PLAIN: Readonly<Record<string, EnqueueResult>> = {
  q: { kind: 'queued' },
  d: { kind: 'duplicate' },
  x: { kind: 'fenced' },
  f: { kind: 'full' },
};

/**
 * What became of each event of a batch.
 * @returns undefined when it is not an answer of the script to so many events
 */
export function parseAnswer(answer: unknown, events: number): EnqueueResult[] | undefined {
  const [letters, ...words]: unknown[] = Array.isArray(answer) ? answer : [answer];
  if (typeof letters !== 'string' || letters.length !== events) return undefined;
  const results: EnqueueResult[] = [];
  for (const letter of letters) {
    const result = PLAIN[letter] ?? (letter === 'u' || letter === 'e' ? inWords(letter, words.shift()) : undefined);
    if (result === undefined) return undefined;
    results.push(result);
  }
  return results;
}

function inWords(letter: 'u' | 'e', words: unknown): EnqueueResult | undefined {
  if (typeof words !== 'string') return undefined;
  if (letter === 'u') return { kind: 'unmarked', error: scriptError(words) };
  const [, key, command, error = ''] = /^(queue|urgent|fence|steps|mark):([a-z]+):(.*)$/s.exec(words) ?? [];
  return key === undefined ? undefined : { kind: 'error', key: key as FaultyKey, command, error: scriptError(error) };
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

/** What an ACL line needs to know beside Redis's own words. */
export interface AclNames {
  user?: string | undefined;
  queue?: string | undefined;
}

/**
 * Redis' own words for a state that passes; undefined for anything else, a lost connection included.
 * @param names a script is refused as a whole when one of its keys is
 */
export function passingFault(error: unknown, { user, queue }: AclNames = {}): string | undefined {
  const text = errorText(error);
  const keys = queue === undefined ? undefined : `${queue} ~{${queue}}:*`;
  return aclFault(text, { user, keys }) ?? redisFault(error) ?? PASSING.get(text.split(' ', 1)[0] ?? '');
}

/**
 * Whether an event that the script refused is worth another try, and what to tell people. It is, unless the error is
 * known to be final for this one event (ADR 0011): what Redis refuses today it may take tomorrow, and is no event's fault.
 * Another type under a mark key is final: it can't be told whether the event is a duplicate, and waiting for somebody to
 * clean up a key in our own name space would hold back every event behind it.
 */
export function refusal(
  key: FaultyKey,
  error: string,
  command?: string,
  names: AclNames = {},
): { retry: boolean; words: string } {
  if (error.startsWith('WRONGTYPE') && key === 'urgent') {
    const words = 'the key of the urgent events holds another type: rename that key or set RELAX_QUEUE_URGENT';
    return { retry: true, words };
  }
  if (error.startsWith('WRONGTYPE') && key !== 'queue') {
    const words = `a ${key} key holds another type: remove the keys that Relax did not write`;
    return { retry: key !== 'mark', words };
  }
  const { user, queue } = names;
  const keys = queue === undefined ? undefined : key === 'queue' ? queue : `{${queue}}:*`;
  const words = aclFault(error, { user, command, keys }) ?? passingFault(error);
  return {
    retry: true,
    words: words ?? `Redis refuses events with an error that Relax does not know: ${errorText(error)}`,
  };
}
