import type { SlotID } from '../../core/protocol/assignment.ts';
import type { SlotReport } from '../../core/protocol/report.ts';

/** The longest time that a starting connector waits for its sockets before it becomes ready (design rule 6). */
const ADOPTION_MS = 90_000;

/**
 * Whether a starting connector has resumed the slots that it found under its name. A rollout restarts the next pod when
 * this one is ready; if that is too early, a team has no socket.
 */
export class Adoption {
  #startedAtMs: number;
  #left: ReadonlySet<SlotID> | undefined;

  constructor(startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
  }

  /**
   * The first read of the assignments, from which the time is measured: before it, Redis or the pod's name was waited for.
   * @returns false for later reads, which are not part of the start
   */
  found(ids: Iterable<SlotID>, nowMs = this.#startedAtMs): boolean {
    if (this.#left !== undefined) return false;
    this.#startedAtMs = nowMs;
    this.#left = new Set(ids);
    return true;
  }

  /** @returns why adoption is not complete; undefined when it is, which is final */
  reason(stateOf: (id: SlotID) => SlotReport['state'] | undefined, nowMs: number): string | undefined {
    if (this.#left === undefined) return 'the assignments of this pod have not been read yet';
    if (nowMs - this.#startedAtMs >= ADOPTION_MS) this.#left = new Set();
    if (this.#left.size > 0) this.#left = new Set([...this.#left].filter((id) => underWay(stateOf(id))));
    if (this.#left.size === 0) return undefined;
    return `sockets that this pod held before are not live yet: ${this.#left.size} to go`;
  }
}

/** @param state undefined when the slot is no longer ours */
function underWay(state: SlotReport['state'] | undefined): boolean {
  switch (state) {
    case 'connecting':
      return true;
    case 'waiting':
    case 'live':
    case 'paused':
    case 'failed':
    case undefined:
      return false;
    default:
      return state satisfies never;
  }
}
