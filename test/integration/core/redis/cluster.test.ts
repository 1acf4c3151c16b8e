import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AssignmentWatch } from '#connector/assignment/assignment-watch.ts';
import { redisConnectBudget } from '#connector/budget/redis-connect-budget.ts';
import { ReportBoard } from '#connector/registry/report-board.ts';
import { redisLook, redisRenew } from '#connector/session/renewal.ts';
import { agreeOnContract, DEFAULT_CONTRACT } from '#core/protocol/contract.ts';
import { appBudgetKey, appSocketsKey, clusterKeys, connectBudgetKey, replyFaultKey } from '#core/protocol/keys.ts';
import { decodeSession, type Session } from '#core/protocol/session.ts';
import { redisTimeMs } from '#core/redis/redis-clock.ts';
import {
  event,
  expected,
  publisherOn,
  range,
  settledAll,
  type TestPublisher,
  textsOn,
} from '#test/integration/connector/queue/publisher-fleet.ts';
import { ConnectorReplies } from '#test/integration/connector/reply/replies-fixture.ts';
import { type ClusterNode, RedisCluster } from '#test/support/redis-cluster.ts';
import { ClusterClient } from '#test/support/redis-cluster-client.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';
import { slotOf } from '#test/unit/connector/assignment/slots.ts';

const QUEUE = 'relax:events';
const keys = clusterKeys('c1');
const session: Session = {
  pod: 'c-0',
  incarnation: 'i1',
  zone: 'a',
  capacity: 10,
  state: 'up',
  drainingSinceMs: 0,
  version: 0,
  keyIDs: [],
  reportVersion: 0,
  faults: [],
  pid: 1,
  owner: '',
  machine: '',
  startTicks: '',
};

let cluster: RedisCluster;
let redis: ClusterClient;
const opened: ClusterClient[] = [];
const started: TestPublisher<ClusterClient>[] = [];

const connect = async (): Promise<ClusterClient> => {
  const client = new ClusterClient(cluster.ports);
  opened.push(client);
  await client.connect();
  return client;
};

beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 60_000);
afterAll(async () => {
  await cluster?.stop();
});
beforeEach(async () => {
  redis = await connect();
});
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
  for (const client of opened.splice(0)) client.close();
});

