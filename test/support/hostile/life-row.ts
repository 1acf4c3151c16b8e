import type { HostileSocket } from './hostile-socket.ts';
import type { Reason } from './row.ts';
import type { SubjectKind } from './subject-names.ts';

/** One thing that a network or a peer can do to a live websocket, and what Relax promises for it. */
export interface LifeRow {
  /** In a few words: a noun. */
  fault: string;
  /** As of a `Row`. */
  line?: string;
  /** Both, if undefined. */
  transports?: readonly SubjectKind[];
  /** Slots at once, each with another variant of the fault; 1 if undefined. */
  slots?: number;
  /** In place of the proper greeting of each slot's first socket. */
  greet?(socket: HostileSocket, kind: SubjectKind): void | Promise<void>;
  /** Once the first socket of a slot has said hello and sent an event. @param at which of the row's slots, from 0 */
  inflict?(socket: HostileSocket, kind: SubjectKind, at: number): void | Promise<void>;
  promise: LifePromise;
  /** What is not kept under Bun, and why; the test is skipped there, and says so. */
  notOnBun?: { transport: SubjectKind; why: string };
  /**
   * What each slot offers to the queue in all, by kind: each thing that was read ends in exactly one. To be added to the events
   * that are sent before and after the fault.
   */
  offers?(kind: SubjectKind): Offers;
  /** Envelopes that each slot acknowledges besides those two; its events, if undefined. Over Socket Mode only. */
  acknowledges?: number | 'any';
}

export type Offers = Readonly<Partial<Record<'event' | 'malformed' | 'tooLarge' | 'filtered', number>>>;

export type LifePromise =
  /** The slot says one of these reasons, and is live again. */
  | {
      kind: 'replaced';
      reasons: readonly Reason[];
      /** From the beginning of the fault. */
      detectedWithinMs: number;
    }
  /** The socket stays, nobody is told, and the next event comes soon. */
  | { kind: 'unharmed' };

export const transportsOfLife = ({ transports = ['rtm', 'socketMode'] }: LifeRow): readonly SubjectKind[] => transports;
