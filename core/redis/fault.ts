import { errorText } from '../process/log.ts';
import { aclFault } from './acl.ts';

/** No command may take longer: enough for a Redis under load, and a cut connection is noticed before a lease expires. */
export const COMMAND_TIMEOUT_MS = 4_000;

/**
 * Why a call has no answer from Redis: nothing was sent, the time ran out, or the connection was closed before the answer
 * arrived. In the last two cases the command may have run.
 */
type ConnectionFault = 'noConnection' | 'noAnswer' | 'cutOff';

/** The client's errors, and the one that Redis sends before it closes because of what was sent. */
const WORDS: readonly [RegExp, ConnectionFault][] = [
  [/^Stream isn't writeable/, 'noConnection'],
  [/^Command timed out$/, 'noAnswer'],
  [/^(?:Reached the max retries|ERR Protocol error)/, 'cutOff'],
];

/** Undefined if Redis did answer with an error of its own, or if the error is not about a connection. */
export function connectionFault(error: unknown): ConnectionFault | undefined {
  const text = errorText(error);
  return WORDS.find(([words]) => words.test(text))?.[1];
}

/** A smaller message may get through. */
export const isCutOff = (error: unknown): boolean => connectionFault(error) === 'cutOff';

/**
 * After a failover the address may belong to the new primary while this connection still leads to the old one, now a
 * replica: only reconnecting helps. The client does so for errors that it sees; for errors inside a script's answer, the
 * caller must (`Redis.reconnect`). A read that waits when its server becomes a replica ends with UNBLOCKED.
 */
export const isReadOnly = ({ message }: { message: string }): boolean => /\bREADONLY\b|^UNBLOCKED\b/.test(message);

/** What a failed Redis call means to a person; `undefined` when the error is not Redis' own answer. */
export function redisFault(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : String(error);
  if (text.startsWith('OOM')) return 'Redis is full (OOM): raise maxmemory or let consumers catch up';
  if (text.startsWith('READONLY')) return 'Redis is a read-only replica: point RELAX_REDIS_URL at the primary';
  if (text.startsWith('WRONGTYPE')) return 'the queue key holds another type: rename that key or set RELAX_QUEUE';
  if (text.startsWith('MISCONF')) return 'Redis refuses writes because it cannot persist (MISCONF): see its log';
  if (text.startsWith('NOAUTH') || text.startsWith('WRONGPASS')) {
    return 'Redis refused the password: check RELAX_REDIS_USERNAME and RELAX_REDIS_PASSWORD_FILE';
  }
  return aclFault(text);
}

export const NO_CONNECTION = 'no connection to Redis';

/** A failed Redis call in words for people: the client's own errors talk about its options. */
export function redisErrorText(error: unknown): string {
  const text = errorText(error);
  switch (connectionFault(error)) {
    case 'noConnection':
      return NO_CONNECTION;
    case 'noAnswer':
      return `no answer from Redis within ${COMMAND_TIMEOUT_MS / 1000} s`;
    case 'cutOff':
      // If Redis gave a reason, that is the better message.
      return text.startsWith('ERR ') ? text : NO_CONNECTION;
    case undefined:
      return aclFault(text) ?? text;
  }
}
