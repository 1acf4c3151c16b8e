import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { EventKind } from './frames.ts';

export type BurstPlan = {
  events: number;
  /** An upper bound: a burst never runs ahead of it, and falls behind when readers or the machine are slower. */
  perSecond: number;
  /** Taken in turn; default every team. */
  teams?: string[] | undefined;
  /** Taken in turn within each team; default plain messages. */
  kinds?: EventKind[] | undefined;
};

export type BurstState = { events: number; emitted: number; done: boolean; elapsedMs: number };

export type Burst = { state(): BurstState; stop(): void; finished: Promise<BurstState> };

type Emitter = {
  emit(teamID: string, kind: EventKind): void;
  isCongested(teamID: string): boolean;
  isGone(teamID: string): boolean;
};

/** Events emitted in one turn of the event loop: pings must not wait for a burst. */
const perTurn = 50;
const turnMs = 2;

/**
 * Starts to emit at a rate. When a socket of the next team is full, the burst waits for it (for a bounded
 * time). A team that is removed meanwhile is left out; a burst ends early when none is left.
 */
export function startBurst(plan: BurstPlan & { teams: string[] }, emitter: Emitter): Burst {
  const { kinds = ['message'] } = plan;
  let teams = plan.teams;
  if (teams.length === 0) throw new Error('a burst needs a team: add one first');
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
    while (emitted < plan.events && !stopped && teams.length > 0) {
      const due = Math.min(plan.events, Math.floor(((performance.now() - startedAtMs) / 1000) * plan.perSecond) + 1);
      const until = Math.min(due, emitted + perTurn);
      teams = teams.filter((teamID) => !emitter.isGone(teamID));
      while (emitted < until && teams.length > 0) {
        const teamID = teams[emitted % teams.length] ?? '';
        if (emitter.isCongested(teamID)) break;
        emitter.emit(teamID, kinds[Math.floor(emitted / teams.length) % kinds.length] ?? 'message');
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
