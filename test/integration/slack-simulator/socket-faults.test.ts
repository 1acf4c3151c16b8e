import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SocketFault } from '#slack-simulator/fault.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { waitFor } from '#test/support/wait.ts';
import { callApi, connectURL, dial, openSocket } from './raw-client.ts';

let slack: Simulator;
beforeEach(async () => {
  slack = await startSimulator({ connectBurst: 20 });
  slack.addTeam({ teamID: 'T1', token: 'xoxb-one' });
});
afterEach(() => slack.stop());

const strike = (fault: SocketFault): string[] => slack.inflict({ teamID: 'T1' }, fault);

describe('a live socket can', () => {
  it('be told goodbye, hear events meanwhile, and be closed after the given time', async () => {
    const socket = await openSocket(slack, 'xoxb-one');
    const startedAtMs = performance.now();
    strike({ kind: 'goodbye', closeAfterMs: 200 });
    const { id } = slack.emitMessage('T1');
    await socket.frame((frame) => frame.client_msg_id === id);
    expect(await socket.closed).toBe(1000);
    expect(performance.now() - startedAtMs).toBeGreaterThan(190);
    expect(socket.frames.map(({ type }) => type)).toEqual(['hello', 'goodbye', 'message']);
  });

  it('go half-open: no event, no answer to either kind of ping, no close', async () => {
    const deaf = await openSocket(slack, 'xoxb-one');
    strike({ kind: 'halfOpen' });
    const hearing = await openSocket(slack, 'xoxb-one');
    let pongs = 0;
    deaf.ws.on('pong', () => {
      pongs += 1;
    });
    deaf.ws.ping();
    deaf.ws.send(JSON.stringify({ id: 1, type: 'ping' }));
    hearing.ws.send(JSON.stringify({ id: 1, type: 'ping' }));
    const { id, record } = slack.emitMessage('T1');
    await hearing.frame((frame) => frame.client_msg_id === id);
    await hearing.frame(({ type }) => type === 'pong');
    expect([deaf.frames.length, pongs, deaf.ws.readyState]).toEqual([1, 0, deaf.ws.OPEN]);
    expect(record).toMatchObject({ sockets: 1, swallowed: 1 });
    deaf.ws.terminate();
    await deaf.closed;
    expect(slack.sockets('T1').map(({ state }) => state)).toEqual(['halfOpen', 'live']);
  });

  it('leave an event unheard when all sockets are half-open', async () => {
    await openSocket(slack, 'xoxb-one');
    strike({ kind: 'halfOpen' });
    const { id } = slack.emitMessage('T1');
    expect(slack.unheard().map((record) => record.id)).toEqual([id]);
  });

  it('fall silent: websocket pings are answered, nothing else is', async () => {
    const socket = await openSocket(slack, 'xoxb-one');
    strike({ kind: 'silence' });
    const pong = new Promise((resolve) => socket.ws.once('pong', resolve));
    socket.ws.send(JSON.stringify({ id: 1, type: 'ping' }));
    slack.emitMessage('T1');
    socket.ws.ping();
    await pong;
    expect(socket.frames).toEqual([{ type: 'hello' }]);
    expect(slack.sockets('T1')).toMatchObject([{ state: 'silent', swallowed: 1, received: { ping: 1 } }]);
  });

  it('be dropped without a close frame', async () => {
    const socket = await openSocket(slack, 'xoxb-one');
    strike({ kind: 'drop' });
    expect(await socket.closed).toBe(1006);
    await waitFor(() => slack.sockets('T1').length === 0);
  });

  it('be closed with any code', async () => {
    const socket = await openSocket(slack, 'xoxb-one');
    strike({ kind: 'close', code: 1012, reason: 'restart' });
    expect(await socket.closed).toBe(1012);
  });

  it('be moved with its team: told, closed, and kept out for a while', async () => {
    const socket = await openSocket(slack, 'xoxb-one');
    strike({ kind: 'teamMigration', migrationMs: 300 });
    await socket.closed;
    expect(socket.frames.at(-1)).toEqual({ type: 'team_migration_started' });
    expect((await callApi(slack, 'rtm.connect', 'xoxb-one')).body).toEqual({
      ok: false,
      error: 'migration_in_progress',
    });
    await waitFor(async () => (await callApi(slack, 'rtm.connect', 'xoxb-one')).body.ok === true, { everyMs: 100 });
  });

  it('send frames that are not JSON, binary or unknown, and stay open', async () => {
    const socket = await openSocket(slack, 'xoxb-one');
    strike({ kind: 'malformed' });
    strike({ kind: 'binary' });
    strike({ kind: 'unknownType' });
    const { id } = slack.emitMessage('T1');
    await socket.frame((frame) => frame.client_msg_id === id);
    expect(socket.oddities).toHaveLength(2);
    expect(socket.frames.map(({ type }) => type)).toEqual(['hello', 'flux_capacitor_charged', 'message']);
  });

  it('send a frame of more than 1 MiB', async () => {
    const socket = await openSocket(slack, 'xoxb-one');
    strike({ kind: 'oversized', bytes: 1024 * 1024 });
    const frame = await socket.frame(({ type }) => type === 'message');
    expect(JSON.stringify(frame).length).toBeGreaterThan(1024 * 1024);
  });

  it('send its last event twice, if it had one', async () => {
    const socket = await openSocket(slack, 'xoxb-one');
    expect(strike({ kind: 'duplicate' })).toEqual([]);
    const { id } = slack.emitMessage('T1');
    expect(strike({ kind: 'duplicate' })).toHaveLength(1);
    await waitFor(() => socket.frames.filter((frame) => frame.client_msg_id === id).length === 2);
    expect(slack.stats().events).toMatchObject({ emitted: 1, deliveries: 1 });
  });
});

