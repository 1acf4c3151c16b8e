import { beforeEach, describe, expect, it } from 'vitest';
import type { Normalized } from '#connector/event/normalize.ts';
import type { Outcome, Settled } from '#connector/queue/outcome.ts';
import type { Acknowledge, ReplyDesk } from '#connector/reply/reply-desk.ts';
import { SlotSockets } from '#connector/slot/slot-sockets.ts';
import type { Input } from '#connector/slot/state.ts';
import type { BotIdentity } from '#connector/transport/socket-mode/bot-identity.ts';
import type { SocketModeSpec } from '#connector/transport/socket-mode/socket-mode-spec.ts';
import { socketModeTransport } from '#connector/transport/socket-mode/socket-mode-transport.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { FakeSocket } from './fake-socket.ts';
import { socketModeSpec } from './socket-mode-sample.ts';

const spec = socketModeSpec;
const QUEUED: Outcome = { kind: 'queued' };
const LEFT_TO_SLACK: Outcome = { kind: 'failed', reason: 'buffer_full' };
const ackOf = (id: string): string => `{"envelope_id":"${id}"}`;
const message = (id: string) => ({
  type: 'events_api',
  envelope_id: id,
  accepts_response_payload: false,
  payload: {
    type: 'event_callback',
    team_id: 'T1',
    api_app_id: 'A01',
    event_id: `Ev${id}`,
    event_time: 1,
    event: { type: 'message', channel: 'C1', user: 'U2', text: id, ts: '1.000100' },
  },
});
const command = (id: string, accepts_response_payload = true) => ({
  type: 'slash_commands',
  envelope_id: id,
  accepts_response_payload,
  payload: { command: '/hi', team_id: 'T1', api_app_id: 'A01' },
});

interface Offered {
  normalized: Normalized;
  settled: Settled | undefined;
  isSentAgain: boolean | undefined;
}
interface Opened {
  id: string;
  textOf(payload: string): string;
  acknowledge: Acknowledge;
  settled: Outcome[];
}

let timers: FakeTimers;
let dialed: FakeSocket[];
let offered: Offered[];
let opened: Opened[];
let takeNone: string[];
let expired: string[];
let fed: Input[];
let current: SocketModeSpec;
let sockets: SlotSockets<SocketModeSpec>;
const replies: ReplyDesk = {
  open(id, textOf, acknowledge) {
    const settled: Outcome[] = [];
    opened.push({ id, textOf, acknowledge, settled });
    return {
      address: { to: 'answers', id, before: 'soon' },
      settled: (outcome) => settled.push(outcome),
      expire: () => expired.push(id),
    };
  },
  takesNone: (id) => takeNone.push(id),
};
const only = <T>(list: readonly T[]): T => {
  const [first] = list;
  if (first === undefined || list.length > 1) throw new Error(`${list.length} instead of one`);
  return first;
};
const settle = (index: number, outcome: Outcome): void => offered[index]?.settled?.(outcome);

let identity: BotIdentity | undefined;

function dial(id: number): FakeSocket {
  sockets.dial(id, 'wss://slack.test/link', { teamID: 'T1', teamName: '', botUserID: '' });
  const socket = dialed.at(-1);
  if (socket === undefined) throw new Error('nothing was dialed');
  return socket;
}

beforeEach(() => {
  timers = new FakeTimers();
  [dialed, offered, opened, takeNone, expired, fed] = [[], [], [], [], [], []];
  identity = undefined;
  current = spec;
  const transport = socketModeTransport({
    open: async () => ({ kind: 'ok', url: 'wss://slack.test/link' }),
    identities: { ask: async () => undefined, get: () => identity, refusal: () => undefined },
    cluster: 'c1',
  });
  sockets = new SlotSockets(
    transport,
    {
      openSocket: (_url, ears) => {
        const socket = new FakeSocket(ears);
        dialed.push(socket);
        return socket;
      },
      offer: (normalized, settled, isSentAgain) => offered.push({ normalized, settled, isSentAgain }),
      replies,
      redisNowMs: () => 1_795_500_000_000,
      refuse: () => {},
      timers,
      limitedLog: { warn: () => {} },
    },
    { spec: () => current, feed: (input) => fed.push(input) },
  );
});

