import { setTimeout as sleep } from 'node:timers/promises';
import type { StandaloneConfig } from '../../../core/config/config.ts';
import { systemClock } from '../../../core/process/clock.ts';
import type { EventTotals } from '../connectors/event-totals.ts';
import type { Console } from './console.ts';
import type { QueueProbe } from './queue-probe.ts';
import { stoppingLine } from './shutdown-summary.ts';

interface ShutdownReportOptions {
  config: StandaloneConfig;
  console: Console;
  /** Aborted when the stop begins. */
  signal: AbortSignal;
  eventTotals: EventTotals;
  queueProbe: QueueProbe;
  /** Live ones, now. */
  sockets(): number;
}

/** Redis may be the reason for the stop. */
const ASK_MS = 1_000;

/** Tells people that the stop has begun, and prints a summary at the end. */
export class ShutdownReport {
  readonly #options: ShutdownReportOptions;
  #sockets = 0;
  #failed = 0;

  constructor(options: ShutdownReportOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#stopping(), { once: true });
  }

  /** To be called when the connectors have ended and Redis is still connected. */
  async print(): Promise<void> {
    const { config, console, eventTotals, queueProbe } = this.#options;
    const { queued, pending, failed } = eventTotals.read(systemClock.monotonicMs());
    const lengths = await Promise.race([queueProbe.lengths(), sleep(ASK_MS, undefined)]);
    console.stopped({
      queue: config.queue.name,
      connectors: config.connectors,
      sockets: this.#sockets,
      queued,
      left: pending + failed - this.#failed,
      queueLength: lengths?.queue,
      urgentLength: lengths?.urgent,
    });
  }

  #stopping(): void {
    const { config, console, eventTotals, sockets } = this.#options;
    this.#sockets = sockets();
    this.#failed = eventTotals.read(systemClock.monotonicMs()).failed;
    console.stopping(stoppingLine(config.graceMs));
  }
}
