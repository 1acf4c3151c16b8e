/** What is done with a command that has just come. Pure. */

import {
  type CommandFailure,
  type CommandResult,
  deadLetter,
  MOST_COMMAND_BYTES,
  parseCommand,
  tooLarge,
} from '../../core/protocol/command.ts';
import { entryPrefix, outboxOf } from './outbox.ts';
import type { Arrived, Routed } from './outbox-store.ts';

/**
 * @param newID for a command without one, in its dead letter
 * @param barred why Redis can't take it, if that is known
 */
export function routeArrived(
  arrived: Arrived,
  redisMs: number,
  newID: () => string,
  barred?: CommandFailure | undefined,
): Routed {
  if (arrived.bytes > MOST_COMMAND_BYTES) return refuse(arrived, undefined, tooLarge(arrived.bytes), redisMs, newID);
  const parsed = parseCommand(arrived.text);
  if ('failure' in parsed) return refuse(arrived, parsed.id, parsed.failure, redisMs, newID);
  const { command } = parsed;
  if (barred !== undefined) return refuse(arrived, command.id, barred, redisMs, newID);
  return {
    sha: arrived.sha,
    outbox: outboxOf(command),
    prefix: entryPrefix(command, command.id ?? '', redisMs),
    id: command.id,
    result: encodeResult({ state: 'queued', at: isoTime(redisMs) }),
    letter: '',
  };
}

/** A command that has to be refused for what `failure` says. */
function refuse(
  { sha, text }: Pick<Arrived, 'sha' | 'text'>,
  id: string | undefined,
  failure: CommandFailure,
  redisMs: number,
  newID: () => string,
): Routed {
  const at = isoTime(redisMs);
  return {
    sha,
    outbox: undefined,
    prefix: '',
    id,
    result: encodeResult({ state: 'failed', at, ...failure }),
    letter: deadLetter(failure, { id: id ?? newID(), at, command: text }),
  };
}

/** The state comes first: `route-commands.lua` looks for it there. */
export const encodeResult = ({ state, ...rest }: CommandResult): string => JSON.stringify({ state, ...rest });

export const isoTime = (redisMs: number): string => new Date(redisMs).toISOString();
