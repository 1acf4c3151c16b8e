/**
 * Several criteria in one, the most important first: a later number decides only between equals in all earlier ones. Ranks
 * that are compared have the same length.
 */
export type Rank = readonly number[];

/** Above 0 if `a` is higher. */
export function compareRanks(a: Rank, b: Rank): number {
  for (const [at, value] of a.entries()) {
    const difference = value - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
