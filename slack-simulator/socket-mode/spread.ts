/** Which of the app's sockets gets the next envelope: in turn, or at random from a seed. */
export type Spread = 'roundRobin' | { seed: number };

/** Picks an index below `count` (above 0), for each app in a row of its own. */
export function createSpread(spread: Spread): (appID: string, count: number) => number {
  if (spread === 'roundRobin') {
    const turns = new Map<string, number>();
    return (appID, count) => {
      const turn = turns.get(appID) ?? 0;
      turns.set(appID, turn + 1);
      return turn % count;
    };
  }
  let state = spread.seed >>> 0;
  return (_appID, count) => {
    // Mulberry32: the same row for the same seed, in every process.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count;
  };
}
