import { afterAll, beforeAll, expect, it } from 'vitest';
import { rotationLockKey } from '#core/protocol/keys.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { createWebApi, type WebApi } from '#core/slack/web-api.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { CLIENT, inHours, newestAt, RotatingCluster, recordOf, refreshesAt, rotatingBot } from './rotation-world.ts';

const server = useRedis();
const redis = server.useClient();
let slack: Simulator;
const running: RotatingCluster[] = [];

beforeAll(async () => {
  slack = await startSimulator({});
});
afterAll(async () => {
  await Promise.all(running.map(({ rotations }) => rotations.stop()));
  await slack.stop();
});

const cluster = (webApi: WebApi): RotatingCluster => {
  const made = new RotatingCluster(redis, slack, 'a', { webApi });
  running.push(made);
  return made;
};
const until = (condition: () => unknown, what: string) => waitFor(async () => Boolean(await condition()), { what });
/** Slack has answered, and nobody has heard it yet. */
function betweenSlackAndRedis(happens: () => Promise<void>): WebApi {
  const webApi = createWebApi({ apiUrl: slack.url });
  return {
    ...webApi,
    call: async (call) => {
      const answer = await webApi.call(call);
      await happens();
      return answer;
    },
  };
}

it('a pair that Slack gives while Redis goes away is used by nobody until Redis is back and has it', async () => {
  const world = cluster(betweenSlackAndRedis(() => server.kill()));
  const secret = rotatingBot(slack, 'T0AWAY', { expiresAtMs: inHours(1) });
  world.put('u', secret);
  await until(() => world.lines.some((line) => line.includes('a new token waits for Redis')), 'a token that waits');
  expect(world.token('u')).toBe(secret.pair.token);
  await server.restart();
  await until(() => world.token('u') === newestAt(slack, 'T0AWAY'), 'the new token');
  expect(await recordOf(redis, 'T0AWAY')).toBeDefined();
  expect(refreshesAt(slack, 'T0AWAY')).toBe(1);
});

it('Slack is not asked while Redis is away', async () => {
  const world = cluster(createWebApi({ apiUrl: slack.url }));
  const secret = rotatingBot(slack, 'T0NOREDIS');
  world.put('u', secret);
  await until(() => world.token('u') === secret.pair.token, 'the token of the Secret');
  await server.kill();
  const calls = JSON.stringify(slack.stats().calls['oauth.v2.access']);
  world.rotations.setExpired('u', true);
  await until(() => !redis.isReady, 'a Redis that is away');
  expect(world.token('u')).toBe(secret.pair.token);
  expect(JSON.stringify(slack.stats().calls['oauth.v2.access'])).toBe(calls);
  await server.restart();
  await until(() => world.token('u') === newestAt(slack, 'T0NOREDIS'), 'the new token');
});

it('a Redis that restarts without its last second gets the newest pair back at once', async () => {
  const world = cluster(createWebApi({ apiUrl: slack.url }));
  world.put('u', rotatingBot(slack, 'T0LASTSECOND', { expiresAtMs: inHours(1) }));
  await until(() => world.token('u') === newestAt(slack, 'T0LASTSECOND'), 'the new token');
  const before = await recordOf(redis, 'T0LASTSECOND');
  // The stand-in keeps nothing on disk.
  await server.kill();
  await server.restart();
  await until(() => recordOf(redis, 'T0LASTSECOND'), 'the record');
  expect(await recordOf(redis, 'T0LASTSECOND')).toEqual(before);
  expect(refreshesAt(slack, 'T0LASTSECOND')).toBe(1);
});

it('a process that hangs before it has heard Slack leaves the old refresh token to the next, and spoils nothing later', async () => {
  const hangs = Promise.withResolvers<void>();
  const hung = cluster(betweenSlackAndRedis(() => hangs.promise));
  const secret = rotatingBot(slack, 'T0KILLED', { expiresAtMs: inHours(1) });
  hung.put('u', secret);
  await until(() => refreshesAt(slack, 'T0KILLED') === 1, "Slack's answer");
  const lock = rotationLockKey('T0KILLED', tokenDigest(CLIENT.clientID));
  // Well within Slack's grace period.
  const ttlMs = Number(await redis.call('pttl', lock));
  expect(ttlMs).toBeGreaterThan(12_000);
  expect(ttlMs).toBeLessThanOrEqual(15_000);
  await redis.del(lock);
  const next = cluster(createWebApi({ apiUrl: slack.url }));
  next.put('u', secret);
  await until(() => next.token('u') === newestAt(slack, 'T0KILLED'), 'the new token');
  expect(refreshesAt(slack, 'T0KILLED')).toBe(2);
  const record = await recordOf(redis, 'T0KILLED');
  hangs.resolve();
  await until(() => hung.counted.found === 1, 'a process that finds another pair');
  await until(() => hung.token('u') === next.token('u'), 'the same token');
  expect(await recordOf(redis, 'T0KILLED')).toEqual(record);
});

it('a process that was suspended for longer than the grace period brings the only pair that lasts', async () => {
  const hangs = Promise.withResolvers<void>();
  const hung = cluster(betweenSlackAndRedis(() => hangs.promise));
  const secret = rotatingBot(slack, 'T0GRACE', { expiresAtMs: inHours(1) }, { graceMs: 1 });
  hung.put('u', secret);
  await until(() => refreshesAt(slack, 'T0GRACE') === 1, "Slack's answer");
  await redis.del(rotationLockKey('T0GRACE', tokenDigest(CLIENT.clientID)));
  const next = cluster(createWebApi({ apiUrl: slack.url }));
  next.put('u', secret);
  await until(() => next.verdict('u')?.note.includes('invalid_refresh_token'), 'a refusal');
  expect(await recordOf(redis, 'T0GRACE')).toBeUndefined();
  hangs.resolve();
  await until(() => hung.token('u') === newestAt(slack, 'T0GRACE'), 'the new token');
  // Slack refuses the old one by now, so it looks at Redis again.
  next.rotations.setExpired('u', true);
  await until(() => next.token('u') === hung.token('u'), 'the same token');
  expect(next.verdict('u')).toEqual({ note: expect.not.stringContaining('invalid_refresh_token'), fault: undefined });
  expect(refreshesAt(slack, 'T0GRACE')).toBe(1);
});