describe('an envelope', () => {
  it('is offered as one that Slack sends again', () => {
    dial(1).say(message('e1'));
    expect(only(offered)).toMatchObject({ normalized: { kind: 'event' }, isSentAgain: true });
  });

  it('is not left to another delivery if it is a slash command, which Slack does not repeat', () => {
    dial(1).say(command('c1'));
    expect(only(offered)).toMatchObject({ normalized: { kind: 'event' }, isSentAgain: false });
  });

  it('is acknowledged over the socket that it came from, once its outcome is final', () => {
    const [one, two] = [dial(1), dial(2)];
    one.say(message('e1'));
    two.say(message('e2'));
    expect([one.sent, two.sent]).toEqual([[], []]);
    settle(1, QUEUED);
    settle(0, { kind: 'duplicate' });
    expect([one.sent, two.sent]).toEqual([[ackOf('e1')], [ackOf('e2')]]);
  });

  it('whose socket has ended is acknowledged over the one that is there instead, once that has said hello', () => {
    const one = dial(1);
    one.say(message('e1'));
    one.say(message('e2'));
    one.end();
    const two = dial(2);
    settle(0, QUEUED);
    expect(two.sent).toEqual([]);
    two.say({ type: 'hello' });
    dial(3);
    settle(1, QUEUED);
    expect([one.sent, two.sent]).toEqual([[], [ackOf('e2')]]);
  });

  it('that found no room is left to Slack', () => {
    const socket = dial(1);
    socket.say(message('e1'));
    settle(0, LEFT_TO_SLACK);
    expect(socket.sent).toEqual([]);
  });

  it('that can’t be read is counted and acknowledged, since Slack would send it again to no avail', () => {
    const socket = dial(1);
    socket.say({ type: 'events_api', envelope_id: 'e1', payload: 7 });
    expect(only(offered).normalized).toEqual({ kind: 'malformed' });
    settle(0, { kind: 'failed', reason: 'malformed' });
    expect(socket.sent).toEqual([ackOf('e1')]);
  });

  it('that can’t be read at all is only counted', () => {
    const socket = dial(1);
    socket.ears.onText('{"payload":');
    expect(only(offered)).toMatchObject({ normalized: { kind: 'malformed' }, settled: undefined });
  });
});

it('an envelope in a text that can’t be read is acknowledged all the same, if it shows its id', () => {
  const socket = dial(1);
  socket.ears.onUnreadable('tooLarge', 9_000_000, '{"envelope_id":"e1","payload":{"text":"xxx');
  socket.ears.onUnreadable('notUtf8', 3, 'a\u00ffb');
  expect(offered.map(({ normalized, settled }) => [normalized.kind, settled !== undefined])).toEqual([
    ['tooLarge', true],
    ['malformed', false],
  ]);
  settle(0, { kind: 'failed', reason: 'too_large' });
  expect(socket.sent).toEqual([ackOf('e1')]);
});

describe('an envelope that takes an answer', () => {
  it('is acknowledged with what the application answers, and the item says where to', () => {
    const socket = dial(1);
    socket.say(command('e1'));
    expect(only(offered).normalized).toHaveProperty('item.reply', { to: 'answers', id: 'e1', before: 'soon' });
    settle(0, QUEUED);
    expect(only(opened)).toMatchObject({ id: 'e1', settled: [QUEUED] });
    expect(socket.sent).toEqual([]);
    expect(only(opened).acknowledge('{"text":"hi"}')).toBe(true);
    expect(socket.sent).toEqual(['{"envelope_id":"e1","payload":{"text":"hi"}}']);
    expect(only(opened).textOf('{"text":"hi"}')).toBe(socket.sent[0]);
  });

  it('is acknowledged plainly when no answer comes', () => {
    const socket = dial(1);
    socket.say(command('e1'));
    settle(0, QUEUED);
    expect(only(opened).acknowledge(undefined)).toBe(true);
    expect(socket.sent).toEqual([ackOf('e1')]);
  });

  it('is acknowledged with an answer that came before the outcome was known', () => {
    const socket = dial(1);
    socket.say(command('e1'));
    only(opened).acknowledge('[]');
    settle(0, { kind: 'duplicate' });
    expect(socket.sent).toEqual(['{"envelope_id":"e1","payload":[]}']);
  });

  it('is never acknowledged plainly while its outcome is unknown', () => {
    const socket = dial(1);
    socket.say(command('e1'));
    expect(only(opened).acknowledge(undefined)).toBe(false);
    expect(socket.sent).toEqual([]);
  });

  it('whose socket has ended tells that the answer was not sent', () => {
    const socket = dial(1);
    socket.say(command('e1'));
    settle(0, QUEUED);
    socket.end();
    expect(only(opened).acknowledge('[]')).toBe(false);
  });

  it('does not wait for one where answers are switched off', () => {
    current = { ...spec, replies: false };
    const socket = dial(1);
    socket.say(command('e1'));
    settle(0, QUEUED);
    expect([opened, takeNone, socket.sent]).toEqual([[], [], [ackOf('e1')]]);
    expect(only(offered).normalized).not.toHaveProperty('item.reply.to');
  });
});

it('an envelope that takes no answer is known as one, so that an answer to it can be refused', () => {
  const socket = dial(1);
  socket.say(message('e1'));
  socket.say(command('e2', false));
  expect([opened, takeNone]).toEqual([[], ['e1', 'e2']]);
});

