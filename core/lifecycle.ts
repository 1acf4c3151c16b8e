import { errorText, type Log } from './log.ts';

/**
 * Starts parts in order and stops them in reverse. Background work belongs to it: work that fails stops the program, and
 * the program ends only when all of it has ended or the deadline has passed.
 */
export class Lifecycle {
  /** Aborted when stopping begins; every loop and wait of the program hangs on it. */
  readonly signal: AbortSignal;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  readonly #parts: { name: string; stop: () => Promise<void> | void }[] = [];
  readonly #background = new Map<Promise<void>, string>();
  #failure: { error: unknown } | undefined;

  constructor(log: Log) {
    this.#log = log;
    this.signal = this.#stopping.signal;
  }

  /** What `start` gives is stopped by `stop`. A start that fails leaves nothing of this part to stop. */
  async part<T>(name: string, start: () => Promise<T> | T, stop: (started: T) => Promise<void> | void): Promise<T> {
    const started = await start();
    this.#parts.push({ name, stop: () => stop(started) });
    return started;
  }

  /** Work without an end of its own: it ends after `signal` aborts. A failure stops the program and becomes its error. */
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
   * Stops everything, the last started first. A part that fails to stop, or takes longer than what is left of
   * `deadlineMs`, is logged and left; the others are stopped all the same.
   * @throws the error given to `fail`.
   */
  async stop(deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    this.#stopping.abort();
    for (const { name, stop } of this.#parts.toReversed()) await this.#inTime(name, endMs, async () => stop());
    for (const [work, name] of this.#background) await this.#inTime(name, endMs, () => work);
    this.#parts.length = 0;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #inTime(name: string, endMs: number, stop: () => Promise<void>): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<'late'>();
    const timer = setTimeout(resolve, Math.max(0, endMs - performance.now()), 'late');
    try {
      if ((await Promise.race([stop(), late])) === 'late') this.#log.warn({ part: name }, 'not stopped in time, left');
    } catch (error) {
      this.#log.warn({ part: name, error: errorText(error) }, 'failed to stop');
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * One life of a program: `setUp` starts its parts, then it runs until `outside` aborts or something fails, then
 * everything that was started is stopped.
 * @throws what `setUp` or background work threw.
 */
export async function live(
  log: Log,
  outside: AbortSignal,
  stopDeadlineMs: number,
  setUp: (lifecycle: Lifecycle) => Promise<void>,
): Promise<void> {
  const lifecycle = new Lifecycle(log);
  try {
    await setUp(lifecycle);
    await lifecycle.untilStopped(outside);
  } catch (error) {
    lifecycle.fail(error);
  }
  await lifecycle.stop(stopDeadlineMs);
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';
