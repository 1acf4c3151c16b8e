/** What an outbox is called, what stands in it, and who may send from it. Pure. */

import { type Command, type CommandFailure, malformed, parseCommand } from '../../core/protocol/command.ts';
import type { Sender, Senders } from './sender.ts';

/** A command in its outbox: what Relax notes of it, and the bytes that the application pushed. */
export interface Entry {
  /** Redis time. */
  acceptedMs: number;
  id: string;
  text: string;
  parsed: { command: Command } | { failure: CommandFailure };
}

/** One for each addressee and channel: `T1/C1` or `namespace/name/C1`. */
export const outboxOf = ({ bot, team = '', channel }: Pick<Command, 'bot' | 'team' | 'channel'>): string =>
  `${bot ?? team}/${channel}`;

export interface Address {
  addressee: { bot: string } | { team: string };
  channel: string;
}

export function addressOf(outbox: string): Address {
  const parts = outbox.split('/');
  const channel = parts.pop() ?? '';
  const name = parts.join('/');
  return { addressee: parts.length > 1 ? { bot: name } : { team: name }, channel };
}

/** The outbox's name without the channel. */
export const addresseeOf = (outbox: string): string => outbox.slice(0, Math.max(0, outbox.lastIndexOf('/')));

/** The script that claims reads its first two words (`claim.lua`). */
export const entryPrefix = ({ via }: Pick<Command, 'via'>, id: string, acceptedMs: number): string =>
  `${acceptedMs} ${via} ${encodeURIComponent(id)} `;

export function parseEntry(entry: string): Entry {
  const [, acceptedMs, id = '', text = ''] = /^(\d+) \w+ (\S*) (.*)$/s.exec(entry) ?? [];
  const parsed = acceptedMs === undefined ? { failure: malformed('it is not what Relax wrote') } : parseCommand(text);
  return {
    acceptedMs: Number(acceptedMs ?? 0),
    id: decodeID(id),
    text: acceptedMs === undefined ? entry : text,
    parsed,
  };
}

function decodeID(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/**
 * Who sends for an addressee here: of several SlackBots of a team the first that has a token.
 * @returns undefined if this process serves none of them
 */
export function senderOf({ addressee }: Address, senders: Pick<Senders, 'ofTeam' | 'ofBot'>): Sender | undefined {
  if ('bot' in addressee) return senders.ofBot(addressee.bot);
  const all = senders.ofTeam(addressee.team);
  return all.find(({ token }) => token !== undefined) ?? all[0];
}