describe('what a connector does with Redis, on a Redis Cluster', () => {
  it('keeps its session, and reads who holds the name', async () => {
    const renewal = await redisRenew(redis, keys, 'c-0')(session, 15_000, undefined);
    expect(renewal.rival).toBeUndefined();
    expect(decodeSession((await redis.get(keys.session('c-0'))) ?? '')?.incarnation).toBe('i1');
    const look = await redisLook(redis, keys, 'c-0')();
    expect(look.renewedAt).toBe(String(renewal.redisMs));
  });

  it('shares the budget of connects', async () => {
    const budget = redisConnectBudget(redis);
    const bucket = { key: connectBudgetKey('T1', 'd1') };
    const asker = { slotID: 'a/0', unspaced: false, sparing: false };
    expect(await budget.take(bucket, 'needed', asker)).toEqual({ granted: true });
    await budget.block(bucket, 60_000);
    expect((await redisConnectBudget(await connect()).take(bucket, 'needed', asker)).granted).toBe(false);
  });

  it('shares the connects of an app and the places of its sockets', async () => {
    const budget = redisConnectBudget(redis, 'p1', 'east');
    const bucket = { key: appBudgetKey('A1'), sockets: appSocketsKey('A1') };
    const asker = { slotID: 'a/0', unspaced: false, sparing: false };
    expect(await budget.take(bucket, 'needed', asker)).toEqual({ granted: true });
    expect(await budget.markLive(bucket, 'a/0')).toBe(1);
    await budget.release(bucket, 'a/0');
    expect(await budget.isLive(bucket)).toBe(false);
  });

  it('agrees on the contract, and reads the time', async () => {
    await agreeOnContract(redis, DEFAULT_CONTRACT);
    await expect(agreeOnContract(redis, { ...DEFAULT_CONTRACT, shards: 2 })).rejects.toThrow('RELAX_QUEUE_SHARDS');
    expect(Math.abs((await redisTimeMs(redis)) - Date.now())).toBeLessThan(5_000);
  });

  it('reads its assignments on a nudge of the planner', async () => {
    const subscriber = await connect();
    let reads = 0;
    const watch = new AssignmentWatch({
      redis,
      subscriber,
      keys,
      pod: 'c-0',
      capacity: 10,
      onRead: () => {
        reads += 1;
      },
      log: silentLog,
    });
    watch.start();
    try {
      await waitFor(() => reads > 0);
      await redis.hset(keys.assign('c-0'), 'bot-1/0', JSON.stringify(slotOf()));
      await redis.set(keys.version('c-0'), '1');
      await waitFor(async () => (await redis.publish(keys.nudge('c-0'), '1')) >= 0 && watch.held.slots.size === 1, {
        timeoutMs: 4_000,
        everyMs: 100,
      });
    } finally {
      await watch.stop();
    }
  });

  it('reads the answers of applications, and says why one goes nowhere', async () => {
    const connector = new ConnectorReplies('c-0', await connect(), redis);
    connector.replies.start();
    const { address } = connector.queued('e1');
    for (const text of ['first', 'second']) {
      await redis.rpush(address.to, JSON.stringify({ id: address.id, payload: { text } }));
    }
    await connector.untilAcknowledged(1);
    expect(connector.acknowledged).toMatchObject([{ answer: '{"text":"first"}' }]);
    const fault = await waitFor(() => redis.get(replyFaultKey('e1')));
    expect(JSON.parse(fault)).toMatchObject({ outcome: 'refused' });
    await connector.replies.stop();
  });

  it('writes its reports', async () => {
    const board = new ReportBoard({
      redis,
      key: keys.report('c-0'),
      nudge: keys.plannerNudge,
      ids: () => ['bot-1/0'],
      report: () => ({ kind: 'report', report: { ...REPORT, state: 'live' } }),
      mayWrite: () => true,
      announce: async () => undefined,
      log: silentLog,
    });
    board.rewrite();
    await waitFor(async () => (await redis.hget(keys.report('c-0'), 'bot-1/0'))?.includes('"live"'));
    await board.stop();
  });
});

const REPORT = {
  epoch: 1,
  incarnation: 'i1',
  reason: '',
  message: '',
  tokenDigest: 'd',
  teamName: '',
  botUserID: '',
} as const;

/**
 * Two connectors get every event, each on connections of its own, while the primary that has the queue changes.
 *
 * Promised: an event that a primary took and its replica has is on the queue once, whatever becomes of the primary,
 * and whether or not the connector got the answer. Not promised, by Redis itself: replication is asynchronous, so what
 * a primary had acknowledged a moment before it died, and its replica had not got, is gone. No item comes twice even so,
 * since an event and its mark are written by one script, which a replica takes whole or not at all.
 */
