import type { SlotSpec } from '../transport/slot-spec.ts';
import type { SlotStatus } from './slot-status.ts';

/**
 * A running slot as the registry sees it (`slot-runner.ts` implements it). All methods are quick and never throw. The
 * `onStatus` given at construction is called on changes only.
 */
export interface SlotHandle<S extends SlotSpec> {
  start(): void;
  /** A new generation, filter or namespace applies to the next frame; a new token opens a socket before the old closes. */
  update(spec: S): void;
  /** Stops or resumes reading, as the publisher's buffer asks. */
  setPressure(pressed: boolean): void;
  status(): SlotStatus;
  /** Closes permanently; resolves when every socket of it is gone (bounded by about 1 s, of a paused one 2 s). */
  stop(): Promise<void>;
}
