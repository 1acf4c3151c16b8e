import type { FleetView } from './fleet-view.ts';
import type { PlannerOptions } from './planner-options.ts';

/**
 * Brings about what is desired: reads sessions, assignments and reports, plans, writes. One loop; holds the planner lock
 * of its cluster scope or waits for it. None of its methods throws.
 */
export class Planner {
  readonly #options: PlannerOptions;
  readonly #view: FleetView = { bots: new Map(), pods: [], settled: false };

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  start(): void {}

  /** What is desired has changed. */
  nudge(): void {}

  /** Ends the loop after the write under way and frees the lock. */
  async stop(): Promise<void> {}

  /** The fleet after the last round; as it was then while Redis is away. */
  view(): FleetView {
    return this.#view;
  }

  /** What keeps the fleet from being planned, in words that a person can act on; empty when nothing does. */
  faults(): string[] {
    void this.#options;
    return [];
  }
}