it('a fault affects the socket that it names, or the oldest few', async () => {
  const [first, second, third] = [
    await openSocket(slack, 'xoxb-one'),
    await openSocket(slack, 'xoxb-one'),
    await openSocket(slack, 'xoxb-one'),
  ];
  const [, middle] = slack.sockets('T1').map(({ id }) => id);
  expect(slack.inflict({ teamID: 'T1', socketID: middle }, { kind: 'drop' })).toEqual([middle]);
  await second.closed;
  slack.inflict({ teamID: 'T1', count: 1 }, { kind: 'drop' });
  await first.closed;
  expect(third.ws.readyState).toBe(third.ws.OPEN);
});

describe('the handshake can', () => {
  it.each([503, 409])('be answered %i, as often as told', async (status) => {
    slack.setFault({ at: 'upgrade', times: 1, teamID: 'T1', answer: { kind: 'http', status } });
    const url = await connectURL(slack, 'xoxb-one');
    const refused = dial(url);
    const answered = new Promise((resolve) =>
      refused.ws.on('unexpected-response', (_, response) => resolve(response.statusCode)),
    );
    expect(await answered).toBe(status);
    refused.ws.terminate();
    await dial(url).frame(({ type }) => type === 'hello');
    expect(slack.stats().handshakes.T1).toEqual({ [`http_${status}`]: 1, ok: 1 });
  });

  it('hang or be cut off', async () => {
    const hanging = slack.setFault({ at: 'upgrade', answer: { kind: 'hang' } });
    const waiting = dial(await connectURL(slack, 'xoxb-one'));
    await waitFor(() => slack.stats().handshakes.T1?.hang === 1);
    expect(waiting.ws.readyState).toBe(waiting.ws.CONNECTING);
    slack.clearFault(hanging);
    slack.setFault({ at: 'upgrade', answer: { kind: 'reset' } });
    expect(await dial(await connectURL(slack, 'xoxb-one')).closed).toBe(1006);
  });

  it('succeed and no hello follow', async () => {
    slack.setFault({ at: 'hello', answer: { kind: 'never' } });
    const socket = dial(await connectURL(slack, 'xoxb-one'));
    const { record } = slack.emitMessage('T1');
    await waitFor(() => slack.sockets('T1').length === 1);
    expect(slack.sockets('T1')).toMatchObject([{ state: 'opening' }]);
    expect(socket.frames).toEqual([]);
    socket.ws.close();
    await socket.closed;
    await waitFor(() => slack.unheard().includes(record));
  });
});
