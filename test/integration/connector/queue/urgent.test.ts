import { afterEach, describe, expect, it } from 'vitest';
import type { NormalizedEvent } from '#connector/event/normalize.ts';
import { fenceField } from '#core/protocol/keys.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import {
  event,
  expected,
  offerSlowly,
  range,
  settledAll,
  startPublisher,
  type TestPublisher,
  type TestPublisherOptions,
  textsOn,
} from './publisher-fleet.ts';

const URGENT = '{relax:events}:urgent';

const server = useRedis({ emptied: true });
const admin = server.useClient({ name: 'admin' });
const started: TestPublisher[] = [];
const start = async (options: TestPublisherOptions = { urgent: URGENT }): Promise<TestPublisher> => {
  const one = await startPublisher(server, options);
  started.push(one);
  return one;
};
const urgent = (n: number): NormalizedEvent => ({ ...event(n), urgent: true });
const timed = (n: number, delayed: boolean): NormalizedEvent => {
  const one = event(n);
  return one.mark.kind === 'timed' ? { ...one, mark: { ...one.mark, delayed } } : one;
};

afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

describe('the list of urgent events', () => {
  it('gets them in their order, and the queue gets the others in theirs', async () => {
    const { publisher } = await start();
    for (const n of range(0, 300)) publisher.offer(n % 3 === 0 ? urgent(n) : event(n));
    await settledAll([publisher]);
    const of = (isUrgent: boolean): string[] => expected(0, 300).filter((_, n) => (n % 3 === 0) === isUrgent);
    expect(await textsOn(admin, URGENT)).toEqual(of(true));
    expect(await textsOn(admin)).toEqual(of(false));
    expect(publisher.counts()).toMatchObject({ queued: 300 });
  });

  it('is the queue, where no other is named', async () => {
    const { publisher } = await start({});
    for (const n of range(0, 40)) publisher.offer(n % 3 === 0 ? urgent(n) : event(n));
    await settledAll([publisher]);
    expect((await textsOn(admin)).sort()).toEqual(expected(0, 40).sort());
    expect(await admin.keys('*urgent*')).toEqual([]);
  });

  it('shares its marks with the queue: a copy that another connector holds for ordinary is a duplicate', async () => {
    const [one, two] = [(await start()).publisher, (await start()).publisher];
    one.offer(urgent(1));
    await settledAll([one]);
    two.offer(event(1));
    await settledAll([two]);
    expect(two.counts()).toMatchObject({ duplicate: 1 });
    expect([await admin.llen(URGENT), await admin.llen('relax:events')]).toEqual([1, 0]);
  });

  it('shares its fence', async () => {
    const { publisher, keys } = await start();
    const { field } = event(1).fence;
    expect(field).toBe(fenceField('c1', field.split('/')[1] ?? ''));
    await admin.hset(keys.fence, field, '5');
    publisher.offer(urgent(1));
    await settledAll([publisher]);
    expect(publisher.counts()).toMatchObject({ fenced: 1 });
  });

  it('takes events while the queue is full, and RELAX_QUEUE_MAX holds for it, too', async () => {
    const { publisher } = await start({ urgent: URGENT, queueMax: 100 });
    await offerSlowly([publisher], 0, 160);
    await waitFor(() => publisher.faults().length > 0);
    for (const n of range(1_000, 1_100)) publisher.offer(urgent(n));
    await waitFor(async () => (await admin.llen(URGENT)) === 100);
    expect([await admin.llen('relax:events'), publisher.counts().pending]).toEqual([100, 60]);
    publisher.offer(urgent(1_100));
    await waitFor(() => publisher.faults().length === 2);
    await admin.del('relax:events');
    await waitFor(async () => (await admin.llen('relax:events')) === 60);
    expect(publisher.faults()).toEqual([expect.stringContaining('RELAX_QUEUE_URGENT')]);
    await admin.del(URGENT);
    await settledAll([publisher]);
    expect(publisher.faults()).toEqual([]);
  });

  it.each([
    ['the list of urgent events', URGENT, 'relax:events', false, 'RELAX_QUEUE_URGENT'],
    ['the queue', 'relax:events', URGENT, true, 'set RELAX_QUEUE'],
  ])(
    'and the other one: another type under %s holds back its own events only',
    async (_name, bad, good, isUrgent, words) => {
      await admin.set(bad, 'mine');
      const { publisher } = await start({ urgent: URGENT, queueMax: 1_000 });
      for (const n of range(0, 120)) publisher.offer(n % 2 === 0 ? urgent(n) : event(n));
      await waitFor(async () => (await admin.llen(good)) === 60);
      await waitFor(() => publisher.faults().some((fault) => fault.includes(words)));
      expect(await textsOn(admin, good)).toEqual(expected(0, 120).filter((_, n) => (n % 2 === 0) === isUrgent));
      await admin.del(bad);
      await settledAll([publisher]);
      expect(publisher.counts()).toMatchObject({ queued: 120 });
      expect(publisher.faults()).toEqual([]);
    },
  );
});

describe('two windows of marks at once', () => {
  it('the mark of an event that Slack may send for a day lives that long, others for their hour', async () => {
    const { publisher } = await start();
    publisher.offer(timed(1, true));
    publisher.offer(timed(2, false));
    await settledAll([publisher]);
    const [day = ''] = await admin.keys('{relax:events}:dd26:*');
    const [hour = ''] = await admin.keys('{relax:events}:dd:*');
    expect(await admin.ttl(day)).toBeGreaterThan(26 * 3_600);
    expect(await admin.ttl(hour)).toBeLessThanOrEqual(3_660);
    publisher.offer(timed(1, true));
    publisher.offer(timed(2, false));
    await settledAll([publisher]);
    expect(publisher.counts()).toMatchObject({ queued: 2, duplicate: 2 });
    expect((await admin.keys('{relax:events}:dd*')).sort()).toEqual([hour, day].sort());
  });

  it.each([
    ['on', false],
    ['off', true],
  ])(
    'an event that was queued before Delayed Events were switched %s is not queued again',
    async (_switched, before) => {
      const { publisher } = await start();
      for (const delayed of [before, !before]) {
        publisher.offer(timed(1, delayed));
        publisher.offer({ ...event(2), mark: { kind: 'numbered', delayed } });
        await settledAll([publisher]);
      }
      expect(publisher.counts()).toMatchObject({ queued: 2, duplicate: 2 });
    },
  );
});
