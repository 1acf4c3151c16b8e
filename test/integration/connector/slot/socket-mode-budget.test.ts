import { afterEach, beforeEach, expect, it } from 'vitest';
import { APP_BUDGET } from '#connector/budget/connect-budget.ts';
import { redisConnectBudget } from '#connector/budget/redis-connect-budget.ts';
import type { SocketModeSpec } from '#connector/transport/socket-mode/socket-mode-spec.ts';
import { appSocketsKey } from '#core/protocol/keys.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { generatedAppToken } from '#slack-simulator/app.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { TestSlot } from './test-slot.ts';

const APP = 'A0ONE';
const TOKEN = generatedAppToken(APP, 0);

const server = useRedis({ emptied: true });
const redis = server.useClient();

let slack: Simulator;
const slots: TestSlot<SocketModeSpec>[] = [];
beforeEach(async () => {
  slack = await startSimulator({ appConnectBurst: 1_000 });
  slack.apps.add({ appID: APP, appToken: TOKEN });
});
afterEach(async () => {
  await Promise.all(slots.splice(0).map(({ running }) => running.stop()));
  await slack.stop();
});

/** The slots of one app, each in a process of its own unless it is named. */
function open(n: number, process = `process-${n}`): TestSlot<SocketModeSpec> {
  const spec: SocketModeSpec = {
    kind: 'socketMode',
    slotID: `uid-1/${n}`,
    ownerUid: 'uid-1',
    bot: 'bots/acme',
    teamID: 'T1',
    generation: 1,
    queueNamespace: '',
    events: { include: [], exclude: [], own: false },
    token: TOKEN,
    tokenDigest: tokenDigest(TOKEN),
    rebalance: false,
    replies: true,
    delayedEvents: false,
  };
  const slot = new TestSlot(slack, spec, { budget: redisConnectBudget(redis, process, 'c1') });
  slots.push(slot);
  return slot;
}
const places = (): Promise<number> => redis.zcard(appSocketsKey(APP));

it('the replicas of an app that start at once all go live, one after the other, and know each other', async () => {
  await Promise.all([0, 1, 2].map((n) => open(n).live()));
  expect(slack.apps.stats().handshakes[APP]).toEqual({ ok: 3 });
  expect(slots.map(({ status }) => [status.state, status.reason])).toEqual([
    ['live', ''],
    ['live', ''],
    ['live', ''],
  ]);
  expect(await places()).toBe(3);
});

const allReasons = (): Set<string> => new Set(slots.flatMap(({ history }) => history.map(({ reason }) => reason)));

it('all sockets of an app that Slack closes at the same time are replaced in time, and nobody takes them for unknown ones', async () => {
  await Promise.all([0, 1, 2].map((n) => open(n).live()));
  slack.apps.inflict({ appID: APP }, { kind: 'disconnect', reason: 'warning', closeAfterMs: 5_000 });
  let fewest = Number.POSITIVE_INFINITY;
  const isOver = (): boolean => {
    const live = slack.apps.sockets(APP).filter(({ state }) => state === 'live');
    fewest = Math.min(fewest, live.length);
    return slack.apps.stats().handshakes[APP]?.ok === 6 && slack.apps.sockets(APP).length === 3;
  };
  await waitFor(isOver, { timeoutMs: 10_000 });
  expect(fewest).toBe(3);
  expect(allReasons()).toEqual(new Set(['']));
});

it('a slot that moves to another process has one place and two sockets meanwhile, none of which is unknown', async () => {
  const [old] = await Promise.all([open(0).live(), open(1).live()]);
  await open(0, 'another').live();
  expect([slack.apps.sockets(APP).length, await places()]).toEqual([3, 2]);
  await old?.running.stop();
  expect(await places()).toBe(2);
  await waitFor(() => slack.apps.sockets(APP).length === 2);
  expect(allReasons()).toEqual(new Set(['']));
});

it('a 429 is waited out by every slot of the app, and none asks meanwhile', async () => {
  await open(0).live();
  const answer = { kind: 'ratelimited', retryAfterSeconds: 2 } as const;
  slack.setFault({ at: 'method', method: 'apps.connections.open', answer, times: 1 });
  const startedAtMs = performance.now();
  const limited = open(1);
  limited.running.start();
  await waitFor(() => limited.status.reason === 'RateLimited');
  await Promise.all([limited.until('live'), open(2).live()]);
  expect(performance.now() - startedAtMs).toBeGreaterThan(1_900);
  expect(slack.apps.stats().opens[APP]).toEqual({ ok: 3, ratelimited: 1 });
});

it('a slot that is stopped leaves its place to others', async () => {
  const [slot] = await Promise.all([open(0).live(), open(1).live()]);
  await slot?.running.stop();
  await waitFor(async () => (await places()) === 1);
});

it('sockets of the app that are not of Relax are told with both numbers', async () => {
  await Promise.all([0, 1, 2].map((n) => open(n).live()));
  slack.apps.inflict({ appID: APP }, { kind: 'ghost' });
  await Promise.all(slots.splice(0).map(({ running }) => running.stop()));
  const slot = await open(3).live();
  await waitFor(() => slot.status.reason === 'UnknownWebsockets');
  expect(slot.status.message).toMatch(/counts 4 websockets of this app, but Relax knows 1/);
});

it('a slot without a place waits, and says why', async () => {
  const untilMs = Date.now() + 60_000;
  const taken = Array.from({ length: APP_BUDGET.places }, (_, n) =>
    redis.zadd(appSocketsKey(APP), untilMs, `c2/x/${n}`),
  );
  await Promise.all(taken);
  const slot = open(0);
  slot.running.start();
  await waitFor(() => slot.status.reason === 'TooManyWebsockets');
  expect(slot.status.state).toBe('waiting');
  expect(slack.apps.stats().opens).toEqual({});
});
