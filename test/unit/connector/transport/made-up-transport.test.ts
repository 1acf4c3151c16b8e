import { beforeEach, describe, expect, it } from 'vitest';
import { DialSemaphore } from '#connector/budget/dial-semaphore.ts';
import { Outage } from '#connector/budget/outage.ts';
import type { Normalized } from '#connector/event/normalize.ts';
import type { Settled } from '#connector/queue/outcome.ts';
import { HeartbeatWheel } from '#connector/slot/heartbeat-wheel.ts';
import { SlotRunner } from '#connector/slot/slot-runner.ts';
import type { OpenAnswer } from '#connector/transport/transport.ts';
import { createLog } from '#core/process/log.ts';
import { noReplies, openBudget } from '#test/integration/connector/slot/test-slot.ts';
import { FakeTimers, settle } from '#test/support/fake-timers.ts';
import { FakeSocket } from '#test/unit/connector/slot/fake-socket.ts';
import { type AppSpec, madeUpTransport } from './made-up-transport.ts';

const spec: AppSpec = {
  kind: 'app',
  slotID: 'uid-9/0',
  ownerUid: 'uid-9',
  bot: 'bots/app',
  appID: 'A1',
  generation: 1,
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  token: 'xapp-1-secret',
  tokenDigest: 'd1',
  rebalance: false,
};
const NOBODY = { teamID: '', teamName: '', botUserID: '' };

let timers: FakeTimers;
let sockets: FakeSocket[];
let offered: { normalized: Normalized; settled: Settled | undefined }[];
let budgetKeys: string[];
let warned: unknown[];
let answer: OpenAnswer;
let slot: SlotRunner<AppSpec>;
const last = (): FakeSocket => {
  const socket = sockets.at(-1);
  if (socket === undefined) throw new Error('no socket was opened');
  return socket;
};
const envelope = (id: string, teamID: string) => ({
  type: 'events_api',
  envelope_id: id,
  payload: { team_id: teamID, event: { type: 'message', channel: 'C1', user: 'U2', text: id, ts: '1.000100' } },
});
async function live(): Promise<FakeSocket> {
  slot.start();
  await settle();
  last().hello();
  return last();
}

beforeEach(() => {
  timers = new FakeTimers();
  sockets = [];
  offered = [];
  budgetKeys = [];
  warned = [];
  answer = { kind: 'ok', url: 'wss://slack.test/link', self: NOBODY };
  const log = createLog({ program: 'test', level: 'silent' });
  slot = new SlotRunner(
    spec,
    madeUpTransport(async () => answer),
    {
      openSocket: (_url, ears) => {
        const socket = new FakeSocket(ears);
        sockets.push(socket);
        return socket;
      },
      budget: {
        ...openBudget,
        take: async ({ key }) => {
          budgetKeys.push(key);
          return { granted: true };
        },
      },
      outage: new Outage(timers, log),
      dialSemaphore: new DialSemaphore(),
      heartbeats: new HeartbeatWheel(timers),
      timers,
      random: () => 0.5,
      windowMs: 3_600_000,
      offer: (normalized, settled) => offered.push({ normalized, settled }),
      log,
      limitedLog: { warn: (...words) => warned.push(words) },
      replies: noReplies,
      refuse: () => {},
      redisNowMs: () => timers.wallMs(),
    },
    () => {},
  );
});

describe('a transport whose sockets live by websocket pings', () => {
  it('keeps a socket that answers them, though no text comes', async () => {
    const socket = await live();
    for (let second = 0; second < 60; second += 1) {
      socket.ears.onHeard('pong');
      await timers.advance(1_000);
    }
    expect(sockets).toHaveLength(1);
    expect(socket.ended).toBe(false);
  });

  it('gives up a socket that answers none of them, and sends no text', async () => {
    const socket = await live();
    await timers.advance(10_500);
    expect(socket.ended).toBe(true);
    expect(socket.pings).toBe(2);
    expect(socket.sent).toEqual([]);
  });
});

describe('a transport whose events want an acknowledgement', () => {
  it('acknowledges each when its outcome is final, not before', async () => {
    const socket = await live();
    socket.say(envelope('e1', 'T1'));
    socket.say(envelope('e2', 'T1'));
    expect(socket.sent).toEqual([]);
    offered[1]?.settled?.({ kind: 'duplicate' });
    offered[0]?.settled?.({ kind: 'queued' });
    expect(socket.sent).toEqual(['{"envelope_id":"e2"}', '{"envelope_id":"e1"}']);
  });

  it('does not acknowledge what did not reach the queue', async () => {
    const socket = await live();
    socket.say(envelope('e1', 'T1'));
    offered[0]?.settled?.({ kind: 'failed', reason: 'buffer_full' });
    expect(socket.sent).toEqual([]);
  });

  it('sends none for an event whose socket has ended in the meantime', async () => {
    const socket = await live();
    socket.say(envelope('e1', 'T1'));
    socket.end();
    offered[0]?.settled?.({ kind: 'queued' });
    expect(socket.sent).toEqual([]);
  });
});

it('the events of one socket are each from the team that Slack names', async () => {
  const socket = await live();
  socket.say(envelope('e1', 'T1'));
  socket.say(envelope('e2', 'T2'));
  const teams = offered.map(({ normalized }) => normalized.kind === 'event' && normalized.item.team_uid);
  expect(teams).toEqual(['T1', 'T2']);
});

describe('a disconnect', () => {
  it('that only refreshes the socket is read on until Slack closes it, or long enough', async () => {
    const first = await live();
    first.say({ type: 'disconnect', reason: 'refresh' });
    await settle();
    first.say(envelope('e1', 'T1'));
    offered[0]?.settled?.({ kind: 'queued' });
    expect([sockets.length, first.ended]).toEqual([2, false]);
    last().hello();
    first.say(envelope('e2', 'T1'));
    offered[1]?.settled?.({ kind: 'queued' });
    expect([first.ended, first.sent.length, offered.length]).toEqual([false, 2, 2]);
    await timers.advance(5_000);
    last().ears.onHeard('pong');
    await timers.advance(5_000);
    last().ears.onHeard('pong');
    await timers.advance(5_000);
    expect([first.ended, last().ended]).toEqual([true, false]);
  });

  it('that ends the service closes the socket at once, says why and comes back later', async () => {
    const first = await live();
    first.say({ type: 'disconnect', reason: 'switched_off' });
    expect(first.ended).toBe(true);
    expect(slot.status()).toMatchObject({ state: 'connecting', reason: 'ConnectionRefused' });
    expect(slot.status().message).toContain('switched off');
    await timers.advance(1_000);
    expect(sockets).toHaveLength(2);
  });

  it('instead of hello is a failed attempt', async () => {
    slot.start();
    await settle();
    last().ears.onOpen();
    last().say({ type: 'disconnect', reason: 'too_many' });
    expect(last().ended).toBe(true);
    expect(slot.status()).toMatchObject({ state: 'connecting', reason: 'ConnectionRefused' });
  });
});

it('connects count by the key of the transport, and log lines have its names', async () => {
  const socket = await live();
  socket.ears.onBinary(1);
  expect(budgetKeys).toEqual(['connects of A1']);
  expect(JSON.stringify(warned)).toContain('"app":"A1"');
});

it('a refusal that lasts queues nothing for a transport without such an event', async () => {
  answer = { kind: 'terminal', reason: 'TokenRevoked', error: 'token_revoked', message: 'revoked' };
  slot.start();
  await timers.advance(48 * 3_600_000);
  expect(slot.status().state).toBe('failed');
  expect(offered).toEqual([]);
});
