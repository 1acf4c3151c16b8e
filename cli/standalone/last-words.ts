import { setTimeout as sleep } from 'node:timers/promises';
import type { StandaloneConfig } from '../../core/config/config.ts';
import { systemClock } from '../../core/process/clock.ts';
import type { Console } from './console.ts';
import { stoppingLine } from './farewell.ts';
import type { QueuePulse } from './queue-pulse.ts';
import type { Traffic } from './traffic.ts';

export interface LastWordsOptions {
  config: StandaloneConfig;
  console: Console;
  /** Aborted when the stop begins. */
  signal: AbortSignal;
  traffic: Traffic;
  pulse: QueuePulse;
  /** Live ones, now. */
  sockets(): number;
}

/** Redis may be why somebody stops us. */
const ASK_MS = 1_000;

/** Tells a person that the stop has begun, and at the end what it came to. */
export class LastWords {
  readonly #options: LastWordsOptions;
  #sockets = 0;
  #failed = 0;

  constructor(options: LastWordsOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#begin(), { once: true });
  }

  /** To be called when the connectors have ended and Redis is still connected. */
  async say(): Promise<void> {
    const { config, console, traffic, pulse } = this.#options;
    const { queued, pending, failed } = traffic.read(systemClock.monotonicMs());
    console.farewell({
      queue: config.queue.name,
      connectors: config.connectors,
      sockets: this.#sockets,
      queued,
      left: pending + failed - this.#failed,
      queueLength: await Promise.race([pulse.length(), sleep(ASK_MS, undefined)]),
    });
  }

  #begin(): void {
    const { config, console, traffic, sockets } = this.#options;
    this.#sockets = sockets();
    this.#failed = traffic.read(systemClock.monotonicMs()).failed;
    console.stopping(stoppingLine(config.graceMs));
  }
}
