import { type Normalized, type NormalizedEvent, normalize } from '#connector/event/normalize.ts';
import type { QueueEntry } from '#connector/queue/buffer.ts';
import type { Enqueue } from '#connector/queue/enqueue.ts';
import type { OutcomeCounts } from '#connector/queue/outcome.ts';
import { Publisher, type PublisherOptions } from '#connector/queue/publisher.ts';
import type { EnqueueResult } from '#connector/queue/redis-answer.ts';
import { systemClock } from '#core/process/clock.ts';
import { DEFAULT_CONTRACT } from '#core/protocol/contract.ts';
import { queueKeys } from '#core/protocol/keys.ts';
import { sourceOf } from '#test/unit/connector/event/source.ts';

export const URGENT = '{q}:urgent';

/** A plain message that no other `n` shares an identity with. */
export function message(n: number, more: Partial<NormalizedEvent> = {}, ownerUid = 'u1', text = 'x'): NormalizedEvent {
  const frame = { type: 'message', channel: 'C1', user: 'U1', text, ts: `1700000000.${n}` };
  const normalized: Normalized = normalize(frame, sourceOf({ ownerUid }), 0);
  if (normalized.kind !== 'event') throw new Error(`not an event but ${normalized.kind}`);
  return { ...normalized, ...more };
}

export const numberOf = ({ payload }: QueueEntry): number => Number(JSON.parse(payload).timestamp.split('.')[1]);

/** Stands in for Redis where the test is about time: answers each batch after 1 ms. */
export class ScriptedQueue {
  readonly batches: number[][] = [];
  /** What Redis says of an event. */
  answer: (entry: QueueEntry) => 'queued' | 'duplicate' | 'fenced' | 'full' | 'refused' = () => 'queued';
  away = false;

  readonly enqueue: Enqueue = async (batch) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.batches.push(batch.map(numberOf));
    if (this.away) throw new Error('connect ECONNREFUSED');
    return batch.map((entry): EnqueueResult => {
      const kind = this.answer(entry);
      return kind === 'refused' ? { kind: 'error', key: 'mark', error: 'WRONGTYPE x' } : { kind };
    });
  };
}

/** @param urgent key of the list of urgent events */
export const publisherOf = (
  { enqueue }: Pick<ScriptedQueue, 'enqueue'>,
  options: Partial<PublisherOptions> = {},
  urgent?: string,
): Publisher =>
  new Publisher({
    shards: [{ keys: queueKeys('q', urgent), enqueue }],
    contract: DEFAULT_CONTRACT,
    buffer: { maxBytes: 64 * 1_048_576, maxAgeMs: 120_000 },
    clock: systemClock,
    redisNowMs: () => 0,
    onPressure: () => {},
    ...options,
  });

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

/** Of all counters except `offered`, which it must equal at every moment. */
export const sumOf = ({ offered: _, failed, ...others }: OutcomeCounts): number =>
  [...Object.values(others), ...Object.values(failed)].reduce((sum, count) => sum + count, 0);
