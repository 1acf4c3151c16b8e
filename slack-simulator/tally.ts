/** Counts outcomes of calls or handshakes: of whom, then what. */
export function createTally(): {
  count(team: string, outcome: string): void;
  totals(): Record<string, Record<string, number>>;
} {
  const totals: Record<string, Record<string, number>> = {};
  return {
    count(team, outcome) {
      const outcomes = totals[team] ?? {};
      totals[team] = outcomes;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    },
    totals: () => structuredClone(totals),
  };
}
