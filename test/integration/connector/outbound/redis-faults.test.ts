import { describe, expect, it } from 'vitest';
import { commandKeys } from '#core/protocol/keys.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { burst, fakeSender, inWorld, type World } from './outbound-fixture.ts';

const fixture = useRedis({ emptied: true });
const redis = fixture.useClient();
const COMMANDS = 'relax:commands';
const keys = commandKeys(COMMANDS);
const scenario = (name: string, run: (world: World) => Promise<void>): void =>
  it(name, () => inWorld(fixture, redis, COMMANDS, run));

/** Looks like a token, as a whole word of more than its kind. */
const TOKEN = /xox[a-z]-[a-z0-9]{2,}/i;

describe('Redis', () => {
  scenario(
    'emptied half-way costs what was in it and nothing else',
    async ({ application, start, said, untilSaid }) => {
      const { counts } = await start('T1');
      await application.say(...burst('T1', 1, 3));
      await untilSaid(1);
      await redis.flushall();
      await application.say({ team: 'T1', channel: 'C0', text: 'after', id: 'after' });
      expect(await application.final('after')).toMatchObject({ state: 'sent' });
      expect(said().at(-1)).toBe('after');
      expect(new Set(said()).size).toBe(said().length);
      expect(counts.get('failed')).toBeUndefined();
    },
  );

  scenario('never holds a token, in no key and no value', async ({ application, start, answer, untilSaid }) => {
    await start('T1', 'T2');
    answer({ kind: 'error', error: 'token_expired' }, { teamID: 'T2' });
    await application.say(...burst('T1', 3, 2), ...burst('T2', 2, 1), { team: 'T1', channel: 'C1', token: 'secret' });
    await untilSaid(4);
    const held = JSON.stringify(await everything());
    expect(held).toContain('token_expired');
    expect(held).toContain('is not a field of a command');
    expect(held).not.toMatch(TOKEN);
    expect('xoxb-t1-secret').toMatch(TOKEN);
  });

  const WRONG: [string, string][] = [
    ['the list of commands', COMMANDS],
    ['the due times', keys.due],
  ];
  for (const [what, key] of WRONG) {
    scenario(`with a key of another type at ${what} loses nothing, and says so`, async ({ application, start }) => {
      await redis.set(key, 'of another type');
      const { warnings } = await start('T1');
      const say = () => application.say({ team: 'T1', channel: 'C1', text: 'm', id: 'm' });
      if (key !== COMMANDS) await say();
      await waitFor(() => warnings.some((line) => line.includes('another type')), { what: 'a warning' });
      await redis.del(key);
      if (key === COMMANDS) await say();
      expect(await application.final('m')).toMatchObject({ state: 'sent' });
    });
  }

  scenario(
    'with a key of another type at one outbox gives up its commands and no other',
    async ({ application, start }) => {
      const key = keys.outbox('T1/C1');
      await redis.set(key, 'of another type');
      await start('T1');
      await application.say(
        { team: 'T1', channel: 'C1', text: 'm', id: 'm' },
        { team: 'T1', channel: 'C2', text: 'other', id: 'other' },
      );
      expect(await application.final('other')).toMatchObject({ state: 'sent' });
      expect(await application.final('m')).toMatchObject({
        reason: 'RedisKeyWrong',
        message: expect.stringContaining(key),
      });
    },
  );

  scenario(
    'that is full takes nothing new, and what is in it goes out',
    async ({ application, start, calls, untilSaid }) => {
      const { senders } = await start('T1');
      await application.say(
        { team: 'T2', channel: 'C1', text: 'm', id: 'm' },
        { team: 'T2', channel: 'C2', text: 'm' },
      );
      await waitFor(async () => (await redis.zcard(keys.due)) === 2);
      await redis.config('SET', 'maxmemory', '1');
      senders.add(fakeSender('T2'));
      await untilSaid(2);
      await redis.config('SET', 'maxmemory', '0');
      expect(await application.final('m')).toMatchObject({ state: 'sent' });
      expect(calls()).toEqual({ ok: 2 });
    },
  );

  scenario(
    'that lacks a right says which, and everything goes on once it is given',
    async ({ application, start, said }) => {
      const { warnings } = await start('T1');
      await redis.call('ACL', 'SETUSER', 'default', '-zadd');
      await application.say({ team: 'T1', channel: 'C1', text: 'm', id: 'm' });
      await waitFor(() => warnings.some((line) => line.includes('ACL SETUSER default +zadd')), { what: 'a warning' });
      await redis.call('ACL', 'SETUSER', 'default', '+zadd');
      expect(await application.final('m')).toMatchObject({ state: 'sent' });
      expect(said()).toEqual(['m']);
    },
  );
});

/** All keys with their values. */
async function everything(): Promise<[string, unknown][]> {
  const read = async (key: string): Promise<unknown> => {
    switch (await redis.type(key)) {
      case 'string':
        return await redis.get(key);
      case 'list':
        return await redis.lrange(key, 0, -1);
      case 'hash':
        return await redis.hgetall(key);
      case 'zset':
        return await redis.zrange(key, '0', '-1');
      default:
        // It has expired since.
        return undefined;
    }
  };
  const names = await redis.keys('*');
  return await Promise.all(names.map(async (key): Promise<[string, unknown]> => [key, await read(key)]));
}
