import { describe, expect, it } from 'vitest';
import { routeArrived } from '#connector/outbound/arrival.ts';
import { Delivery, type DeliveryDeps } from '#connector/outbound/delivery.ts';
import { OutboxStore, type SettleRequest } from '#connector/outbound/outbox-store.ts';
import { PATIENCE_MS } from '#connector/outbound/post-verdict.ts';
import type { Sender } from '#connector/outbound/sender.ts';
import { systemTimers } from '#core/process/timers.ts';
import { commandKeys } from '#core/protocol/keys.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { Application, FakeSenders, fakeSender } from './outbound-fixture.ts';

const fixture = useRedis({ emptied: true });
const redis = fixture.useClient();
const keys = commandKeys('relax:commands');

type Faults = Partial<Pick<DeliveryDeps, 'webApi' | 'timers'>> & { settle?: (request: SettleRequest) => Promise<void> };

/** A connector's hands on outboxes, with commands to the channel C1 of the team T1 in one of them. */
async function outbox(senders: Sender[], ...commands: object[]) {
  return await faultyOutbox({}, senders, ...commands);
}

/** @param faults `settle` runs before the script, and may reject in its place */
async function faultyOutbox({ settle, ...faults }: Faults, senders: Sender[], ...commands: object[]) {
  const application = new Application(redis, keys.commands);
  await application.say(...commands.map((command) => ({ team: 'T1', channel: 'C1', text: 'm', ...command })));
  const store = new OutboxStore(redis, keys, { leaseMs: 30_000 });
  const { redisMs, arrived } = await store.intake();
  await store.route(arrived.map((one) => routeArrived(one, redisMs, () => 'made-up')));
  const fakes = new FakeSenders();
  fakes.bots.push(...senders);
  const delivery = new Delivery({
    store: {
      claim: (request) => store.claim(request),
      renew: (request) => store.renew(request),
      settle: async (request) => {
        await settle?.(request);
        return await store.settle(request);
      },
    },
    renewMs: 1_000,
    senders: fakes,
    webApi: { call: () => Promise.reject(new Error('nothing is posted here')) },
    refuse: () => undefined,
    observer: { ended: () => undefined, posted: () => undefined },
    timers: systemTimers,
    random: Math.random,
    limitedLog: { warn: () => undefined },
    ...faults,
  });
  return { application, store, delivery };
}

/** Nothing has happened in it for so long. */
const age = (ms: number) => redis.zincrby(keys.heads, -ms, 'T1/C1');
const letters = async (application: Application) =>
  (await application.deadLetters()).map(({ id, reason }) => [id, reason]);

describe('a message that makes no progress', () => {
  it('is given up after an hour and not before, with those behind it that are as old', async () => {
    const { application, store, delivery } = await outbox([], { id: '1' }, { id: '2' });
    expect((await store.look(0, PATIENCE_MS, 0)).long).toEqual([]);
    expect(await delivery.giveUp('T1/C1', PATIENCE_MS)).toBe(false);
    expect(await application.deadLetters()).toEqual([]);

    await age(PATIENCE_MS + 1_000);
    expect((await store.look(0, PATIENCE_MS, 0)).long).toMatchObject([{ outbox: 'T1/C1' }]);
    expect(await delivery.giveUp('T1/C1', PATIENCE_MS)).toBe(true);
    expect(await application.result('1')).toMatchObject({ state: 'failed', reason: 'NotServed' });
    // The second was accepted just now, and the first did not leave as one that was sent.
    expect(await delivery.giveUp('T1/C1', PATIENCE_MS)).toBe(false);
    await age(PATIENCE_MS + 1_000);
    expect(await delivery.giveUp('T1/C1', PATIENCE_MS)).toBe(false);
    expect(await letters(application)).toEqual([
      ['1', 'NotServed'],
      ['2', 'NotServed'],
    ]);
    expect(await redis.exists(keys.due, keys.heads, keys.leases, keys.outbox('T1/C1'))).toBe(0);
  });

  it('is not given up by two at once, nor while somebody is sending it', async () => {
    const { application, store, delivery } = await outbox([], { id: '1' });
    await age(PATIENCE_MS + 1_000);
    const request = {
      outbox: 'T1/C1',
      channel: 'C1',
      team: 'T1',
      digest: 'd',
      nonce: 'n',
      overRtm: false,
      giveUpMs: 0,
    };
    expect(await store.claim(request)).toMatchObject({ kind: 'claimed' });
    expect(await delivery.giveUp('T1/C1', PATIENCE_MS)).toBe(false);
    expect(await application.deadLetters()).toEqual([]);
  });

  it('because no SlackBot of its team has a bot token is given up after seconds, in which another could come', async () => {
    const tokenless = fakeSender('T1', { token: undefined });
    const { application, delivery } = await outbox([tokenless], { id: '1' });
    await delivery.send('T1/C1');
    expect(await application.result('1')).toMatchObject({ state: 'queued' });
    await age(10_000);
    await delivery.send('T1/C1');
    expect(await application.result('1')).toMatchObject({ state: 'failed', reason: 'NoBotToken' });
  });

  it('over RTM, since no socket of the bot is live, says so', async () => {
    const { application, delivery } = await outbox([fakeSender('T1', { speaksRtm: true })], { id: '1', via: 'rtm' });
    expect(await delivery.send('T1/C1')).toBe('elsewhere');
    await age(PATIENCE_MS);
    await delivery.giveUp('T1/C1', PATIENCE_MS);
    expect(await application.result('1')).toMatchObject({ state: 'failed', reason: 'RtmUnavailable' });
  });
});

describe('what Slack has taken', () => {
  it('is marked as soon as Redis takes the mark, and is not posted again meanwhile', async () => {
    let posts = 0;
    let refused = 0;
    const { application, delivery } = await faultyOutbox(
      {
        webApi: {
          call: () => {
            posts += 1;
            return Promise.resolve({ kind: 'ok', body: { ok: true, channel: 'C1', ts: '1.2' } });
          },
        },
        settle: () => {
          refused += 1;
          return refused <= 2 ? Promise.reject(new Error('Command timed out')) : Promise.resolve();
        },
      },
      [fakeSender('T1')],
      { id: '1' },
    );
    expect(await delivery.send('T1/C1')).toBeUndefined();
    expect({ posts, refused }).toEqual({ posts: 1, refused: 3 });
    expect(await application.result('1')).toMatchObject({ state: 'sent', ts: '1.2' });
  });
});

describe('a delivery that is closing', () => {
  it('claims nothing, and gives back at once what it has claimed and not sent', async () => {
    const { store, delivery } = await outbox([fakeSender('T1')], { id: '1' });
    const sending = delivery.send('T1/C1');
    delivery.close();
    expect(await sending).toBe(0);
    expect(await delivery.send('T1/C1')).toBeUndefined();
    const request = {
      outbox: 'T1/C1',
      channel: 'C1',
      team: 'T1',
      digest: 'd',
      nonce: 'n',
      overRtm: false,
      giveUpMs: 0,
    };
    expect(await store.claim(request)).toMatchObject({ kind: 'claimed' });
  });
});
