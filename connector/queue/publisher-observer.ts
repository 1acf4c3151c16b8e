import type { Outcome } from './outcome.ts';

/** For metrics and logs. If it throws, only its own work is lost. */
export interface PublisherObserver {
  /** @param waitedMs from offer to outcome; 0 for what never waited */
  settled?(outcome: Outcome, waitedMs: number): void;
  /** A batch came back. @param error undefined when Redis answered, whatever it said */
  batch?(events: number, tookMs: number, error: string | undefined): void;
  /** Redis refused one event permanently, or queued it without a mark. */
  refused?(words: string): void;
  /** A callback threw: a defect of whoever gave it. */
  threw?(error: unknown): void;
}

/** Calls an observer. An event that is on the queue stays settled, whatever its observers do. */
export function tell(observer: PublisherObserver, callback: () => void): void {
  try {
    callback();
  } catch (error) {
    threw(observer, error);
  }
}

/** A callback threw. */
export function threw(observer: PublisherObserver, error: unknown): void {
  try {
    observer.threw?.(error);
  } catch {
    // There is nobody left to report it to.
  }
}
