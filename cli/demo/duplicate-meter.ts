const LINE = /^relax_events_total\{[^}]*outcome="duplicate"[^}]*\}\s+(\d+)/gm;
/** A connector that is about to end must not hold up the demo. */
const TIMEOUT_MS = 500;

/**
 * Duplicates that the connectors suppressed, according to their metrics. For a connector that was killed, the last known
 * count remains; what it suppressed after that is unknown.
 */
export class DuplicateMeter {
  readonly #counts = new Map<string, number>();

  /** @param urls incarnation -> its metrics */
  async read(urls: ReadonlyMap<string, string>): Promise<void> {
    await Promise.all(
      [...urls].map(async ([incarnation, url]) => {
        const count = await readCount(url).catch(() => undefined);
        if (count !== undefined) this.#counts.set(incarnation, count);
      }),
    );
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }
}

async function readCount(url: string): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const text = await response.text();
  return [...text.matchAll(LINE)].reduce((sum, [, count]) => sum + Number(count), 0);
}
