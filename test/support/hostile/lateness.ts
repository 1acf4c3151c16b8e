/** How often it is looked, and what counts as late. */
const EVERY_MS = 50;
const LATE_MS = 25;

/** How long a process did not get to run although it should have: on a busy machine that is nobody's fault. */
export class Lateness {
  readonly #late: { atMs: number; ms: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Watches this process. @param late told of each delay at once */
  watch(late: (ms: number) => void = () => {}): this {
    let lastMs = performance.now();
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      const ms = nowMs - lastMs - EVERY_MS;
      lastMs = nowMs;
      if (ms < LATE_MS) return;
      this.add(ms);
      late(ms);
    }, EVERY_MS);
    this.#timer.unref();
    return this;
  }

  add(ms: number): void {
    this.#late.push({ atMs: performance.now(), ms });
  }

  /** In all, since then. */
  sinceMs(atMs: number): number {
    return this.#late.reduce((sum, late) => (late.atMs >= atMs ? sum + late.ms : sum), 0);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