describe('a failover of the primary that has the queue, under load', () => {
  const EVENTS = 3_000;
  /** When each event was said to be on the queue, by the process that heard it first. */
  let acknowledgedMs: Map<number, number>;

  beforeEach(async () => {
    await redis.del(QUEUE);
    acknowledgedMs = new Map();
    for (let n = 0; n < 2; n++) started.push(await publisherOn(await connect(), { queue: QUEUE }));
  });

  /** Offers the events from `from` on to both, in about 6 s, and resolves when all have their outcome. */
  async function load(from: number): Promise<void> {
    for (const n of range(from, from + EVENTS)) {
      for (const { publisher } of started) {
        publisher.offer(event(n), ({ kind }) => {
          if (kind === 'queued' && !acknowledgedMs.has(n)) acknowledgedMs.set(n, performance.now());
        });
      }
      if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await settledAll(started.map(({ publisher }) => publisher));
  }

  const primaryNow = async (): Promise<ClusterNode> => (await cluster.holdersOf(QUEUE))[0];
  /** A replica that was restarted is listed again only after a while. */
  const pairNow = (): Promise<{ primary: ClusterNode; replica: ClusterNode }> =>
    waitFor(
      async () => {
        const [primary, replica] = await cluster.holdersOf(QUEUE);
        return replica === undefined ? undefined : { primary, replica };
      },
      { timeoutMs: 20_000, what: 'the primary has a replica' },
    );
  const acknowledged = (least: number): Promise<true> =>
    waitFor(() => acknowledgedMs.size >= least, { timeoutMs: 20_000, what: `${least} acknowledged events` });
  const counts = (): { queued: number; failed: number } => {
    const all = started.map(({ publisher }) => publisher.counts());
    const failed = all.flatMap((one) => Object.values(one.failed)).reduce((sum, n) => sum + n, 0);
    return { queued: all.reduce((sum, { queued }) => sum + queued, 0), failed };
  };

  it('that an administrator triggers loses and duplicates nothing', async () => {
    const { primary, replica } = await pairNow();
    const loaded = load(0);
    await acknowledged(EVENTS / 5);
    await replica.admin.cluster('FAILOVER');
    await waitFor(async () => (await primaryNow()).id === replica.id, { timeoutMs: 20_000 });
    expect(acknowledgedMs.size).toBeLessThan(EVENTS);
    await loaded;
    expect((await textsOn(redis, QUEUE)).sort()).toEqual(expected(0, EVENTS).sort());
    expect(counts()).toEqual({ queued: EVENTS, failed: 0 });
    expect((await primaryNow()).id).not.toBe(primary.id);
    await waitFor(() => cluster.isWell(), { timeoutMs: 20_000 });
  }, 90_000);

  it('after a kill -9 loses and duplicates nothing that its replica has', async () => {
    const { primary, replica } = await pairNow();
    const loaded = load(10_000);
    await acknowledged(EVENTS / 5);
    // From here on it executes no write, so that the replica can get all; the connectors wait for their answers.
    await primary.admin.client('PAUSE', 60_000, 'WRITE');
    await waitFor(async () => {
      const offset = offsetOf(await primary.admin.info('replication'), 'master_repl_offset');
      return offset === offsetOf(await replica.admin.info('replication'), 'slave_repl_offset');
    });
    await primary.server.kill();
    const killedAtMs = performance.now();
    await waitFor(async () => (await primaryNow()).id === replica.id, { timeoutMs: 20_000 });
    await loaded;
    expect([...acknowledgedMs.values()].some((atMs) => atMs > killedAtMs)).toBe(true);
    expect((await textsOn(redis, QUEUE)).sort()).toEqual(expected(10_000, 10_000 + EVENTS).sort());
    expect(counts()).toEqual({ queued: EVENTS, failed: 0 });
    expect((await redisRenew(redis, keys, 'c-0')(session, 15_000, undefined)).rival).toBeUndefined();
    await primary.server.restart();
    await waitFor(() => primary.admin.isReady && cluster.isWell(), { timeoutMs: 30_000 });
  }, 90_000);

  it('after a sudden kill -9 duplicates nothing, and loses only what was acknowledged right before', async () => {
    const { primary, replica } = await pairNow();
    const loaded = load(20_000);
    await acknowledged(EVENTS / 5);
    await primary.server.kill();
    const killedAtMs = performance.now();
    await waitFor(async () => (await primaryNow()).id === replica.id, { timeoutMs: 20_000 });
    await loaded;
    const found = await textsOn(redis, QUEUE);
    expect(new Set(found).size).toBe(found.length);
    const has = new Set(found);
    for (const n of range(20_000, 20_000 + EVENTS)) {
      if (has.has(`event ${n}`)) continue;
      const beforeMs = killedAtMs - (acknowledgedMs.get(n) ?? Number.NEGATIVE_INFINITY);
      expect(beforeMs, `event ${n} was acknowledged so long before the kill`).toBeLessThan(1_000);
    }
    expect(counts().failed).toBe(0);
  }, 90_000);
});

const offsetOf = (replication: string, field: string): string | undefined =>
  new RegExp(`^${field}:(\\d+)`, 'm').exec(replication)?.[1];
