import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Mark } from '#connector/event/mark.ts';
import type { QueueEntry } from '#connector/queue/buffer.ts';
import { redisEnqueue } from '#connector/queue/enqueue.ts';
import { KnownSteps } from '#connector/queue/known-steps.ts';
import { markKeys, markPlace } from '#connector/queue/mark-keys.ts';
import { DEFAULT_CONTRACT } from '#core/protocol/contract.ts';
import { firstSteps } from '#core/protocol/dedupe-steps.ts';
import { queueKeys } from '#core/protocol/keys.ts';
import { useRedis } from '#test/support/redis-fixture.ts';

const server = useRedis();
const admin = server.useClient({ name: 'admin' });
const keys = queueKeys('relax:events', '{relax:events}:urgent');
const STEPS = firstSteps(DEFAULT_CONTRACT.subBuckets);
const ROOM = 6;

const mark = fc.oneof(
  fc.constant<Mark>({ kind: 'numbered', delayed: false }),
  fc.constant<Mark>({ kind: 'untimed' }),
  fc.boolean().map((delayed): Mark => ({ kind: 'timed', atMs: 60_000, delayed })),
);
/** Arrivals go back, too: the clock of Redis may. */
const anEvent = fc
  .record({ id: fc.integer({ min: 0, max: 3 }), mark, minute: fc.integer({ min: 0, max: 5 }), urgent: fc.boolean() })
  .chain((event) => fc.record({ event: fc.constant(event), bot: fc.integer({ min: 0, max: 1 }) }))
  .map(({ event: { id, mark, minute, urgent }, bot }): QueueEntry => {
    const payload = `${id}`;
    const place = markPlace(payload, mark, DEFAULT_CONTRACT, minute * DEFAULT_CONTRACT.bucketMs);
    const facts = { fenceField: `b${bot}`, generation: 1, offeredAtMs: 0, isSentAgain: false, lane: 0 };
    return { ...facts, mark: place, payload, bytes: payload.length, urgent, settled: undefined };
  });

/** What the script must do, one event after the other. */
class Model {
  readonly marks = new Set<string>();
  readonly lists: Record<'queue' | 'urgent', string[]> = { queue: [], urgent: [] };
  fenced: string | undefined;

  put({ mark, payload, urgent, fenceField }: QueueEntry): string {
    const places = markKeys(mark, STEPS, keys);
    if (fenceField === this.fenced) return 'fenced';
    if (places.some((key) => this.marks.has(`${key} ${mark.field}`))) return 'duplicate';
    const list = this.lists[urgent ? 'urgent' : 'queue'];
    if (list.length >= ROOM) return 'full';
    list.push(payload);
    this.marks.add(`${places[Math.floor((places.length - 1) / 2)]} ${mark.field}`);
    return 'queued';
  }
}

it('a batch ends as its events would one by one, whatever copies are in it, and again when its answer was lost', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ batch: fc.array(anEvent, { minLength: 1, maxLength: 12 }), again: fc.boolean() }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.option(fc.constant('b1'), { nil: undefined }),
      async (rounds, fenced) => {
        await admin.flushall();
        const model = new Model();
        const enqueue = redisEnqueue(admin, keys, ROOM, new KnownSteps(STEPS));
        for (const [round, { batch, again }] of rounds.entries()) {
          if (round === 1 && fenced !== undefined) {
            model.fenced = fenced;
            await admin.hset(keys.fence, fenced, '1');
          }
          const sent = [...batch.filter(({ urgent }) => urgent), ...batch.filter(({ urgent }) => !urgent)];
          for (const _ of again ? [1, 2] : [1]) {
            const wanted = sent.map((entry) => model.put(entry));
            expect((await enqueue(sent)).map(({ kind }) => kind)).toEqual(wanted);
          }
          expect(await admin.lrange(keys.queue, 0, -1)).toEqual(model.lists.queue);
          expect(await admin.lrange(keys.urgent, 0, -1)).toEqual(model.lists.urgent);
        }
        for (const each of model.marks) {
          const [key = '', field = ''] = each.split(' ');
          expect(await admin.hexists(key, field)).toBe(1);
          expect(await admin.ttl(key)).toBeGreaterThan(3_600);
        }
      },
    ),
    { numRuns: 300 },
  );
});
