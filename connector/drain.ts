/** What a connector does between SIGTERM and its end (design rule 6). */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/process/clock.ts';
import type { Log } from '../core/process/log.ts';
import type { RedisClock } from '../core/redis/redis-clock.ts';
import type { AssignmentWatch } from './assignment/assignment-watch.ts';
import { type DrainEnd, drainEnd } from './drain-verdict.ts';
import type { Publisher } from './queue/publisher.ts';
import type { SlotRegistry } from './registry/slot-registry.ts';
import type { Replies } from './reply/replies.ts';
import type { SessionKeeper } from './session/session-keeper.ts';

export interface DrainParts {
  session: SessionKeeper;
  assignments: AssignmentWatch;
  registry: SlotRegistry;
  publisher: Publisher;
  replies: Pick<Replies, 'waiting'>;
  redisClock: RedisClock;
  /** The planner has released this incarnation. */
  released(): boolean;
  clock: Clock;
  log: Log;
}

const LOOK_MS = 100;
/** Reserved for the session's last write and the end of the process. */
const LAST_WORD_MS = 1_500;
const LEAST_PUBLISH_MS = 500;

/**
 * Drains after SIGTERM: keeps running while other pods take over what has no other socket, then closes the rest
 * and empties the buffer. The draining session stays behind, so that the planner waits for the pod to come back.
 */
export async function drain(parts: DrainParts, graceMs: number): Promise<DrainEnd> {
  const { session, assignments, registry, publisher, replies, redisClock, clock, log } = parts;
  const startedAtMs = clock.monotonicMs();
  session.beginDraining(() => redisClock.nowMs());
  log.info({ slots: registry.size, graceMs }, 'draining');

  let end: DrainEnd | undefined;
  for (;;) {
    end = drainEnd({
      slots: registry.size,
      // While the name or the scope is another's, nobody will release us.
      released: parts.released() || session.rival !== undefined || session.barred !== undefined,
      redisAwayMs: session.ageMs(),
      pending: publisher.counts().pending,
      answers: replies.waiting,
      elapsedMs: clock.monotonicMs() - startedAtMs,
      graceMs,
    });
    if (end !== undefined) break;
    await sleep(LOOK_MS);
  }

  const closing = registry.size;
  await assignments.stop();
  await registry.stopAll();
  session.tellLeft();
  const leftMs = startedAtMs + graceMs - LAST_WORD_MS - clock.monotonicMs();
  const lost = await publisher.drain(Math.max(LEAST_PUBLISH_MS, leftMs));
  const tookMs = Math.round(clock.monotonicMs() - startedAtMs);
  // Before the last write, which takes seconds when Redis hangs: the process may be killed meanwhile.
  log[lost > 0 ? 'error' : 'info']({ end, closed: closing, lost, tookMs }, 'drained');
  await session.leave();
  return end;
}
