import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import type { Timers } from '../../core/process/timers.ts';
import { redisErrorText } from '../../core/redis/fault.ts';
import type { BroughtEvents } from './brought-events.ts';
import { SteadyReading } from './steady-reading.ts';
import {
  isPrompt,
  isSilent,
  isWithheld,
  type MissedEvent,
  missedEvent,
  type Reading,
  type TwinSocket,
} from './twin-socket.ts';

/** A slot whose sockets have twins. */
export interface TwinSlot {
  /** The socket that it reads; undefined while there is none, or it is paused, or Slack will close it. */
  socket(): TwinSocket | undefined;
  /** The socket does not bring what a twin of it brings. Told again as long as it lasts. */
  withheld(id: number): void;
  /** After `withheld`: the slot's socket, maybe another one by now, has brought an event. */
  brought(id: number): void;
}

export interface TwinTimes {
  /** How often processes tell each other. */
  exchangeMs: number;
  /** How often this process looks whether it is delayed. */
  beatMs: number;
  /** `Reading.graceMs` */
  graceMs: number;
}

/**
 * A socket is found 42 s at most after the first event that is withheld from it, 24 s if its team was silent before: events that
 * a twin brings within the grace of the socket's own last event say nothing; until the next exchange nobody is told of one that
 * does; and it may still be on its way until the grace is over, by when we have asked.
 */
export const TWIN_TIMES: TwinTimes = { exchangeMs: 10_000, beatMs: 1_000, graceMs: 15_000 };

export interface TwinWatchDeps {
  brought: BroughtEvents;
  timers: Pick<Timers, 'monotonicMs' | 'after'>;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
  times?: TwinTimes;
}

/** After an exchange without an answer the next one comes sooner. */
const AGAIN_SHARE = 5;

/** What is known of a slot. */
interface Watched {
  missed: MissedEvent | undefined;
  /** When it was told that its socket is kept from events; undefined once one has brought some again. */
  toldAtMs: number | undefined;
}

/**
 * Finds sockets that answer pings but are kept from events (ADR 0022): one exchange of times for all slots of the process,
 * and none for an event. Runs only while it has members.
 */
export class TwinWatch {
  readonly #deps: TwinWatchDeps;
  readonly #times: TwinTimes;
  readonly #slots = new Map<TwinSlot, Watched>();
  #steady: SteadyReading;
  #exchangeAtMs = 0;
  /** Up to when others know what was brought here. */
  #toldUntilMs = Number.NEGATIVE_INFINITY;
  #isExchanging = false;
  #cancel: (() => void) | undefined;

  constructor(deps: TwinWatchDeps) {
    this.#deps = deps;
    this.#times = deps.times ?? TWIN_TIMES;
    this.#steady = this.#fresh();
  }

  /** @returns leaves */
  join(slot: TwinSlot): () => void {
    this.#slots.set(slot, { missed: undefined, toldAtMs: undefined });
    if (this.#cancel === undefined) {
      this.#steady = this.#fresh();
      this.#exchangeAtMs = this.#deps.timers.monotonicMs() + this.#times.exchangeMs;
      this.#arm();
    }
    return () => {
      this.#slots.delete(slot);
      if (this.#slots.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  #fresh(): SteadyReading {
    return new SteadyReading(this.#times.beatMs, this.#deps.timers.monotonicMs());
  }

  #arm(): void {
    this.#cancel = this.#deps.timers.after(this.#times.beatMs, () => {
      const nowMs = this.#deps.timers.monotonicMs();
      this.#steady.beat(nowMs);
      if (nowMs >= this.#exchangeAtMs && !this.#isExchanging) void this.#exchange(nowMs);
      this.#arm();
    });
  }

  get #reading(): Reading {
    return { steadySinceMs: this.#steady.sinceMs, graceMs: this.#times.graceMs };
  }

  /** Never rejects. */
  async #exchange(nowMs: number): Promise<void> {
    this.#isExchanging = true;
    this.#exchangeAtMs = nowMs + this.#times.exchangeMs;
    try {
      const twins = await this.#deps.brought.exchange(this.#toTell(), this.#toAsk(nowMs));
      if (twins === undefined) {
        // Redis's clock is known better now.
        this.#exchangeAtMs = nowMs + this.#times.exchangeMs / AGAIN_SHARE;
        return;
      }
      this.#toldUntilMs = nowMs;
      this.#judge(twins);
    } catch (error) {
      const fields = { error: redisErrorText(error) };
      this.#deps.limitedLog.warn('twins', fields, 'websockets cannot be compared with others of their team');
    } finally {
      this.#isExchanging = false;
    }
  }

  #toTell(): Map<string, number> {
    const told = new Map<string, number>();
    for (const slot of this.#slots.keys()) {
      const socket = slot.socket();
      if (socket === undefined || socket.broughtAtMs < this.#toldUntilMs || !isPrompt(socket, this.#reading)) continue;
      told.set(socket.stream, Math.max(socket.broughtAtMs, told.get(socket.stream) ?? 0));
    }
    return told;
  }

  #toAsk(nowMs: number): Set<string> {
    const asked = new Set<string>();
    for (const slot of this.#slots.keys()) {
      const socket = slot.socket();
      if (socket !== undefined && isSilent(socket, this.#reading, nowMs)) asked.add(socket.stream);
    }
    return asked;
  }

  #judge(twins: ReadonlyMap<string, number>): void {
    const nowMs = this.#deps.timers.monotonicMs();
    // The answer may have waited for this process, and so may what the sockets have brought.
    this.#steady.beat(nowMs);
    for (const [slot, watched] of this.#slots) {
      const socket = slot.socket();
      watched.missed = socket && missedEvent(socket, this.#reading, watched.missed, twins.get(socket.stream));
      if (socket !== undefined) this.#tell(slot, watched, socket, nowMs);
    }
  }

  #tell(slot: TwinSlot, watched: Watched, socket: TwinSocket, nowMs: number): void {
    const { missed } = watched;
    if (missed !== undefined) {
      if (isWithheld(missed, this.#reading, nowMs)) {
        watched.toldAtMs = nowMs;
        slot.withheld(socket.id);
      } else {
        // The next exchange is not waited for.
        this.#exchangeAtMs = Math.min(this.#exchangeAtMs, missed.atMs + this.#times.graceMs);
      }
    } else if (
      watched.toldAtMs !== undefined &&
      socket.broughtAtMs > watched.toldAtMs &&
      isPrompt(socket, this.#reading)
    ) {
      // What a socket brings at first happened before it was live, and shows little.
      watched.toldAtMs = undefined;
      slot.brought(socket.id);
    }
  }
}
