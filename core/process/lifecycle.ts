import { systemClock } from './clock.ts';
import { endByForceAfter, type ForcedEnd } from './forced-end.ts';
import { errorText, type Log } from './log.ts';

/** How much longer than its deadline stopping may take on an overloaded machine. */
const FORCE_MARGIN_MS = 1_000;

/**
 * Starts parts in order and stops them in reverse order. It also owns background work: if that fails, the program stops,
 * and the program ends only when all background work has ended or the deadline has passed.
 */
export class Lifecycle {
  /** Aborted when stopping begins; every loop and wait of the program depends on it. */
  readonly signal: AbortSignal;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  readonly #parts: { name: string; stop: () => Promise<void> | void }[] = [];
  readonly #background = new Map<Promise<void>, string>();
  /** Parts that threw while stopping, or were abandoned because they took too long. */
  readonly #unstopped: string[] = [];
  #stops: string | undefined;
  #failure: { error: unknown } | undefined;

  constructor(log: Log) {
    this.#log = log;
    this.signal = this.#stopping.signal;
  }

  /** Whatever `start` returns is later passed to `stop`. If `start` fails, there is nothing to stop for this part. */
  async part<T>(name: string, start: () => Promise<T> | T, stop: (started: T) => Promise<void> | void): Promise<T> {
    const started = await start();
    this.#parts.push({ name, stop: () => stop(started) });
    return started;
  }

  /** Work that runs until `signal` aborts. If it fails, the program stops with that error. */
  background(name: string, work: Promise<void>): void {
    const watched: Promise<void> = work
      .catch((error: unknown) => {
        if (this.signal.aborted && isAbort(error)) return;
        this.#log.error({ work: name, error: errorText(error) }, 'background work failed');
        this.fail(error);
      })
      .finally(() => this.#background.delete(watched));
    this.#background.set(watched, name);
  }

  /**
   * Problems that only the end of the process fixes: it is ending with an error, or hangs while stopping. Empty during an
   * orderly stop, when probes must leave the process alone.
   */
  notAlive(): string[] {
    const failure = this.#failure === undefined ? [] : [`ends: ${errorText(this.#failure.error)}`];
    return [...failure, ...this.#unstopped.map((name) => `${name} does not stop`)];
  }

  /** The parts it is still waiting for while stopping, for the last log line. */
  get waitsFor(): string {
    return this.#stops ?? 'what it was doing when it was told to stop';
  }

  /** Stops the program with this error; the first one counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stopping.abort();
  }

  /** Resolves when `outside` aborts or `fail` was called. */
  async untilStopped(outside: AbortSignal): Promise<void> {
    const either = AbortSignal.any([outside, this.signal]);
    if (either.aborted) return;
    await new Promise((resolve) => either.addEventListener('abort', resolve, { once: true }));
  }

  /**
   * Stops everything, last started first. A part that fails to stop, or takes longer than what is left of `deadlineMs`,
   * is logged and abandoned; the others are stopped regardless.
   * @throws the error given to `fail`.
   */
  async stop(deadlineMs: number): Promise<void> {
    const endMs = systemClock.monotonicMs() + deadlineMs;
    this.#stopping.abort();
    for (const { name, stop } of this.#parts.toReversed()) await this.#inTime(name, endMs, async () => stop());
    for (const [work, name] of this.#background) await this.#inTime(name, endMs, () => work);
    this.#parts.length = 0;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #inTime(name: string, endMs: number, stop: () => Promise<void>): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<'late'>();
    const timer = setTimeout(resolve, Math.max(0, endMs - systemClock.monotonicMs()), 'late');
    this.#stops = name;
    try {
      if ((await Promise.race([stop(), late])) !== 'late') return;
      this.#unstopped.push(name);
      this.#log.warn({ part: name }, 'did not stop in time, abandoned');
    } catch (error) {
      this.#unstopped.push(name);
      this.#log.warn({ part: name, error: errorText(error) }, 'failed to stop');
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * Runs a program: `setUp` starts its parts, then it runs until `outside` aborts or something fails, then everything that
 * was started is stopped. If anything hangs while stopping, even a loop that never yields, the process is ended by force
 * when its time is over.
 * @param stopDeadlineMs for the parts to stop
 * @param drainMs for what `setUp` still does after it was told to stop, before the parts are stopped
 * @throws what `setUp` or background work threw.
 */
export async function live(
  log: Log,
  outside: AbortSignal,
  stopDeadlineMs: number,
  setUp: (lifecycle: Lifecycle) => Promise<void>,
  drainMs = 0,
): Promise<void> {
  const lifecycle = new Lifecycle(log);
  let forced: ForcedEnd | undefined;
  const arm = (): void => {
    forced ??= endByForceAfter(drainMs + stopDeadlineMs + FORCE_MARGIN_MS, () => {
      log.fatal({ part: lifecycle.waitsFor }, 'did not stop in time, forcing exit');
      process.exit(1);
    });
  };
  // Registered before any other listener: what hangs may be one of the others.
  for (const signal of [outside, lifecycle.signal]) {
    if (signal.aborted) arm();
    else signal.addEventListener('abort', arm, { once: true });
  }
  try {
    await setUp(lifecycle);
    await lifecycle.untilStopped(outside);
  } catch (error) {
    lifecycle.fail(error);
  }
  try {
    await lifecycle.stop(stopDeadlineMs);
  } finally {
    outside.removeEventListener('abort', arm);
    forced?.disarm();
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';
