import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { rotationKey, rotationLockKey } from '#core/protocol/keys.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import type { RotationOptions } from '#operator/rotation/rotation-options.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { CLIENT, inHours, newestAt, RotatingCluster, recordOf, refreshesAt, rotatingBot } from './rotation-world.ts';

const CLIENT_DIGEST = tokenDigest(CLIENT.clientID);
const WEEK_MS = 7 * 24 * 3_600_000;

describe('rotating tokens, with Redis and a Slack stand-in', () => {
  const server = useRedis();
  const redis = server.useClient();
  let slack: Simulator;
  const running: RotatingCluster[] = [];

  beforeAll(async () => {
    slack = await startSimulator({});
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map(({ rotations }) => rotations.stop()));
    slack.clearFaults();
  });
  afterAll(() => slack.stop());

  const cluster = (name = 'a', more: Partial<RotationOptions> = {}): RotatingCluster => {
    const made = new RotatingCluster(redis, slack, name, more);
    running.push(made);
    return made;
  };
  const until = (condition: () => unknown, what: string) => waitFor(async () => Boolean(await condition()), { what });

  it('does not ask Slack for a token of which nobody knows when it expires, until Slack has refused it', async () => {
    const world = cluster();
    const secret = rotatingBot(slack, 'T0UNKNOWN');
    world.put('u', secret);
    await until(() => world.token('u') === secret.pair.token, 'the token of the Secret');
    expect(refreshesAt(slack, 'T0UNKNOWN')).toBe(0);
    world.rotations.setExpired('u', true);
    await until(() => world.token('u') === newestAt(slack, 'T0UNKNOWN'), 'the new token');
    expect(world.token('u')).not.toBe(secret.pair.token);
    expect(refreshesAt(slack, 'T0UNKNOWN')).toBe(1);
    expect(world.counted).toEqual({ refreshed: 1 });
  });

  it('refreshes at 2 hours before the expiry and not before, and uses a pair only when Redis has it', async () => {
    const world = cluster();
    world.put('early', rotatingBot(slack, 'T0EARLY', { expiresAtMs: inHours(2.5) }));
    world.put('due', rotatingBot(slack, 'T0DUE', { expiresAtMs: inHours(1.99) }));
    await until(() => world.token('due') === newestAt(slack, 'T0DUE'), 'the new token');
    const record = await recordOf(redis, 'T0DUE');
    expect(record).toMatchObject({ tokenDigest: tokenDigest(world.token('due') ?? '') });
    expect((record?.expiresAtMs ?? 0) - Date.now()).toBeGreaterThan(43_100_000);
    expect(refreshesAt(slack, 'T0EARLY')).toBe(0);
    expect(await redis.call('pttl', rotationKey('T0DUE', CLIENT_DIGEST))).toBe(-1);
  });

  it('shows no token and no secret in Redis or a log', async () => {
    const world = cluster();
    const secret = rotatingBot(slack, 'T0SECRET', { expiresAtMs: inHours(1) });
    world.put('u', secret);
    await until(() => world.token('u') === newestAt(slack, 'T0SECRET'), 'the new token');
    const everything = JSON.stringify([await redis.hgetall(rotationKey('T0SECRET', CLIENT_DIGEST)), world.lines]);
    const [rotation] = slack.tokens.rotations().filter(({ teamID }) => teamID === 'T0SECRET');
    for (const secretText of [
      secret.pair.token,
      secret.pair.refreshToken,
      CLIENT.clientSecret,
      rotation?.pair.accessToken ?? '',
      rotation?.pair.refreshToken ?? '',
    ]) {
      expect(secretText.length).toBeGreaterThan(10);
      expect(everything).not.toContain(secretText);
    }
  });

  it('lets one of many ask, in two clusters and two processes of one', async () => {
    const worlds = ['a', 'a', 'b', 'b'].map((name) => cluster(name));
    const secret = rotatingBot(slack, 'T0MANY', { expiresAtMs: inHours(1) });
    for (const world of worlds) world.put('u', secret);
    for (const world of worlds) {
      await until(() => world.token('u') === newestAt(slack, 'T0MANY'), 'the new token everywhere');
    }
    expect(refreshesAt(slack, 'T0MANY')).toBe(1);
    await until(
      async () => Object.keys(await redis.hgetall(rotationKey('T0MANY', CLIENT_DIGEST))).length === 3,
      'what both clusters show',
    );
  });

  it('uses what Redis has after a restart, however old the Secret', async () => {
    const secret = rotatingBot(slack, 'T0RESTART', { expiresAtMs: inHours(1) });
    const first = cluster();
    first.put('u', secret);
    await until(() => first.token('u') === newestAt(slack, 'T0RESTART'), 'the new token');
    await first.rotations.stop();
    const second = cluster();
    expect(second.put('u', secret)).toMatchObject({ kind: 'unknown' });
    await until(() => second.token('u') === newestAt(slack, 'T0RESTART'), 'the token from Redis');
    expect(refreshesAt(slack, 'T0RESTART')).toBe(1);
  });

  it('restores a pair that Redis has lost', async () => {
    const world = cluster();
    world.put('u', rotatingBot(slack, 'T0LOST', { expiresAtMs: inHours(1) }));
    await until(() => world.token('u') === newestAt(slack, 'T0LOST'), 'the new token');
    const before = await recordOf(redis, 'T0LOST');
    await redis.del(rotationKey('T0LOST', CLIENT_DIGEST));
    world.rotations.setExpired('u', true);
    world.rotations.setExpired('u', false);
    await until(() => recordOf(redis, 'T0LOST'), 'the record');
    expect(await recordOf(redis, 'T0LOST')).toEqual(before);
  });

  it('takes a pair that a person has put into the Secret, proves it at once, and tells the others', async () => {
    const [world, other] = [cluster('a'), cluster('b')];
    const old = rotatingBot(slack, 'T0NEW', { expiresAtMs: inHours(1) });
    world.put('u', old);
    await until(() => world.token('u') === newestAt(slack, 'T0NEW'), 'the first new token');
    // As after another installation: the token that Slack gave last is not known to Redis.
    const { pair } = slack.tokens.rotations().find(({ teamID }) => teamID === 'T0NEW') ?? {};
    const answer = await fetch(`${slack.url}oauth.v2.access`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: pair?.refreshToken ?? '',
        client_id: CLIENT.clientID,
        client_secret: CLIENT.clientSecret,
      }),
    });
    const given = (await answer.json()) as { access_token: string; refresh_token: string };
    world.put('u', {
      ...old,
      expiresAtMs: undefined,
      pair: { token: given.access_token, refreshToken: given.refresh_token },
    });
    await until(
      () => world.token('u') !== given.access_token && world.token('u') === newestAt(slack, 'T0NEW'),
      'newer',
    );
    // The Secret of the other cluster still shows the first pair of all, which is an ancestor.
    other.put('u', old);
    await until(() => other.token('u') === newestAt(slack, 'T0NEW'), 'the same token there');
    expect(refreshesAt(slack, 'T0NEW')).toBe(3);
  });

  it('goes back to the pair of Redis when Slack does not take what a person has put into the Secret', async () => {
    const world = cluster();
    const old = rotatingBot(slack, 'T0WRONG', { expiresAtMs: inHours(1) });
    world.put('u', old);
    await until(() => world.token('u') === newestAt(slack, 'T0WRONG'), 'the new token');
    world.put('u', { ...old, pair: { token: 'xoxb-typed-wrongly', refreshToken: 'xoxe-1-typed-wrongly' } });
    await until(() => world.verdict('u')?.note.includes('did not take'), 'the note');
    expect(world.token('u')).toBe(newestAt(slack, 'T0WRONG'));
    expect(world.counted).toEqual({ refreshed: 1, refused: 1 });
    world.put('u', old);
    await until(() => world.token('u') === newestAt(slack, 'T0WRONG'), 'the same when it is put back');
  });

  describe('Follow', () => {
    it('never asks Slack, and takes what the owner has refreshed', async () => {
      const [owner, follower] = [cluster('a'), cluster('b')];
      const secret = rotatingBot(slack, 'T0FOLLOW', { expiresAtMs: inHours(1) });
      follower.put('u', { ...secret, refresh: 'Follow' });
      await until(() => follower.token('u') === secret.pair.token, 'its own token');
      owner.put('u', secret);
      await until(() => owner.token('u') === newestAt(slack, 'T0FOLLOW'), 'the new token');
      follower.rotations.setExpired('u', true);
      await until(() => follower.token('u') === newestAt(slack, 'T0FOLLOW'), 'the same token');
      expect(follower.counted).toEqual({});
    });

    it('says who should refresh, once the token has expired', async () => {
      const follower = cluster('b');
      follower.put('u', rotatingBot(slack, 'T0ALONE', { refresh: 'Follow', expiresAtMs: inHours(-1) }));
      await until(() => follower.verdict('u')?.fault?.reason === 'TokenExpired', 'the fault');
      expect(follower.verdict('u')?.fault?.message).toMatch(/is Follow here.*Owner must refresh it/);
      expect(refreshesAt(slack, 'T0ALONE')).toBe(0);
    });
  });

  describe('when Slack does not give a token', () => {
    it.each([
      ['bad_client_secret', { clientSecret: 'another-secretpart' }, /bad_client_secret.*"App Credentials"/],
      ['invalid_client_id', { clientID: '999.999' }, /invalid_client_id.*"App Credentials"/],
      [
        'invalid_refresh_token',
        { pair: { token: 'xoxb-of-nobody', refreshToken: 'xoxe-1-of-nobody' } },
        /invalid_refresh_token.*Install the app again/,
      ],
    ])(
      'for %s: warns while the old token is valid, asks once, and faults it when it has expired',
      async (error, wrong, words) => {
        const world = cluster();
        const team = `T0${error.replaceAll('_', '').toUpperCase()}`;
        world.put('u', { ...rotatingBot(slack, team), expiresAtMs: inHours(1), ...wrong });
        await until(() => world.verdict('u')?.note, 'the warning');
        expect(world.verdict('u')).toMatchObject({ note: expect.stringMatching(words), fault: undefined });
        expect(world.rotations.takeNews('u')).toMatchObject({
          reason: 'RefreshRefused',
          note: expect.stringMatching(words),
        });
        expect(world.rotations.takeNews('u')).toBeUndefined();
        expect(world.counted).toEqual({ refused: 1 });
        world.rotations.setExpired('u', true);
        await until(() => world.verdict('u')?.fault !== undefined, 'the fault');
        expect(world.verdict('u')?.fault).toMatchObject({
          reason: 'RefreshRefused',
          message: expect.stringMatching(words),
        });
        expect(JSON.stringify([world.verdict('u'), world.lines])).not.toMatch(/secretpart|of-nobody/);
      },
    );

    it('asks once for all processes, also for one that starts later', async () => {
      const secret = { ...rotatingBot(slack, 'T0ONCE'), expiresAtMs: inHours(1), clientSecret: 'another-secretpart' };
      const worlds = ['a', 'a', 'b'].map((name) => cluster(name));
      for (const world of worlds) world.put('u', secret);
      for (const world of worlds) await until(() => world.verdict('u')?.note.includes('bad_client_secret'), 'the note');
      const late = cluster('a');
      late.put('u', secret);
      await until(() => late.verdict('u')?.note.includes('bad_client_secret'), 'the note');
      const refused = [...worlds, late].reduce((sum, { counted }) => sum + (counted.refused ?? 0), 0);
      expect(refused).toBe(1);
      // Another client secret is another question.
      late.put('u', { ...secret, clientSecret: CLIENT.clientSecret });
      await until(() => late.token('u') === newestAt(slack, 'T0ONCE'), 'the new token');
    });

    it('tries again while Slack is ill, and says so after a while', async () => {
      const world = cluster('a', { random: () => 0 });
      const id = slack.setFault({
        at: 'method',
        method: 'oauth.v2.access',
        answer: { kind: 'http', status: 503 },
      });
      world.put('u', rotatingBot(slack, 'T0ILL', { expiresAtMs: inHours(1) }));
      await until(() => world.verdict('u')?.note.includes('could not be refreshed so far'), 'the note');
      slack.clearFault(id);
      await until(() => world.token('u') === newestAt(slack, 'T0ILL'), 'the new token');
      expect(world.verdict('u')?.note).not.toContain('could not');
    });
  });

  it('waits its turn while another process holds the lock', async () => {
    await redis.set(rotationLockKey('T0HELD', CLIENT_DIGEST), 'another', 'PX', 700);
    const world = cluster();
    const secret = rotatingBot(slack, 'T0HELD', { expiresAtMs: inHours(1) });
    world.put('u', secret);
    await until(() => world.token('u') === secret.pair.token, 'the token of the Secret');
    expect(refreshesAt(slack, 'T0HELD')).toBe(0);
    await until(() => world.token('u') === newestAt(slack, 'T0HELD'), 'the new token');
  });

  describe('of a SlackBot that is gone', () => {
    it('stay for a week, also when its Secret showed the newest: created again, it may show the first', async () => {
      const world = cluster();
      const secret = rotatingBot(slack, 'T0GONE', { expiresAtMs: inHours(1) });
      world.put('u', secret);
      await until(() => world.token('u') === newestAt(slack, 'T0GONE'), 'the new token');
      const [rotation] = slack.tokens.rotations().filter(({ teamID }) => teamID === 'T0GONE');
      const pair = { token: rotation?.pair.accessToken ?? '', refreshToken: rotation?.pair.refreshToken ?? '' };
      world.put('u', { ...secret, pair });
      const key = rotationKey('T0GONE', CLIENT_DIGEST);
      await until(
        async () => Object.values(await redis.hgetall(key)).includes(tokenDigest(pair.refreshToken)),
        'what the Secret shows',
      );
      world.rotations.release('u');
      await until(async () => Number(await redis.call('pttl', key)) > WEEK_MS - 60_000, 'it expires in a week');
      const again = cluster();
      again.put('new', { ...secret, expiresAtMs: undefined });
      await until(() => again.token('new') === pair.token, 'the newest token');
      await until(async () => (await redis.call('pttl', key)) === -1, 'it stays again');
      expect(refreshesAt(slack, 'T0GONE')).toBe(1);
    });

    it('stay as long as another cluster uses them', async () => {
      const [world, other] = [cluster('a'), cluster('b')];
      const secret = rotatingBot(slack, 'T0KEPT', { expiresAtMs: inHours(1) });
      const key = rotationKey('T0KEPT', CLIENT_DIGEST);
      for (const each of [world, other]) {
        each.put('u', secret);
        await until(() => each.token('u') === newestAt(slack, 'T0KEPT'), 'the new token');
      }
      await until(async () => Object.keys(await redis.hgetall(key)).length === 3, 'what both show');
      world.rotations.release('u');
      await until(async () => Object.keys(await redis.hgetall(key)).length === 2, 'one is gone');
      expect(await redis.call('pttl', key)).toBe(-1);
      other.rotations.release('u');
      await until(async () => Number(await redis.call('pttl', key)) > 0, 'it expires');
    });
  });
});
