import { afterEach, describe, expect, it } from 'vitest';
import type { Publisher } from '#connector/queue/publisher.ts';
import { connectTo, useRedis } from '#test/support/redis-fixture.ts';
import { type RedisServer, startRedis } from '#test/support/redis-server.ts';
import { TcpRelay } from '#test/support/tcp-relay.ts';
import { waitFor } from '#test/support/wait.ts';
import { event, expected, range, settledAll, startPublisher, type TestPublisher, textsOn } from './publisher-fleet.ts';

const COUNT = 300;

const server = useRedis({ lifetime: 'test', appendOnly: true });
const admin = server.useClient({ name: 'admin' });
const others: RedisServer[] = [];
const started: TestPublisher[] = [];
const start = async (on: Pick<RedisServer, 'url'> = server): Promise<Publisher> => {
  const one = await startPublisher(on);
  started.push(one);
  return one.publisher;
};

/** What Slack has been told: each acknowledgement of each delivery, by event. */
class Acknowledgements {
  readonly of = new Map<number, string[]>();

  /** Slack delivers these events, for the first time or again. */
  deliver(publisher: Publisher, numbers: readonly number[]): void {
    for (const n of numbers) {
      publisher.offer(event(n), ({ kind }) => this.of.set(n, [...(this.of.get(n) ?? []), kind]), true);
    }
  }

  /** Every event's outcomes, as one of those that there are. */
  kinds(): string[] {
    return [...new Set([...this.of.values()].map((kinds) => [...kinds].sort().join()))].sort();
  }
}

afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
  for (const one of others.splice(0)) await one.stop();
});

const once = async (redis: Parameters<typeof textsOn>[0] = admin): Promise<void> => {
  const texts = await textsOn(redis);
  expect(texts).toHaveLength(COUNT);
  expect(new Set(texts)).toEqual(new Set(expected(0, COUNT)));
};

describe('Slack sends every event again while Redis fails, and each is queued once', () => {
  it('killed and started again: nothing is acknowledged in between, every delivery is afterwards', async () => {
    const publisher = await start();
    const slack = new Acknowledgements();
    await server.kill();
    for (let delivery = 0; delivery < 4; delivery++) slack.deliver(publisher, range(0, COUNT));
    await waitFor(() => publisher.faults().length > 0, { timeoutMs: 20_000 });
    expect(slack.of.size).toBe(0);
    expect(publisher.counts()).toMatchObject({ offered: 4 * COUNT, pending: 4 * COUNT });
    await server.restart();
    await settledAll([publisher]);
    await waitFor(async () => (await admin.ping()) === 'PONG');
    await once();
    expect(slack.kinds()).toEqual(['duplicate,duplicate,duplicate,queued']);
    expect(publisher.counts()).toMatchObject({ queued: COUNT, duplicate: 3 * COUNT });
  });

  it('and the redelivery comes to another connector', async () => {
    const [one, two] = [await start(), await start()];
    const slack = new Acknowledgements();
    await server.kill();
    slack.deliver(one, range(0, COUNT));
    slack.deliver(two, range(0, COUNT));
    await waitFor(() => [one, two].every((each) => each.faults().length > 0), { timeoutMs: 20_000 });
    expect(slack.of.size).toBe(0);
    await server.restart();
    await settledAll([one, two]);
    await waitFor(async () => (await admin.ping()) === 'PONG');
    await once();
    expect(slack.kinds()).toEqual(['duplicate,queued']);
  });

  it('stopped for longer than a command timeout, so that a batch runs unheard: its copies are duplicates, too', async () => {
    const publisher = await start();
    const slack = new Acknowledgements();
    slack.deliver(publisher, range(0, 10));
    await settledAll([publisher]);
    process.kill(server.pid, 'SIGSTOP');
    slack.deliver(publisher, range(10, COUNT));
    await waitFor(() => publisher.faults().length > 0, { timeoutMs: 30_000 });
    slack.deliver(publisher, range(10, COUNT));
    expect(slack.of.size).toBe(10);
    process.kill(server.pid, 'SIGCONT');
    await settledAll([publisher]);
    await once();
    // Of the batch that ran unheard, the first delivery is a duplicate of itself.
    expect(slack.kinds()).toEqual(['duplicate,duplicate', 'duplicate,queued', 'queued']);
    expect([...slack.of.values()].flat()).toHaveLength(2 * COUNT - 10);
  });

  it('a failover: the replica takes over while batches are under way', async () => {
    const successor = await startRedis({ args: ['--replicaof', '127.0.0.1', String(server.port)] });
    others.push(successor);
    const onSuccessor = await connectTo(successor, { name: 'admin' });
    const address = await TcpRelay.start(server.port);
    try {
      await waitFor(async () => (await onSuccessor.info('replication')).includes('master_link_status:up'));
      const publisher = await start(address);
      const slack = new Acknowledgements();
      slack.deliver(publisher, range(0, COUNT / 2));
      await settledAll([publisher]);
      // From here on the primary executes no write, so that its replica can get all that was acknowledged.
      await admin.client('PAUSE', 60_000, 'WRITE');
      await waitFor(async () => (await onSuccessor.llen('relax:events')) === COUNT / 2);
      slack.deliver(publisher, range(0, COUNT));
      expect(slack.of.size).toBe(COUNT / 2);
      await server.kill();
      await onSuccessor.replicaof('NO', 'ONE');
      address.leadTo(successor.port);
      slack.deliver(publisher, range(0, COUNT));
      await settledAll([publisher]);
      await once(onSuccessor);
      expect(slack.kinds()).toEqual(['duplicate,duplicate,queued', 'duplicate,queued']);
    } finally {
      onSuccessor.disconnect();
      await address.stop();
    }
  });
});
