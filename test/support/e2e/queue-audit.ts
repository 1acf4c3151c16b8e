import { eventIDOf } from '#slack-simulator/frames.ts';
import type { TestRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

/** A queue item as a consumer reads it. */
export type Item = Record<string, unknown> & { type: string; team_uid: string; event: Record<string, unknown> };

/** What the sender says of an event: RTM and Socket Mode keep their books apart. */
type Sent = { id: string };

export interface Audit {
  sent: number;
  /** Ids that were sent and are not on the queue. */
  lost: string[];
  /** Ids that are on the queue more than once. */
  duplicated: string[];
  /** Items that carry no id of a generated event, such as disable_bot. */
  others: Item[];
}

export async function queueItems(redis: TestRedis, queue: string): Promise<Item[]> {
  return (await redis.lrange(queue, 0, -1)).map((json) => JSON.parse(json) as Item);
}

/** Counts by event id: what the sender says it sent against what is on the queue. */
export function audit(sent: readonly Sent[], items: readonly Item[]): Audit {
  const counts = new Map<string, number>();
  const others: Item[] = [];
  for (const item of items) {
    const id = eventIDOf(item.event);
    if (id === undefined) others.push(item);
    else counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return {
    sent: sent.length,
    lost: sent.filter(({ id }) => !counts.has(id)).map(({ id }) => id),
    duplicated: [...counts].filter(([, count]) => count > 1).map(([id]) => id),
    others,
  };
}

/** Waits until every event that was sent is on the queue, then looks whether any is there twice. */
export async function settledAudit(
  redis: TestRedis,
  queue: string,
  sent: () => readonly Sent[],
  timeoutMs = 30_000,
): Promise<Audit> {
  let last: Audit | undefined;
  await waitFor(
    async () => {
      last = audit(sent(), await queueItems(redis, queue));
      return last.lost.length === 0;
    },
    { timeoutMs, everyMs: 200, what: 'every event on the queue' },
  ).catch(() => undefined);
  // A late second copy would come within the next flushes of the slowest connector.
  const lengths: number[] = [];
  await waitFor(
    async () => {
      lengths.push(await redis.llen(queue));
      return lengths.length > 5 && new Set(lengths.slice(-5)).size === 1;
    },
    { timeoutMs: 10_000, everyMs: 100, what: 'a queue at rest' },
  );
  return audit(sent(), await queueItems(redis, queue));
}
