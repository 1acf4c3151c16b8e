const LINE = /^relax_events_total\{[^}]*outcome="duplicate"[^}]*\}\s+(\d+)/gm;
/** A connector that is about to end does not hold up the show. */
const TIMEOUT_MS = 500;

/**
 * Duplicates that the connectors suppressed, as their metrics count them. Of a connector that was killed the last count
 * that it told remains; what it suppressed after that nobody knows.
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
