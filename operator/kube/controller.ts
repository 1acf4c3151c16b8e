import type { Clock } from '../../core/process/clock.ts';
import { systemClock } from '../../core/process/clock.ts';
import { errorText, type Log } from '../../core/process/log.ts';
import type { WorkQueue } from './workqueue.ts';

/** What a reconcile may end in. controller-runtime has the same four. */
export type Outcome =
  | { kind: 'done' }
  /** All is well so far; look again then. */
  | { kind: 'requeueAfter'; delayMs: number }
  /** Failed in a way that may pass: again after the key's backoff. */
  | { kind: 'retry'; error: unknown }
  /** Failed in a way that only a change of the object can repair: not tried again before that. */
  | { kind: 'terminal'; error: unknown };

/** Label values of controller_runtime_reconcile_total. */
type ReconcileResult = 'success' | 'requeue_after' | 'error';

/** What controller-runtime reports; label `controller` is the controller's name. */
export interface ControllerObserver {
  /** controller_runtime_reconcile_total{result} and controller_runtime_reconcile_time_seconds */
  reconciled?(result: ReconcileResult, seconds: number): void;
  /** controller_runtime_reconcile_errors_total: every error, terminal or not */
  failed?(): void;
  /** controller_runtime_terminal_reconcile_errors_total */
  failedForGood?(): void;
  /** controller_runtime_reconcile_panics_total: the reconcile threw instead of answering */
  threw?(): void;
  /** controller_runtime_active_workers */
  activeWorkers?(count: number): void;
}

interface ControllerOptions {
  name: string;
  queue: WorkQueue;
  /** @param signal aborts when `stop` ran out of patience */
  reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>;
  log: Log;
  /** controller_runtime_max_concurrent_reconciles */
  workers?: number;
  observer?: ControllerObserver;
  clock?: Clock;
}

/** Workers that take keys from a queue and reconcile them; the queue sees to it that a key has one worker at a time. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #clock: Clock;
  readonly #observer: ControllerObserver;
  readonly #aborted = new AbortController();
  #workers: Promise<void>[] = [];
  #active = 0;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#observer = options.observer ?? {};
  }

  start(): void {
    if (this.#workers.length > 0) return;
    this.#workers = Array.from({ length: this.#options.workers ?? 1 }, () => this.#work());
  }

  /**
   * Shuts the queue down, lets what waits finish, and after `graceMs` tells the reconciles that still run to give up.
   * Resolves when all workers have ended.
   */
  async stop(graceMs: number): Promise<void> {
    this.#options.queue.shutDown();
    const timer = setTimeout(() => this.#aborted.abort(new Error('the controller is stopping')), graceMs);
    await Promise.all(this.#workers);
    clearTimeout(timer);
  }

  async #work(): Promise<void> {
    const { queue } = this.#options;
    for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
      // Out of patience: what still waits is handed out and put down again, so that the queue drains.
      if (!this.#aborted.signal.aborted) await this.#reconcile(key);
      queue.done(key);
    }
  }

  async #reconcile(key: string): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    this.#observer.activeWorkers?.(++this.#active);
    const outcome = await this.#outcome(key);
    this.#observer.activeWorkers?.(--this.#active);
    const seconds = (this.#clock.monotonicMs() - startMs) / 1000;
    this.#observer.reconciled?.(this.#settle(key, outcome), seconds);
  }

  async #outcome(key: string): Promise<Outcome> {
    try {
      return await this.#options.reconcile(key, this.#aborted.signal);
    } catch (error) {
      this.#observer.threw?.();
      return { kind: 'retry', error };
    }
  }

  #settle(key: string, outcome: Outcome): ReconcileResult {
    const { queue, log, name } = this.#options;
    switch (outcome.kind) {
      case 'done':
        queue.forget(key);
        return 'success';
      case 'requeueAfter':
        queue.forget(key);
        queue.addAfter(key, outcome.delayMs);
        return 'requeue_after';
      case 'retry':
        queue.addRateLimited(key);
        log.warn(
          { controller: name, key, failures: queue.failuresOf(key), err: errorText(outcome.error) },
          'reconcile failed',
        );
        this.#observer.failed?.();
        return 'error';
      case 'terminal':
        queue.forget(key);
        log.error({ controller: name, key, err: errorText(outcome.error) }, 'reconcile failed with a terminal error');
        this.#observer.failed?.();
        this.#observer.failedForGood?.();
        return 'error';
    }
  }
}
