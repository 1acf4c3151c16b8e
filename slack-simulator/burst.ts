import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { EventKind } from './frames.ts';

export type BurstPlan = {
  events: number;
  /** An upper bound: a burst never runs ahead of it, and falls behind when readers or the machine are slower. */
  perSecond: number;
  /** Teams whose RTM sockets hear it, and apps whose teams do, all taken in turn; default all there are. */
  teams?: string[] | undefined;
  apps?: string[] | undefined;
  /** Taken in turn within each of them; default plain messages. */
  kinds?: EventKind[] | undefined;
};

export type BurstState = { events: number; emitted: number; done: boolean; elapsedMs: number };

export type Burst = { state(): BurstState; stop(): void; finished: Promise<BurstState> };

/** `T`: who hears of an event. */
type Emitter<T> = {
  emit(target: T, kind: EventKind): void;
  isCongested(target: T): boolean;
  isGone(target: T): boolean;
};

/** Events emitted in one turn of the event loop: pings must not wait for a burst. */
const perTurn = 50;
const turnMs = 2;

/**
 * Starts to emit at a rate to `all` in turn. When a socket of the next one is full, the burst waits for it (for a bounded
 * time). One that is removed meanwhile is left out; a burst ends early when none is left.
 */
export function startBurst<T>(plan: Omit<BurstPlan, 'teams' | 'apps'>, all: readonly T[], emitter: Emitter<T>): Burst {
  const { kinds = ['message'] } = plan;
  let targets = all;
  if (targets.length === 0) throw new Error('a burst needs a team: add one first');
  const startedAtMs = performance.now();
  let emitted = 0;
  let stopped = false;
  let elapsedMs: number | undefined;

  const state = (): BurstState => ({
    events: plan.events,
    emitted,
    done: elapsedMs !== undefined,
    elapsedMs: elapsedMs ?? performance.now() - startedAtMs,
  });

  const run = async (): Promise<BurstState> => {
    while (emitted < plan.events && !stopped && targets.length > 0) {
      const due = Math.min(plan.events, Math.floor(((performance.now() - startedAtMs) / 1000) * plan.perSecond) + 1);
      const until = Math.min(due, emitted + perTurn);
      targets = targets.filter((target) => !emitter.isGone(target));
      while (emitted < until) {
        const target = targets[emitted % targets.length];
        if (target === undefined || emitter.isCongested(target)) break;
        emitter.emit(target, kinds[Math.floor(emitted / targets.length) % kinds.length] ?? 'message');
        emitted += 1;
      }
      if (emitted < until || emitted === due) await sleep(turnMs);
      else await nextTurn();
    }
    elapsedMs = performance.now() - startedAtMs;
    return state();
  };

  return {
    state,
    stop: () => {
      stopped = true;
    },
    finished: run(),
  };
}
