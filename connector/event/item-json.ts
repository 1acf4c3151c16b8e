import type { QueueItem } from '../../core/protocol/queue-item.ts';
import type { NormalizedEvent } from './normalize.ts';

/**
 * The queue item as it goes to Redis. `event` is Slack's own text, spliced in: a number beyond 2^53 keeps its digits, keys
 * their order, and nothing is encoded twice.
 * @returns undefined for what readers could not parse: nested too deeply
 */
export function itemJson({ item, eventText }: NormalizedEvent): string | undefined {
  if (eventText === undefined || !eventText.isWellFormed()) return encode(item);
  if (nestsTooDeeply(eventText)) return undefined;
  const { envelope, reply, received_at } = item;
  const tail = encode({ envelope, reply, received_at });
  if (tail === undefined || nestsTooDeeply(tail)) return undefined;
  return `${JSON.stringify(headOf(item)).slice(0, -1)},"event":${eventText},${tail.slice(1)}`;
}

/** What stands before the event. By name: a literal is copied and encoded twice as fast as the rest of an item. */
const headOf = (item: QueueItem): Omit<QueueItem, 'event' | 'envelope' | 'reply' | 'received_at'> => ({
  type: item.type,
  user_uid: item.user_uid,
  channel_uid: item.channel_uid,
  team_uid: item.team_uid,
  im: item.im,
  text: item.text,
  relax_bot_uid: item.relax_bot_uid,
  timestamp: item.timestamp,
  provider: item.provider,
  event_timestamp: item.event_timestamp,
  namespace: item.namespace,
  attachments: item.attachments,
  id: item.id,
  bot: item.bot,
});

function encode(item: unknown): string | undefined {
  try {
    return JSON.stringify(item);
  } catch {
    return undefined;
  }
}

/** JSON parsers of many languages give up long before this; Slack's events have some 20 levels. */
const MAX_LEVELS = 5_000;

/** A shorter text can't have that many levels, so that hardly any is looked through. */
function nestsTooDeeply(json: string): boolean {
  if (json.length < 2 * MAX_LEVELS) return false;
  let levels = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    switch (json.charCodeAt(at)) {
      case 0x5c: // backslash: only in strings, where it takes the next character along
        at += 1;
        break;
      case 0x22: // quote
        inString = !inString;
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (!inString && ++levels > MAX_LEVELS) return true;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        if (!inString) levels -= 1;
        break;
    }
  }
  return false;
}
