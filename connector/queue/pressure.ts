/**
 * Whose sockets are not read because too much waits for Redis. Pressure falls first on the bots that cause it: one that
 * floods must not silence the others. Only when that is not enough, or when the oldest event grows old, which is the doing
 * of Redis and of no bot, does everybody wait.
 */
export interface Pressure {
  /** Nobody is read. */
  all: boolean;
  /** Bots, by fence field, that are not read. */
  bots: ReadonlySet<string>;
  /** Fill of bytes at which this was decided: it is decided anew when that has changed a good deal. */
  atFill: number;
}

export const NO_PRESSURE: Pressure = { all: false, bots: new Set(), atFill: 0 };

export interface BufferLoad {
  /** Of the limits in bytes and in age, 0 when empty and 1 when reached. */
  fill: { bytes: number; age: number };
  /** Fence field -> bytes that wait. */
  bytesOf: ReadonlyMap<string, number>;
}

const PAUSE_AT = 0.8;
const RESUME_AT = 0.5;
/** What is left above it is for events that were read already, of sockets that pause now. */
const ALL_AT = 0.9;
/** The heaviest bots are looked for only so often: with every event that would cost more than the event. */
const LOOK_EVERY = 0.04;

/** Between the marks things stay as they are, so that reading does not flutter. */
export function pressureOf({ fill, bytesOf }: BufferLoad, before: Pressure): Pressure {
  if (before.all) return fill.bytes <= RESUME_AT && fill.age <= RESUME_AT ? NO_PRESSURE : before;
  if (fill.age >= PAUSE_AT || fill.bytes >= ALL_AT) return { all: true, bots: NO_PRESSURE.bots, atFill: fill.bytes };
  if (fill.bytes <= RESUME_AT) return NO_PRESSURE;
  const pressed = before.bots.size > 0;
  if (!pressed && fill.bytes < PAUSE_AT) return NO_PRESSURE;
  if (pressed && Math.abs(fill.bytes - before.atFill) < LOOK_EVERY) return before;
  return { all: false, bots: heaviest(bytesOf, RESUME_AT / fill.bytes), atFill: fill.bytes };
}

/** The bots with the largest shares, as few as it takes that the others have no more than `rest` of all bytes. */
function heaviest(bytesOf: ReadonlyMap<string, number>, rest: number): ReadonlySet<string> {
  let total = 0;
  for (const bytes of bytesOf.values()) total += bytes;
  let others = total;
  const bots = new Set<string>();
  for (const [bot, bytes] of [...bytesOf].sort(([, a], [, b]) => b - a)) {
    if (others <= rest * total) break;
    others -= bytes;
    bots.add(bot);
  }
  return bots;
}

export const isPressed = ({ all, bots }: Pressure): boolean => all || bots.size > 0;
