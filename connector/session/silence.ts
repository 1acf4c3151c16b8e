/** Looks are a second apart. A longer gap means that this process was suspended, maybe its machine with the holder too. */
const LONGEST_GAP_MS = 3_000;

/**
 * For how long nobody has renewed a name, by what this process itself has seen: after an outage of Redis the time of the
 * last renewal is old although its process is alive.
 */
export class Silence {
  #sawAtMs = Number.NEGATIVE_INFINITY;
  #sinceMs: number | undefined;
  #sign: string | undefined;
  #broken = false;

  /** From now on: the holder was seen alive. */
  begin(nowMs: number): void {
    this.#sinceMs ??= nowMs;
  }

  /** Redis did not answer, and the holder could not renew either. */
  broke(): void {
    this.#broken = true;
  }

  /**
   * @param sign differs after each renewal; undefined when there is no session
   * @returns ms since the last renewal, undefined before `begin`
   */
  saw(sign: string | undefined, nowMs: number): number | undefined {
    const heard = sign !== undefined && sign !== this.#sign;
    const broken = this.#broken || nowMs - this.#sawAtMs > LONGEST_GAP_MS;
    if (this.#sinceMs !== undefined && (heard || broken)) this.#sinceMs = nowMs;
    if (sign !== undefined) this.#sign = sign;
    this.#broken = false;
    this.#sawAtMs = nowMs;
    return this.#sinceMs === undefined ? undefined : nowMs - this.#sinceMs;
  }
}
