import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import type { SimulatorOptions } from '#slack-simulator/simulator-api.ts';
import { waitFor } from '#test/support/wait.ts';
import { connectURL, dial, openSocket } from './raw-client.ts';

let slack: Simulator;
const start = async (options: SimulatorOptions = {}): Promise<void> => {
  slack = await startSimulator({ connectBurst: 20, ...options });
  slack.addTeam({ teamID: 'T1', token: 'xoxb-one', botUserID: 'U1BOT' });
  slack.addTeam({ teamID: 'T2', token: 'xoxb-two' });
};
afterEach(() => slack.stop());

const expired = { type: 'error', error: { code: 1, msg: 'Socket URL has expired' } };

describe('a socket URL', () => {
  it('opens one socket, which begins with hello', async () => {
    await start();
    const socket = await openSocket(slack, 'xoxb-one');
    expect(socket.frames).toEqual([{ type: 'hello' }]);
    expect(slack.sockets('T1')).toMatchObject([{ teamID: 'T1', state: 'live' }]);
  });

  it('is refused the second time', async () => {
    await start();
    const url = await connectURL(slack, 'xoxb-one');
    await dial(url).frame(({ type }) => type === 'hello');
    const second = dial(url);
    await second.closed;
    expect(second.frames).toEqual([expired]);
    expect(slack.stats()).toMatchObject({ handshakes: { T1: { ok: 1, expired: 1 } }, sockets: { open: 1 } });
  });

  it('is refused when it is too old', async () => {
    await start({ urlTtlMs: 20 });
    const url = await connectURL(slack, 'xoxb-one');
    slack.emitMessage('T1');
    await waitFor(() => slack.unheard().length === 1, { what: 'the URL expires and what it held is unheard' });
    const late = dial(url);
    await late.closed;
    expect(late.frames).toEqual([expired]);
  });
});

describe('events', () => {
  it('reach every socket of the team as a full copy, in order, and no other team', async () => {
    await start();
    const mine = [await openSocket(slack, 'xoxb-one'), await openSocket(slack, 'xoxb-one')];
    const other = await openSocket(slack, 'xoxb-two');
    const sent = Array.from({ length: 100 }, () => slack.emitMessage('T1').id);
    const { id: last } = slack.emitMessage('T2');
    await other.frame((frame) => frame.client_msg_id === last);
    for (const socket of mine) {
      await socket.frame((frame) => frame.client_msg_id === sent.at(-1));
      expect(socket.frames.slice(1).map((frame) => frame.client_msg_id)).toEqual(sent);
    }
    expect(other.frames).toHaveLength(2);
    expect(slack.events().map(({ sockets }) => sockets)).toEqual([...sent.map(() => 2), 1]);
    expect(slack.stats().events).toEqual({ emitted: 101, deliveries: 201, swallowed: 0, pending: 0, unheard: 0 });
  });

  it('that no socket could hear are recorded so', async () => {
    await start();
    const { id } = slack.emitMessage('T1');
    const socket = await openSocket(slack, 'xoxb-one');
    const heard = slack.emitMessage('T1');
    await socket.frame((frame) => frame.client_msg_id === heard.id);
    expect(slack.unheard().map((record) => record.id)).toEqual([id]);
    expect(socket.frames).toHaveLength(2);
  });

  it('between rtm.connect and hello come right after hello', async () => {
    await start();
    const url = await connectURL(slack, 'xoxb-one');
    const early = slack.emitMessage('T1');
    expect(early.record).toMatchObject({ sockets: 0, pending: 1 });
    expect(slack.stats().events).toMatchObject({ pending: 1, unheard: 0 });
    slack.setFault({ at: 'hello', answer: { kind: 'late', delayMs: 100 } });
    const socket = dial(url);
    await waitFor(() => slack.sockets('T1').length === 1);
    const late = slack.emitMessage('T1');
    await socket.frame((frame) => frame.client_msg_id === late.id);
    expect(socket.frames.map((frame) => frame.client_msg_id ?? frame.type)).toEqual(['hello', early.id, late.id]);
    expect(early.record).toMatchObject({ sockets: 1, pending: 0 });
  });

  it('held for a URL that nobody used are unheard once it expires', async () => {
    await start({ urlTtlMs: 20 });
    await connectURL(slack, 'xoxb-one');
    const { id } = slack.emitMessage('T1');
    expect(slack.unheard()).toEqual([]);
    await waitFor(() => slack.unheard().some((record) => record.id === id));
  });

  it('are compressed only where the client offers it, and read the same', async () => {
    await start();
    const plain = await openSocket(slack, 'xoxb-one');
    const compressed = await openSocket(slack, 'xoxb-one', { perMessageDeflate: true });
    expect(slack.sockets('T1').map((socket) => socket.compressed)).toEqual([false, true]);
    const text = 'long '.repeat(2000);
    const { id } = slack.emitMessage('T1', { text });
    for (const socket of [plain, compressed]) {
      expect(await socket.frame((frame) => frame.client_msg_id === id)).toMatchObject({ text });
    }
  });
});

