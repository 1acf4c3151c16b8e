import { afterEach, describe, expect, it } from 'vitest';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { event, eventOf, settledAll, startPublisher, type TestPublisher, textsOn } from './publisher-fleet.ts';

const server = useRedis({ lifetime: 'test' });
const admin = server.useClient({ name: 'admin' });
const started: TestPublisher[] = [];

afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

const large = (n: number, bytes: number) =>
  eventOf({ type: 'message', channel: 'C1', user: 'U1', ts: `1700000000.9${n}`, blocks: 'x'.repeat(bytes) });

const begin = async (url = server.url): Promise<{ pod: TestPublisher; words: string[] }> => {
  const words: string[] = [];
  const pod = await startPublisher({ url }, { observer: { refused: (text) => words.push(text) } });
  started.push(pod);
  return { pod, words };
};

describe('an event that is too large', () => {
  it.each([1_200_000, 3_000_000, 8_000_000])(
    'of %i bytes is given up alone, and the others go on in order',
    async (bytes) => {
      await admin.config('SET', 'proto-max-bulk-len', '1mb');
      const { pod, words } = await begin();
      for (let n = 0; n < 100; n++) pod.publisher.offer(event(n));
      pod.publisher.offer(large(1, bytes));
      for (let n = 100; n < 200; n++) pod.publisher.offer(event(n));
      await settledAll([pod.publisher]);
      // What was under way beside the large one has lost its answer with the connection: tried again, it is a duplicate.
      const { queued, duplicate, failed } = pod.publisher.counts();
      expect([queued + duplicate, failed]).toEqual([200, expect.objectContaining({ refused: 1 })]);
      expect((await textsOn(admin)).map((text) => Number(text.split(' ')[1]))).toEqual([...Array(200).keys()]);
      expect(words).toEqual([expect.stringMatching(/an event of \d{7} bytes, .*proto-max-bulk-len/)]);
      expect(pod.publisher.faults()).toEqual([]);
    },
  );

  it('for its query buffer is given up, too, where Redis reveals that limit', async () => {
    await admin.config('SET', 'client-query-buffer-limit', '1mb');
    const { pod, words } = await begin();
    pod.publisher.offer(large(1, 1_500_000));
    pod.publisher.offer(event(1));
    await settledAll([pod.publisher]);
    expect(await textsOn(admin)).toEqual(['event 1']);
    expect(words).toEqual([expect.stringContaining('client-query-buffer-limit')]);
  });

  it('for a smaller Redis is accepted by one with a larger limit', async () => {
    const { pod } = await begin();
    pod.publisher.offer(large(1, 3_000_000));
    await settledAll([pod.publisher]);
    expect(pod.publisher.counts()).toMatchObject({ queued: 1 });
  });

  it('is never given up merely because its connection is cut each time', async () => {
    const { pod } = await begin();
    const cutter = setInterval(() => {
      void admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes').catch(() => undefined);
    }, 3);
    let failures = 0;
    try {
      pod.redis.on('close', () => {
        failures += 1;
      });
      pod.publisher.offer(large(1, 8_000_000));
      pod.publisher.offer(event(1));
      await waitFor(() => failures > 20, { timeoutMs: 30_000 });
    } finally {
      clearInterval(cutter);
    }
    await settledAll([pod.publisher]);
    expect(await admin.llen('relax:events')).toBe(2);
    expect(pod.publisher.counts().failed.refused).toBe(0);
  });

  it('is given up though CONFIG is forbidden', async () => {
    await admin.config('SET', 'proto-max-bulk-len', '1mb');
    await admin.call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all', '-@admin', '-@dangerous', '+info');
    const { pod } = await begin(`redis://app:pw@127.0.0.1:${server.port}`);
    pod.publisher.offer(large(1, 3_000_000));
    pod.publisher.offer(event(1));
    await settledAll([pod.publisher]);
    expect(pod.publisher.counts()).toMatchObject({ queued: 1, failed: { refused: 1 } });
  });
});
