import { beforeEach, expect, it } from 'vitest';
import type { BudgetAnswer } from '#connector/budget/connect-budget.ts';
import { DialSemaphore } from '#connector/budget/dial-semaphore.ts';
import { Outage } from '#connector/budget/outage.ts';
import type { Normalized } from '#connector/event/normalize.ts';
import { HeartbeatWheel } from '#connector/slot/heartbeat-wheel.ts';
import { SlotRunner } from '#connector/slot/slot-runner.ts';
import type { RtmConnectAnswer } from '#connector/transport/rtm/rtm-connect.ts';
import { type RtmSpec, rtmTransport } from '#connector/transport/rtm/rtm-transport.ts';
import { connectBudgetKey } from '#core/protocol/keys.ts';
import { isFree, noReplies, openBudget } from '#test/integration/connector/slot/test-slot.ts';
import { FakeTimers, settle } from '#test/support/fake-timers.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { FakeSocket } from './fake-socket.ts';
import { CLOSED } from './slot-world.ts';

const spec: RtmSpec = {
  kind: 'rtm',
  slotID: 'uid-1/0',
  ownerUid: 'uid-1',
  bot: 'bots/acme',
  teamID: 'T1',
  generation: 1,
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  token: 'xoxb-1-secret',
  tokenDigest: 'd1',
  rebalance: false,
};

const ok = (): RtmConnectAnswer => ({
  kind: 'ok',
  url: 'wss://slack.test/ticket',
  teamID: 'T1',
  teamName: 'Acme',
  botUserID: 'U1',
});

let timers: FakeTimers;
let sockets: FakeSocket[];
let offered: Normalized[];
let settleds: unknown[];
let warned: unknown[];
let statuses: number;
let livesElsewhere: () => Promise<boolean>;
let take: () => Promise<BudgetAnswer>;
let givenBack: string[][];
let released: string[][];
let answer: (signal: AbortSignal) => Promise<RtmConnectAnswer>;
let dialSemaphore: DialSemaphore;
let outage: Outage;
let slot: SlotRunner<RtmSpec>;
beforeEach(() => {
  timers = new FakeTimers();
  [sockets, offered, settleds, warned, statuses] = [[], [], [], [], 0];
  answer = async () => ok();
  take = async () => ({ granted: true });
  givenBack = [];
  released = [];
  livesElsewhere = async () => false;
  dialSemaphore = new DialSemaphore(1);
  outage = new Outage(timers, silentLog);
  slot = new SlotRunner(
    spec,
    rtmTransport({ connect: (_token, signal) => answer(signal), cluster: 'c1' }),
    {
      openSocket: (_url, ears) => {
        const socket = new FakeSocket(ears);
        sockets.push(socket);
        return socket;
      },
      budget: {
        ...openBudget,
        take: () => take(),
        giveBack: async ({ key }, slotID) => {
          givenBack.push([key, slotID]);
        },
        isLive: () => livesElsewhere(),
        release: async ({ key }, slotID) => {
          released.push([key, slotID]);
        },
      },
      outage,
      dialSemaphore,
      heartbeats: new HeartbeatWheel(timers),
      timers,
      random: () => 0.5,
      windowMs: 3_600_000,
      offer: (normalized, settled) => {
        offered.push(normalized);
        settleds.push(settled);
      },
      log: silentLog,
      limitedLog: { warn: (...words) => warned.push(words) },
      replies: noReplies,
      refuse: () => {},
      redisNowMs: () => timers.wallMs(),
    },
    () => {
      statuses += 1;
    },
  );
});

const last = (): FakeSocket => {
  const socket = sockets.at(-1);
  if (socket === undefined) throw new Error('no socket was opened');
  return socket;
};

it('hundreds of reconnects leave one socket and one timer', async () => {
  slot.start();
  await settle();
  last().hello();
  const pending = timers.pending;
  for (let n = 0; n < 300; n += 1) {
    last().end();
    while (last().ended) await timers.advance(10_000);
    last().hello();
  }
  expect(sockets.filter(({ ended }) => !ended)).toHaveLength(1);
  expect([sockets.length, timers.pending, isFree(dialSemaphore)]).toEqual([301, pending, true]);
});

it('the end of an attempt that Slack has outlived is no sign of another outage', async () => {
  answer = () => new Promise(() => {});
  slot.start();
  await settle();
  for (const team of ['T2', 'T3', 'T4']) outage.failed(team, 'SlackUnavailable');
  outage.succeeded();
  for (const team of ['T2', 'T3']) outage.failed(team, 'SlackUnavailable');
  await timers.advance(2_000);
  expect(outage.isDeclared).toBe(false);
  // The next one is its own fault.
  answer = async () => ({ kind: 'retry', reason: 'SlackUnavailable', error: 'http_503', message: 'HTTP 503' });
  await timers.advance(2_000);
  expect(outage.isDeclared).toBe(true);
});