describe('a client frame', () => {
  it('ping is answered by pong with all it carried', async () => {
    await start();
    const socket = await openSocket(slack, 'xoxb-one');
    socket.ws.send(JSON.stringify({ id: 'T1', type: 'ping', time: 1403299273342 }));
    expect(await socket.frame(({ type }) => type === 'pong')).toEqual({
      type: 'pong',
      reply_to: 'T1',
      time: 1403299273342,
    });
    expect(slack.sockets('T1')[0]?.received.ping).toBe(1);
  });

  it('message is acknowledged and heard by every socket', async () => {
    await start();
    const speaker = await openSocket(slack, 'xoxb-one');
    const listener = await openSocket(slack, 'xoxb-one');
    speaker.ws.send(JSON.stringify({ id: 5, type: 'message', channel: 'C1', text: 'hi' }));
    const ack = await speaker.frame((frame) => frame.reply_to === 5);
    expect(ack).toEqual({ ok: true, reply_to: 5, ts: expect.any(String), text: 'hi' });
    const heard = await listener.frame((frame) => frame.ts === ack.ts);
    expect(heard).toMatchObject({ type: 'message', channel: 'C1', user: 'U1BOT', text: 'hi' });
    expect(slack.events()).toMatchObject([{ type: 'message', sockets: 2 }]);
  });

  it('typing is told to the other sockets only', async () => {
    await start();
    const speaker = await openSocket(slack, 'xoxb-one');
    const listener = await openSocket(slack, 'xoxb-one');
    speaker.ws.send(JSON.stringify({ id: 5, type: 'typing', channel: 'C1' }));
    expect(await listener.frame(({ type }) => type === 'user_typing')).toMatchObject({ channel: 'C1', user: 'U1BOT' });
    speaker.ws.send(JSON.stringify({ id: 6, type: 'ping' }));
    await speaker.frame(({ type }) => type === 'pong');
    expect(speaker.frames.some(({ type }) => type === 'user_typing')).toBe(false);
  });

  it('of bad JSON gets an error frame and the socket lives on', async () => {
    await start();
    const socket = await openSocket(slack, 'xoxb-one');
    socket.ws.send('{"type":"pi');
    await socket.frame(({ type }) => type === 'error');
    socket.ws.send(JSON.stringify({ id: 6, type: 'ping' }));
    await socket.frame(({ type }) => type === 'pong');
  });

  it('of more than 16 KB ends the connection, one of less does not', async () => {
    await start();
    const socket = await openSocket(slack, 'xoxb-one');
    const filler = (bytes: number) => JSON.stringify({ id: 1, type: 'ping', filler: 'x'.repeat(bytes) });
    socket.ws.send(filler(16_000));
    await socket.frame(({ type }) => type === 'pong');
    socket.ws.send(filler(16_400));
    await socket.closed;
    await waitFor(() => slack.sockets('T1').length === 0);
  });
});

it('the server pings over the websocket as Slack does', async () => {
  await start({ pingEveryMs: 20 });
  const socket = await openSocket(slack, 'xoxb-one');
  await waitFor(() => socket.pings.length >= 2);
  expect(socket.pings[0]).toBe('Ping from applink-2');
});

it('a simulator that is stopped leaves no connection behind', async () => {
  await start();
  const socket = await openSocket(slack, 'xoxb-one');
  slack.inflict({ teamID: 'T1' }, { kind: 'halfOpen' });
  await slack.stop();
  expect(await socket.closed).toBe(1006);
  await expect(fetch(`${slack.url}api.test`)).rejects.toThrow();
});
