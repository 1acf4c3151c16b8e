import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

const SILENCE_MS = 60_000;

/** For lines that could come with every event: logs one per kind and minute, with the number of those suppressed. */
export class RateLimitedLog {
  readonly #log: Pick<Log, 'warn' | 'error'>;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { saidAtMs: number; unsaid: number }>();

  constructor(log: Pick<Log, 'warn' | 'error'>, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param kind one of a small fixed set, never derived from what a peer sent */
  warn(kind: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    this.#say('warn', kind, fields, message);
  }

  /** @param kind as of `warn` */
  error(kind: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    this.#say('error', kind, fields, message);
  }

  #say(level: 'warn' | 'error', kind: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    const nowMs = this.#clock.monotonicMs();
    const last = this.#kinds.get(kind);
    if (last !== undefined && nowMs - last.saidAtMs < SILENCE_MS) {
      last.unsaid += 1;
      return;
    }
    this.#kinds.set(kind, { saidAtMs: nowMs, unsaid: 0 });
    this.#log[level]({ ...fields, count: 1 + (last?.unsaid ?? 0) }, message);
  }
}
