/**
 * What happens when too much is waiting for Redis (backpressure, design rule 5). The bytes of the buffer are one bound for
 * two sorts of events, and this is the one place that says who gives way:
 *
 * - What Slack sends **once** (RTM) would be lost, so its sockets are not read for a while (`pressureOf`): first those of the
 *   bots that cause it, since a bot that floods must not silence the others; everybody's only when that is not enough, or
 *   when the oldest event grows old, which is caused by Redis rather than by a bot.
 * - What Slack sends **again** unless it is acknowledged (Socket Mode) is refused and stays unacknowledged (`isRefused`): at
 *   75 % of all bytes that of the bots that fill most of the buffer, at 85 % that of everybody. Its age is no reason: an
 *   outage of minutes must not lose events whose last redelivery comes meanwhile.
 *
 * The last tenth of all bytes is for what has been read already when no socket may be read any more; what is sent again never
 * takes any of it. The thresholds of the sockets are shares of the room that it leaves below that tenth: an app that floods
 * takes room, but no socket pauses before what came over sockets fills most of the rest.
 */
export interface Pressure {
  /** Nobody is read. */
  all: boolean;
  /** Bots, by fence field, that are not read. */
  bots: ReadonlySet<string>;
  /** Fill level (of bytes) at which this was decided; it is decided again when the level has changed considerably. */
  atFill: number;
}

export const NO_PRESSURE: Pressure = { all: false, bots: new Set(), atFill: 0 };

/** Bots, by fence field, of which nothing that Slack sends again is taken while the buffer is at `REFUSE_AT` or above. */
export type Refusal = Pick<Pressure, 'bots' | 'atFill'>;

export const NO_REFUSAL: Refusal = NO_PRESSURE;

/** What waits of one sort of events. */
export interface Share {
  /** Of the limit in bytes, 0 when empty and 1 when it is reached. */
  readonly fill: number;
  /** Fence field -> bytes that wait. */
  readonly bytesOf: ReadonlyMap<string, number>;
}

export interface BufferLoad {
  /** Of the oldest event that is sent once, 1 when the limit is reached. */
  age: number;
  once: Share;
  again: Share;
}

const PAUSE_AT = 0.8;
const RESUME_AT = 0.5;
/** The rest of the buffer is for events that were already read from sockets that pause now. */
const ALL_AT = 0.9;
/** The same two for what Slack sends again: it gives way first. */
const REFUSE_AT = 0.75;
const REFUSE_ALL_AT = 0.85;
/** Below `ALL_AT`, and no event that is sent again takes the buffer beyond it, however large it is. */
export const MOST_AGAIN = 0.88;
/** How much the level must change before the heaviest bots are determined again; per event that would be too expensive. */
const LOOK_EVERY = 0.04;

/** So little waits that nobody pauses, and nothing is refused, for its bytes. */
export const isCalm = (once: Pick<Share, 'fill'>, again: Pick<Share, 'fill'>): boolean =>
  once.fill + again.fill <= RESUME_AT;

/** Between the thresholds nothing changes, so that reading does not oscillate (hysteresis). */
export function pressureOf({ age, once, again }: BufferLoad, before: Pressure): Pressure {
  const fill = (ALL_AT * once.fill) / (ALL_AT - again.fill);
  if (before.all) return fill <= RESUME_AT && age <= RESUME_AT ? NO_PRESSURE : before;
  if (age >= PAUSE_AT || fill >= ALL_AT) return { all: true, bots: NO_PRESSURE.bots, atFill: fill };
  if (fill <= RESUME_AT) return NO_PRESSURE;
  const pressed = before.bots.size > 0;
  if (!pressed && fill < PAUSE_AT) return NO_PRESSURE;
  if (pressed && Math.abs(fill - before.atFill) < LOOK_EVERY) return before;
  return { all: false, bots: heaviest([...once.bytesOf], RESUME_AT / fill), atFill: fill };
}

/** Whose events that Slack sends again are refused from `REFUSE_AT` on. */
export function refusalOf({ once, again }: BufferLoad, before: Refusal): Refusal {
  const fill = once.fill + again.fill;
  if (fill <= RESUME_AT) return NO_REFUSAL;
  const known = before !== NO_REFUSAL;
  if (known ? Math.abs(fill - before.atFill) < LOOK_EVERY : fill < REFUSE_AT) return before;
  return { bots: heaviest([...once.bytesOf, ...again.bytesOf], RESUME_AT / fill), atFill: fill };
}

/** Whether an event that Slack sends again stays unacknowledged. There is nothing to oscillate, hence no hysteresis. */
export function isRefused({ once, again }: BufferLoad, { bots }: Refusal, fenceField: string): boolean {
  const fill = once.fill + again.fill;
  return fill >= REFUSE_ALL_AT || (fill >= REFUSE_AT && bots.has(fenceField));
}

/** Everybody's events that Slack sends again are refused. */
export const refusesAll = ({ once, again }: BufferLoad): boolean => once.fill + again.fill >= REFUSE_ALL_AT;

/** The bots with the largest shares: as few as needed for the others to have at most `rest` of all bytes. */
function heaviest(shares: readonly (readonly [bot: string, bytes: number])[], rest: number): ReadonlySet<string> {
  let total = 0;
  for (const [, bytes] of shares) total += bytes;
  let others = total;
  const bots = new Set<string>();
  for (const [bot, bytes] of [...shares].sort(([, a], [, b]) => b - a)) {
    if (others <= rest * total) break;
    others -= bytes;
    bots.add(bot);
  }
  return bots;
}

export const isPressed = ({ all, bots }: Pressure): boolean => all || bots.size > 0;