it('what Slack says of one team is no sign of an outage, and is told as it is', async () => {
  answer = async () => ({
    kind: 'retry',
    reason: 'ConnectionRefused',
    error: 'ekm_access_denied',
    message: 'Access is suspended.',
    isOfOne: true,
  });
  for (const team of ['T2', 'T3']) outage.failed(team, 'SlackUnavailable');
  slot.start();
  await settle();
  expect(slot.status()).toMatchObject({ reason: 'ConnectionRefused', message: 'Access is suspended.' });
  expect(slot.status()).not.toHaveProperty('isOfOne');
  expect(outage.isDeclared).toBe(false);
});

it('the result of a cancelled call opens nothing', async () => {
  const { promise, resolve } = Promise.withResolvers<RtmConnectAnswer>();
  let aborted = false;
  answer = (signal) => {
    signal.addEventListener('abort', () => {
      aborted = true;
    });
    return promise;
  };
  slot.start();
  await settle();
  answer = async () => ok();
  slot.update({ ...spec, token: 'xoxb-2-secret', tokenDigest: 'd2' });
  resolve(ok());
  await settle();
  expect(aborted).toBe(true);
  expect(sockets).toHaveLength(1);
});

it.each([
  ['stopped', () => void slot.stop()],
  ['given another token', () => slot.update({ ...spec, token: 'xoxb-2-secret', tokenDigest: 'd2' })],
])('a connect that was granted when its slot was %s is given back', async (_what, change) => {
  const { promise, resolve } = Promise.withResolvers<BudgetAnswer>();
  take = () => promise;
  slot.start();
  await settle();
  take = async () => ({ granted: true });
  change();
  resolve({ granted: true });
  await settle();
  expect(givenBack).toEqual([[connectBudgetKey('T1', 'd1'), 'uid-1/0']]);
});

it('a socket that was given up still delivers its events, and changes no state', async () => {
  slot.start();
  await settle();
  const first = last();
  first.hello();
  first.say({ type: 'goodbye' });
  await settle();
  last().hello();
  expect(first.ended).toBe(true);
  first.say({ type: 'message', channel: 'C1', user: 'U2', text: 'last words', ts: '1.000100' });
  first.say({ type: 'goodbye' });
  first.ears.onClose(CLOSED);
  await settle();
  expect(offered.map(({ kind }) => kind)).toEqual(['event']);
  expect(sockets).toHaveLength(2);
  expect(slot.status().state).toBe('live');
});

it('events of a transport without acknowledgements reach the publisher without a callback', async () => {
  slot.start();
  await settle();
  last().hello();
  last().say({ type: 'message', channel: 'C1', user: 'U2', text: 'hi', ts: '1.000100' });
  expect([offered.length, settleds]).toEqual([1, [undefined]]);
});

it('reports its status on changes only', async () => {
  slot.start();
  await settle();
  last().hello();
  for (let n = 0; n < 10; n += 1) last().say({ type: 'message', channel: 'C1', text: `${n}`, ts: `${n}.000100` });
  slot.update({ ...spec, generation: 2 });
  last().say({ type: 'goodbye' });
  await settle();
  last().hello();
  expect(statuses).toBe(1);
});

it('queues disable_bot once a refusal lasts and no socket with the token is live anywhere, and only once', async () => {
  answer = async () => ({ kind: 'terminal', reason: 'TokenRevoked', error: 'token_revoked', message: 'revoked' });
  slot.start();
  await settle();
  expect(slot.status().state).toBe('failed');
  livesElsewhere = async () => true;
  await timers.advance(121_000);
  livesElsewhere = () => Promise.reject(new Error('Redis is away'));
  await timers.advance(241_000);
  expect(offered).toEqual([]);
  livesElsewhere = async () => false;
  await timers.advance(48 * 3_600_000);
  expect(offered).toMatchObject([{ kind: 'event', item: { type: 'disable_bot', event: { error: 'token_revoked' } } }]);
  expect(slot.status()).toMatchObject({ state: 'failed', reason: 'TokenRevoked' });
});

it('is stopped when every socket of it is gone, and can be stopped twice', async () => {
  slot.start();
  await settle();
  last().hello();
  let done = false;
  const stopped = slot.stop().then(() => {
    done = true;
  });
  await settle();
  expect([last().ended, done]).toEqual([true, false]);
  expect(released).toEqual([]);
  last().ears.onClose(CLOSED);
  await Promise.all([stopped, slot.stop()]);
  expect(timers.pending).toBe(0);
  expect(released).toEqual([[connectBudgetKey('T1', 'd1'), 'uid-1/0']]);
});

it('gives its place among others back when it shares with others from now on', async () => {
  slot.start();
  await settle();
  slot.update({ ...spec, generation: 2 });
  expect(released).toEqual([]);
  slot.update({ ...spec, token: 'xoxb-2-secret', tokenDigest: 'd2' });
  expect(released).toEqual([[connectBudgetKey('T1', 'd1'), 'uid-1/0']]);
});

it('warns of odd frames with names, never with what is in them', async () => {
  slot.start();
  await settle();
  last().hello();
  last().ears.onText('{"type":"message","text":"for your eyes');
  last().ears.onBinary(4);
  expect(warned).toHaveLength(2);
  expect(JSON.stringify(warned)).toContain('bots/acme');
  expect(JSON.stringify(warned)).not.toMatch(/for your eyes|xoxb|ticket/);
});
