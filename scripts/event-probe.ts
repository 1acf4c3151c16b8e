import { isLossy } from '../connector/event/filter.ts';
import type { Mark } from '../connector/event/mark.ts';
import { type NormalizedEvent, normalize } from '../connector/event/normalize.ts';
import { decodeRtmFrame } from '../connector/transport/rtm/rtm-frame.ts';
import { decodeSocketModeFrame } from '../connector/transport/socket-mode/socket-mode-frame.ts';
import type { Frame } from '../connector/transport/transport.ts';

/**
 * Finds out what identifies an event by asking the code: a sample of Slack goes through the connector with the name of each
 * field as its value, and the names are read off the identity again. Pure.
 */
export interface Traits {
  /** Of the queue item. */
  itemType: string;
  /** Fields whose values are the event's own part of the id. `REST`: a digest of what the others leave out. */
  identifiedBy: readonly string[];
  /** The field whose time says where the mark is kept; `ARRIVAL` if the event has none. */
  markedBy: string;
  /** Queued only if `events.include` names it. */
  isLossy: boolean;
  isUrgent: boolean;
}

export const REST = 'rest';
export const ARRIVAL = 'arrival';

/** @returns undefined for a frame that is about the socket */
export const rtmTraits = (sample: unknown): Traits | undefined => {
  const probe = new Probe();
  return traitsOf(probe, decodeRtmFrame(JSON.stringify(probe.fill(sample))));
};

/** @param type of the envelope */
export const envelopeTraits = (type: string, payload: unknown): Traits | undefined => {
  const probe = new Probe();
  const filled = probe.fill(payload, { event: probe.fill(eventOf(payload)) });
  const frame = { envelope_id: 'envelope_id', type, payload: filled, accepts_response_payload: false };
  return traitsOf(probe, decodeSocketModeFrame(JSON.stringify(frame)));
};

const SOURCE = {
  cluster: 'cluster',
  ownerUid: 'uid',
  bot: 'namespace/name',
  generation: 1,
  teamID: 'team',
  slackTeamID: 'team',
  botUserID: 'bot',
  queueNamespace: '',
};

function traitsOf(probe: Probe, decoded: Frame): Traits | undefined {
  if (decoded.kind !== 'event') return undefined;
  const { envelope, event } = decoded;
  const include = [String(event.type), envelope?.type ?? ''];
  const result = normalize(event, { ...SOURCE, events: { include, exclude: [], own: true } }, 0, decoded);
  return result.kind === 'event'
    ? {
        itemType: result.item.type,
        identifiedBy: identifiedBy(probe, result),
        markedBy: markedBy(probe, result.mark),
        isLossy: envelope === undefined && isLossy(String(event.type)),
        isUrgent: result.urgent,
      }
    : undefined;
}

/** Behind team, bot or app, and type. */
const OWN_PARTS = 3;
const DIGEST = /^~?[\w-]{22}$/;

function identifiedBy(probe: Probe, { item }: NormalizedEvent): string[] {
  const parts = item.id.split('/').slice(OWN_PARTS).map(unescaped);
  const names = parts.flatMap((part) => {
    // `channel=channel.id` and `item=item.type+item.channel+item.ts` say what the values are.
    const values = /^\w+=(.*)$/.exec(part)?.[1]?.split('+') ?? [part];
    return values.filter((value) => value !== '').map((value) => (DIGEST.test(value) ? REST : probe.nameOf(value)));
  });
  return [...new Set(names.filter((name) => name !== REST)), ...(names.includes(REST) ? [REST] : [])];
}

const unescaped = (part: string): string => part.replaceAll('%2f', '/').replaceAll('%25', '%');

function markedBy(probe: Probe, mark: Mark): string {
  switch (mark.kind) {
    case 'timed':
      return probe.nameOf(String(mark.atMs / 1000));
    case 'numbered':
      return 'event_id';
    case 'untimed':
    case 'own':
      return ARRIVAL;
    default:
      return mark satisfies never;
  }
}

const eventOf = (payload: unknown): unknown =>
  typeof payload === 'object' && payload !== null && 'event' in payload ? payload.event : undefined;

/** Values that tell which field they are of. */
class Probe {
  #times = 0;
  readonly #names = new Map<string, string>();

  /** The sample with the name of each field as its value; a time where the field is one, or a number. */
  fill(value: unknown, instead: Readonly<Record<string, unknown>> = {}): unknown {
    return this.#filled(value, '', instead);
  }

  nameOf(value: string): string {
    return this.#names.get(value) ?? value;
  }

  #filled(value: unknown, path: string, instead: Readonly<Record<string, unknown>> = {}): unknown {
    if (Array.isArray(value)) return value.map((element: unknown) => this.#filled(element, path));
    if (typeof value === 'object' && value !== null) {
      const fields = Object.entries(value).map(([key, inner]): [string, unknown] => {
        const name = path === '' ? key : `${path}.${key}`;
        return [key, instead[key] ?? this.#leaf(inner, name)];
      });
      return Object.fromEntries(fields);
    }
    return this.#leaf(value, path);
  }

  #leaf(value: unknown, path: string): unknown {
    if (typeof value === 'object' && value !== null) return this.#filled(value, path);
    if (/^(sub)?type$/.test(path)) return value;
    if (typeof value === 'number') return this.#time(path, '');
    if (typeof value !== 'string') return value;
    return /(^|[._])ts$/.test(path) ? this.#time(path, '.000100') : path;
  }

  #time(path: string, fraction: string): string | number {
    this.#times += 1;
    const seconds = 1_700_000_000 + this.#times;
    this.#names.set(String(seconds), path);
    this.#names.set(`${seconds}${fraction}`, path);
    return fraction === '' ? seconds : `${seconds}${fraction}`;
  }
}
