import { afterEach, describe, expect, it } from 'vitest';
import { TokenRefusals } from '#connector/credentials/token-refusals.ts';
import { RateLimitedLog } from '#core/process/rate-limited-log.ts';
import { systemTimers } from '#core/process/timers.ts';
import { clusterKeys } from '#core/protocol/keys.ts';
import { decodeRefusedToken, REFUSED_VERSION_FIELD } from '#core/protocol/refused-token.ts';
import type { Redis } from '#core/redis/redis.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';

const keys = clusterKeys('c');
const OWNER = { ownerUid: 'a', bot: 'bots/a', generation: 3, tokenDigest: 'd1' };
const REFUSAL = { reason: 'TokenRevoked', error: 'token_revoked', message: 'xoxb-1-secretpart is revoked' } as const;

describe('what a connector learns of a refused token', () => {
  const server = useRedis({ emptied: true });
  const redis = server.useClient();
  const subscriber = server.useClient({ role: 'subscriber' });
  const started: TokenRefusals[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((refusals) => refusals.stop()));
  });

  function start(client: Redis = redis): TokenRefusals {
    const limitedLog = new RateLimitedLog(silentLog, systemTimers);
    const refusals = new TokenRefusals({
      redis: client,
      keys,
      redisClock: { nowMs: () => 42 },
      log: silentLog,
      limitedLog,
    });
    started.push(refusals);
    return refusals;
  }
  const records = async () => {
    const { [REFUSED_VERSION_FIELD]: version, ...fields } = await redis.hgetall(keys.refused);
    return { version, of: (uid: string) => decodeRefusedToken(fields[uid] ?? ''), uids: Object.keys(fields) };
  };

  it('is in Redis at once, without the token, and the planner is nudged', async () => {
    const heard: string[] = [];
    const unlisten = subscriber.onMessage((channel) => void heard.push(channel));
    await subscriber.subscribe(keys.plannerNudge);
    start().refuse(OWNER, REFUSAL);
    await waitFor(() => heard.length > 0, { what: 'a nudge' });
    unlisten();
    expect(heard).toEqual([keys.plannerNudge]);
    expect((await records()).of('a')).toEqual({
      tokenDigest: 'd1',
      generation: 3,
      reason: 'TokenRevoked',
      error: 'token_revoked',
      message: '[redacted] is revoked',
      atMs: 42,
    });
  });

  it('from an answer to a message is about the credentials of its sender', async () => {
    start().refuseSender({ ownerUid: 'b', bot: 'bots/b', generation: 1, credentialsDigest: 'd9' }, REFUSAL);
    await waitFor(async () => (await records()).of('b'), { what: 'a record' });
    expect((await records()).of('b')).toMatchObject({ tokenDigest: 'd9', generation: 1 });
  });

  it('changes the version each time, so that readers see it', async () => {
    const refusals = start();
    refusals.refuse(OWNER, REFUSAL);
    const first = await waitFor(async () => (await records()).version, { what: 'a version' });
    refusals.refuse({ ...OWNER, generation: 4 }, REFUSAL);
    await waitFor(async () => (await records()).of('a')?.generation === 4, { what: 'the next record' });
    expect((await records()).version).not.toBe(first);
  });

  it('is written when Redis takes it, however long that is, and of one owner only the last', async () => {
    let isAway = true;
    let tries = 0;
    const evalsha = redis.evalsha.bind(redis);
    const away: Redis = Object.assign(Object.create(redis), {
      evalsha: (...args: Parameters<Redis['evalsha']>) => {
        tries += 1;
        return isAway ? Promise.reject(new Error('READONLY')) : evalsha(...args);
      },
    });
    const refusals = start(away);
    refusals.refuse(OWNER, REFUSAL);
    refusals.refuse({ ...OWNER, ownerUid: 'b' }, REFUSAL);
    await waitFor(() => tries >= 2, { what: 'another try', timeoutMs: 5_000 });
    refusals.refuse({ ...OWNER, tokenDigest: 'd2' }, REFUSAL);
    isAway = false;
    await waitFor(async () => (await records()).uids.length === 2, { what: 'both', timeoutMs: 5_000 });
    expect((await records()).of('a')?.tokenDigest).toBe('d2');
  });

  describe('by an event, which is final,', () => {
    const BY_EVENT = { reason: 'AppUninstalled', error: 'app_uninstalled', message: 'gone' } as const;
    const ANSWER = { reason: 'TokenInvalid', error: 'invalid_auth', message: 'refused' } as const;
    const stored = async () => {
      await Promise.all(started.splice(0).map((refusals) => refusals.stop()));
      return (await records()).of('a')?.error;
    };

    it('stays when Slack then answers a message with an error that it may take back, to this connector or to another', async () => {
      const refusals = start();
      refusals.refuse(OWNER, BY_EVENT);
      refusals.refuse(OWNER, ANSWER);
      expect(await stored()).toBe('app_uninstalled');
      start().refuse({ ...OWNER, generation: 2 }, ANSWER);
      expect(await stored()).toBe('app_uninstalled');
    });

    it('takes the place of such an answer', async () => {
      const refusals = start();
      refusals.refuse(OWNER, ANSWER);
      refusals.refuse(OWNER, BY_EVENT);
      expect(await stored()).toBe('app_uninstalled');
    });

    it.each([
      ['another token', { tokenDigest: 'd2' }],
      ['a newer spec', { generation: 4 }],
    ])('says nothing of %s', async (_, changed) => {
      start().refuse(OWNER, BY_EVENT);
      expect(await stored()).toBe('app_uninstalled');
      start().refuse({ ...OWNER, ...changed }, ANSWER);
      expect(await stored()).toBe('invalid_auth');
    });
  });

  it('is written before the connector ends', async () => {
    const refusals = start();
    refusals.refuse(OWNER, REFUSAL);
    await refusals.stop();
    expect((await records()).uids).toEqual(['a']);
  });
});
