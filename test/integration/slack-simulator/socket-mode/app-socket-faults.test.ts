import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AppSocketFault } from '#slack-simulator/fault.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { waitFor } from '#test/support/wait.ts';
import { callApi, dial } from '../raw-client.ts';
import { acknowledge, connectionURL, openAppSocket } from './app-client.ts';

let slack: Simulator;
const token = 'xapp-1-A1-one';
beforeEach(async () => {
  slack = await startSimulator({ ackTimeoutMs: 200, retryDelaysMs: [0] });
  slack.apps.add({ appID: 'A1', appToken: token });
  slack.apps.install('A1', { teamID: 'T1' });
});
afterEach(() => slack.stop());

const strike = (fault: AppSocketFault): string[] => slack.apps.inflict({ appID: 'A1' }, fault);
const open = () => openAppSocket(slack, token);

describe('a live socket of an app can', () => {
  it.each(['warning', 'refresh_requested'] as const)(
    'be told %s, get envelopes meanwhile, and be closed',
    async (reason) => {
      const socket = await open();
      const startedAtMs = performance.now();
      strike({ kind: 'disconnect', reason, closeAfterMs: 200 });
      expect(slack.apps.sockets('A1')).toMatchObject([{ state: 'live', leaving: reason }]);
      const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
      acknowledge(socket, await socket.frame(({ type }) => type === 'events_api'));
      await waitFor(() => record.state === 'acked');
      expect(await socket.closed).toBe(1000);
      expect(performance.now() - startedAtMs).toBeGreaterThan(190);
      expect(socket.frames[1]).toMatchObject({ type: 'disconnect', reason, debug_info: { host: 'applink-2' } });
    },
  );

  it('be closed because Socket Mode is switched off, and no other is opened until it is on again', async () => {
    const socket = await open();
    const unused = await connectionURL(slack, token);
    strike({ kind: 'disconnect', reason: 'link_disabled' });
    expect(await socket.closed).toBe(1000);
    expect(socket.frames.at(-1)).toMatchObject({ type: 'disconnect', reason: 'link_disabled' });
    expect((await callApi(slack, 'apps.connections.open', token)).body).toEqual({ ok: false, error: 'forbidden_team' });
    slack.apps.setSocketMode('A1', false);
    expect(await dial(unused).closed).toBe(1006);
    slack.apps.setSocketMode('A1', true);
    await open();
  });

  it('be told too_many_websockets', async () => {
    const socket = await open();
    strike({ kind: 'disconnect', reason: 'too_many_websockets' });
    expect(await socket.closed).toBe(1000);
    expect(socket.frames.at(-1)).toMatchObject({ reason: 'too_many_websockets' });
  });

  it('become a ghost: the connection is gone, and it counts and gets its share as before', async () => {
    const gone = await open();
    strike({ kind: 'ghost' });
    expect(await gone.closed).toBe(1006);
    const live = await open();
    expect(live.hello).toMatchObject({ num_connections: 2 });
    const first = slack.apps.emitEvent('A1', 'T1', 'message').record;
    const second = slack.apps.emitEvent('A1', 'T1', 'message').record;
    expect([first.swallowed, second.swallowed]).toEqual([1, 0]);
    expect(slack.stats().apps.sockets).toEqual({ registered: 2, live: 1, ghosts: 1 });
    // The retry finds a live socket only by its turn.
    await live.frame(({ retry_attempt }) => retry_attempt === 1);
    const [ghost] = slack.apps.sockets('A1');
    expect(slack.apps.inflict({ appID: 'A1', socketID: ghost?.id }, { kind: 'drop' })).toEqual([ghost?.id]);
    expect(slack.stats().apps.sockets).toEqual({ registered: 1, live: 1, ghosts: 0 });
  });

  it('be a ghost for a time', async () => {
    await open();
    strike({ kind: 'ghost', forMs: 30 });
    expect(slack.stats().apps.sockets.ghosts).toBe(1);
    await waitFor(() => slack.stats().apps.sockets.registered === 0);
  });

  it('go half-open: no envelope, no pong, no close, and its acknowledgements are not heard', async () => {
    const socket = await open();
    const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
    const envelope = await socket.frame(({ type }) => type === 'events_api');
    strike({ kind: 'halfOpen' });
    let pongs = 0;
    socket.ws.on('pong', () => {
      pongs += 1;
    });
    acknowledge(socket, envelope);
    socket.ws.ping();
    await waitFor(() => record.state === 'givenUp');
    expect([socket.frames.length, pongs, socket.ws.readyState]).toEqual([2, 0, socket.ws.OPEN]);
    expect(record).toMatchObject({ deliveries: 1, swallowed: 1 });
  });

  it('fall silent: websocket pings are answered, and nothing comes', async () => {
    const socket = await open();
    strike({ kind: 'silence' });
    const pong = new Promise((resolve) => socket.ws.once('pong', resolve));
    slack.apps.emitEvent('A1', 'T1', 'message');
    socket.ws.ping();
    await pong;
    expect(socket.frames).toHaveLength(1);
    expect(slack.apps.sockets('A1')).toMatchObject([{ state: 'silent', swallowed: 1 }]);
  });

  it('be dropped without a close frame, and be closed with any code', async () => {
    const dropped = await open();
    strike({ kind: 'drop' });
    expect(await dropped.closed).toBe(1006);
    const closed = await open();
    strike({ kind: 'close', code: 1012, reason: 'restart' });
    expect(await closed.closed).toBe(1012);
    await waitFor(() => slack.apps.sockets('A1').length === 0);
  });

  it('send frames that are cut off, binary or huge, envelopes of an unknown type or without a payload', async () => {
    const socket = await open();
    for (const kind of ['malformed', 'binary', 'unknownType', 'malformedPayload'] as const) strike({ kind });
    strike({ kind: 'oversized', bytes: 100_000 });
    const unknown = await socket.frame(({ type }) => type === 'flux_capacitor');
    const unreadable = await socket.frame(({ payload }) => typeof payload === 'string');
    const huge = await socket.frame(({ payload }) => JSON.stringify(payload ?? null).length > 100_000);
    for (const envelope of [unknown, unreadable, huge]) acknowledge(socket, envelope);
    await waitFor(() => slack.stats().apps.events.acked === 3);
    expect(socket.oddities).toHaveLength(2);
    expect(socket.ws.readyState).toBe(socket.ws.OPEN);
  });

  it('repeat its last envelope, over itself or over another socket', async () => {
    expect(strike({ kind: 'duplicate' })).toEqual([]);
    const sockets = [await open(), await open()];
    const [first] = slack.apps.sockets('A1');
    expect(strike({ kind: 'duplicate' })).toEqual([]);
    const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
    slack.apps.inflict({ appID: 'A1', socketID: first?.id }, { kind: 'duplicate' });
    slack.apps.inflict({ appID: 'A1', socketID: first?.id }, { kind: 'duplicate', over: 'other' });
    await waitFor(() => sockets[0]?.frames.length === 3 && sockets[1]?.frames.length === 2);
    const envelopes = sockets.flatMap(({ frames }) => frames.slice(1).map((frame) => JSON.stringify(frame)));
    expect(new Set(envelopes).size).toBe(1);
    expect(record).toMatchObject({ deliveries: 3, attempts: 1 });
  });
});

