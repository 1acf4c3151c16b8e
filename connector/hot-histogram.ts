import type { Histogram, Registry } from 'prom-client';

interface HotHistogramOptions {
  name: string;
  help: string;
  /** Upper bounds, ascending. */
  buckets: readonly number[];
  registry: Registry;
}

/**
 * A histogram without labels that is observed for every event. It counts in plain numbers, since prom-client's own `observe`
 * takes longer than the rest of an event's bookkeeping; prom-client reads it when somebody asks for metrics.
 */
export class HotHistogram {
  readonly #buckets: readonly number[];
  /** By bucket, not cumulated; the last is that of values above all bounds. */
  readonly #counts: number[];
  #sum = 0;

  constructor({ name, help, buckets, registry }: HotHistogramOptions) {
    this.#buckets = buckets;
    this.#counts = [...buckets.map(() => 0), 0];
    const metric = {
      name,
      get: async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: this.#values(name) }),
      reset: () => this.#reset(),
    };
    // Of a metric, a registry uses no more than this; the type asks for the whole class.
    registry.registerMetric(metric as unknown as Histogram);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#buckets.length && value > (this.#buckets[at] ?? 0)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  #values(name: string) {
    let count = 0;
    const buckets = [...this.#buckets, '+Inf'].map((le, at) => {
      count += this.#counts[at] ?? 0;
      return { metricName: `${name}_bucket`, labels: { le }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: this.#sum },
      { metricName: `${name}_count`, labels: {}, value: count },
    ];
  }

  #reset(): void {
    this.#counts.fill(0);
    this.#sum = 0;
  }
}
