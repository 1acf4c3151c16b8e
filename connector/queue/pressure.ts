/**
 * Whose sockets are not read because too much is waiting for Redis (backpressure). It applies first to the bots that cause
 * it: a bot that floods must not silence the others. Everybody waits only when that is not enough, or when the oldest
 * event grows old, which is caused by Redis rather than by a bot.
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

export interface BufferLoad {
  /** Of the limits in bytes and in age, 0 when empty and 1 when reached. */
  fill: { bytes: number; age: number };
  /** Fence field -> bytes that wait. */
  bytesOf: ReadonlyMap<string, number>;
}

const PAUSE_AT = 0.8;
const RESUME_AT = 0.5;
/** The rest of the buffer is for events that were already read from sockets that pause now. */
const ALL_AT = 0.9;
/** How much the level must change before the heaviest bots are determined again; per event that would be too expensive. */
const LOOK_EVERY = 0.04;

/** Between the thresholds nothing changes, so that reading does not oscillate (hysteresis). */
export function pressureOf({ fill, bytesOf }: BufferLoad, before: Pressure): Pressure {
  if (before.all) return fill.bytes <= RESUME_AT && fill.age <= RESUME_AT ? NO_PRESSURE : before;
  if (fill.age >= PAUSE_AT || fill.bytes >= ALL_AT) return { all: true, bots: NO_PRESSURE.bots, atFill: fill.bytes };
  if (fill.bytes <= RESUME_AT) return NO_PRESSURE;
  const pressed = before.bots.size > 0;
  if (!pressed && fill.bytes < PAUSE_AT) return NO_PRESSURE;
  if (pressed && Math.abs(fill.bytes - before.atFill) < LOOK_EVERY) return before;
  return { all: false, bots: heaviest(bytesOf, RESUME_AT / fill.bytes), atFill: fill.bytes };
}

/** The bots with the largest shares: as few as needed for the others to have at most `rest` of all bytes. */
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