describe('a standing fault', () => {
  it('strikes one app and spares the others', async () => {
    slack.apps.add({ appID: 'A2', appToken: 'xapp-1-A2-one' });
    slack.setFault({
      appID: 'A1',
      at: 'method',
      method: 'apps.connections.open',
      answer: { kind: 'error', error: 'internal_error' },
    });
    expect((await callApi(slack, 'apps.connections.open', token)).body.error).toBe('internal_error');
    await openAppSocket(slack, 'xapp-1-A2-one');
    expect(slack.stats().apps.opens).toEqual({ A1: { internal_error: 1 }, A2: { ok: 1 } });
  });

  it.each([409, 503])('refuses the websocket with status %i, and keeps the URL', async (status) => {
    slack.setFault({ appID: 'A1', at: 'upgrade', times: 1, answer: { kind: 'http', status } });
    const url = await connectionURL(slack, token);
    const refused = dial(url);
    const answer = new Promise((resolve) =>
      refused.ws.on('unexpected-response', (_, { statusCode }) => resolve(statusCode)),
    );
    expect(await answer).toBe(status);
    refused.ws.terminate();
    await dial(url).frame(({ type }) => type === 'hello');
    expect(slack.stats().apps.handshakes.A1).toEqual({ [`http_${status}`]: 1, ok: 1 });
  });

  it('keeps hello back, for ever or for a while, and such a socket gets nothing', async () => {
    slack.setFault({ appID: 'A1', at: 'hello', times: 1, answer: { kind: 'never' } });
    const mute = dial(await connectionURL(slack, token));
    await waitFor(() => slack.apps.sockets('A1').some(({ state }) => state === 'opening'));
    const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
    expect(slack.apps.deliveries()[0]?.socketID).toBeUndefined();
    await waitFor(() => record.state === 'givenUp');
    slack.setFault({ appID: 'A1', at: 'hello', times: 1, answer: { kind: 'late', delayMs: 50 } });
    await open();
    expect(mute.frames).toEqual([]);
  });
});