describe('a socket that is closed', () => {
  it('closes at once when everything is acknowledged', () => {
    const socket = dial(1);
    socket.say(message('e1'));
    settle(0, QUEUED);
    sockets.close(1);
    expect(socket.ended).toBe(true);
    expect(timers.pending).toBe(0);
  });

  it('stays until what came over it is acknowledged, and is read meanwhile', () => {
    const socket = dial(1);
    socket.say(message('e1'));
    sockets.close(1);
    expect(socket.ended).toBe(false);
    socket.say(message('e2'));
    settle(0, QUEUED);
    expect(socket.ended).toBe(false);
    settle(1, QUEUED);
    expect([socket.sent, socket.ended]).toEqual([[ackOf('e1'), ackOf('e2')], true]);
  });

  it('waits for the answer of an application, too', () => {
    const socket = dial(1);
    socket.say(command('e1'));
    settle(0, QUEUED);
    sockets.close(1);
    expect(socket.ended).toBe(false);
    only(opened).acknowledge('[]');
    expect(socket.ended).toBe(true);
  });

  it('does not wait for what will never be acknowledged', () => {
    const socket = dial(1);
    socket.say(command('e1'));
    sockets.close(1);
    settle(0, LEFT_TO_SLACK);
    expect(socket.ended).toBe(true);
  });

  it('stays no longer than three seconds, and leaves no timer', async () => {
    const socket = dial(1);
    socket.say(message('e1'));
    sockets.close(1);
    sockets.close(1);
    await timers.advance(2_999);
    expect(socket.ended).toBe(false);
    await timers.advance(1);
    expect(socket.ended).toBe(true);
    expect(timers.pending).toBe(0);
  });

  it('ends the wait for answers before it closes, if no other socket could carry them', async () => {
    dial(1).say(command('c1'));
    settle(0, QUEUED);
    sockets.close(1);
    await timers.advance(2_999);
    expect(expired).toEqual([]);
    await timers.advance(1);
    expect(expired).toEqual(['c1']);
  });

  it('leaves the wait for answers to a successor', async () => {
    dial(1).say(command('c1'));
    dial(2).say({ type: 'hello', num_connections: 2 });
    settle(0, QUEUED);
    sockets.close(1);
    await timers.advance(3_000);
    expect(expired).toEqual([]);
  });

  it('leaves no timer when it ends by itself', () => {
    const socket = dial(1);
    socket.say(message('e1'));
    sockets.close(1);
    socket.end();
    expect([timers.pending, sockets.size]).toEqual([0, 0]);
    expect(() => settle(0, QUEUED)).not.toThrow();
  });

  it('does not wait when it is terminated', () => {
    const socket = dial(1);
    socket.say(message('e1'));
    sockets.terminate(1);
    expect([socket.ended, sockets.size]).toEqual([true, 0]);
  });
});

describe('a socket that Slack is about to close', () => {
  it('is read until Slack closes it, and leaves no timer', () => {
    const socket = dial(1);
    sockets.letClose(1);
    socket.say(message('e1'));
    settle(0, QUEUED);
    expect([socket.sent, socket.ended]).toEqual([[ackOf('e1')], false]);
    socket.end();
    expect([timers.pending, sockets.size]).toEqual([0, 0]);
  });

  it('is closed after a while if Slack does not, once everything is acknowledged', async () => {
    const socket = dial(1);
    socket.say(message('e1'));
    sockets.letClose(1);
    await timers.advance(15_000);
    expect(socket.ended).toBe(false);
    settle(0, QUEUED);
    expect([socket.sent, socket.ended, timers.pending]).toEqual([[ackOf('e1')], true, 0]);
  });

  it('is closed when the slot is', () => {
    const socket = dial(1);
    sockets.letClose(1);
    sockets.closeAll();
    expect([socket.ended, timers.pending]).toEqual([true, 0]);
  });
});

it('what comes after the hello of another app is not read: it is no event of this slot', () => {
  identity = {
    teamID: 'T1',
    enterpriseID: '',
    teamName: '',
    botUserID: 'U1',
    isOrgWide: false,
    appID: 'A02',
    connectsAs: '',
  };
  const socket = dial(1);
  socket.say({ type: 'hello', connection_info: { app_id: 'A01' } });
  socket.say(message('e1'));
  socket.say('malformed');
  expect(fed.at(-1)).toMatchObject({ type: 'refused', id: 1, mismatch: true });
  expect([offered, socket.sent]).toEqual([[], []]);
});

it('what Slack says of a socket reaches the slot', () => {
  const socket = dial(1);
  socket.say({ type: 'hello', num_connections: 3, connection_info: { app_id: 'A01' } });
  socket.say({ type: 'disconnect', reason: 'warning' });
  socket.say({ type: 'disconnect', reason: 'link_disabled' });
  socket.say({ type: 'disconnect', reason: 'too_many_websockets' });
  expect(fed).toMatchObject([
    { type: 'hello', id: 1, sockets: 3 },
    { type: 'leaving', id: 1 },
    { type: 'refused', id: 1, refusal: { reason: 'SocketModeDisabled' }, mismatch: false },
    { type: 'closing', id: 1, trouble: { reason: 'TooManyWebsockets' } },
  ]);
});
