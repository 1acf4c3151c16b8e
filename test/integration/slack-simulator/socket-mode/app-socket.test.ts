import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import type { SimulatorOptions } from '#slack-simulator/simulator-api.ts';
import { waitFor } from '#test/support/wait.ts';
import { callApi, dial } from '../raw-client.ts';
import { acknowledge, connectionURL, openAppSocket } from './app-client.ts';

let slack: Simulator;
const start = async (options: SimulatorOptions = {}): Promise<void> => {
  slack = await startSimulator(options);
  slack.apps.add({ appID: 'A1', appToken: 'xapp-1-A1-one' });
  slack.apps.install('A1', { teamID: 'T1', botToken: 'xoxb-a1-t1', botUserID: 'U1BOT' });
};
afterEach(() => slack.stop());

describe('a socket of an app', () => {
  it('is greeted with what Slack knows of the app and of the connection', async () => {
    await start();
    const first = await openAppSocket(slack, 'xapp-1-A1-one');
    expect(first.hello).toMatchObject({
      type: 'hello',
      connection_info: { app_id: 'A1' },
      num_connections: 1,
      debug_info: { approximate_connection_time: 18_060, host: 'applink-2' },
    });
    expect((await openAppSocket(slack, 'xapp-1-A1-one')).hello).toMatchObject({ num_connections: 2 });
  });

  it('needs a URL that nobody has used', async () => {
    await start();
    const url = await connectionURL(slack, 'xapp-1-A1-one');
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/link\/\?ticket=[0-9a-f-]{36}&app_id=[0-9a-f]{64}$/);
    await dial(url).frame(({ type }) => type === 'hello');
    expect(await dial(url).closed).toBe(1006);
    expect(slack.stats().apps.handshakes).toEqual({ A1: { ok: 1, expired: 1 } });
  });

  it('needs a URL that is not too old', async () => {
    await start({ urlTtlMs: 20 });
    const url = await connectionURL(slack, 'xapp-1-A1-one');
    const issuedAtMs = performance.now();
    await waitFor(() => performance.now() - issuedAtMs > 25);
    await dial(url).closed;
    expect(slack.stats().apps.handshakes).toEqual({ A1: { expired: 1 } });
  });

  it('is pinged, and its own pings are answered', async () => {
    await start({ pingEveryMs: 20 });
    const socket = await openAppSocket(slack, 'xapp-1-A1-one');
    const pong = new Promise<string>((resolve) => socket.ws.once('pong', (data) => resolve(data.toString())));
    socket.ws.ping('is anybody there');
    expect(await pong).toBe('is anybody there');
    await waitFor(() => socket.pings.includes('Ping from applink-2'));
  });

  it('is one of ten at most: the next is opened, told so and closed', async () => {
    await start({ appConnectBurst: 12 });
    for (let n = 0; n < 10; n += 1) await openAppSocket(slack, 'xapp-1-A1-one');
    const eleventh = dial(await connectionURL(slack, 'xapp-1-A1-one'));
    expect(await eleventh.closed).toBe(1000);
    expect(eleventh.frames).toMatchObject([{ type: 'disconnect', reason: 'too_many_websockets', num_connections: 10 }]);
    expect(slack.apps.sockets('A1')).toHaveLength(10);
    slack.apps.inflict({ appID: 'A1', count: 1 }, { kind: 'drop' });
    await waitFor(() => slack.apps.sockets('A1').length === 9);
    await openAppSocket(slack, 'xapp-1-A1-one');
  });

  it('closes with its token, and spares those of another token of the app', async () => {
    await start();
    slack.apps.addToken('A1', 'xapp-1-A1-two');
    const one = await openAppSocket(slack, 'xapp-1-A1-one');
    await openAppSocket(slack, 'xapp-1-A1-two');
    slack.apps.revokeToken('xapp-1-A1-one');
    expect(await one.closed).toBe(1000);
    await waitFor(() => slack.apps.sockets('A1').length === 1);
    expect((await callApi(slack, 'apps.connections.open', 'xapp-1-A1-one')).body.error).toBe('token_revoked');
  });

  it('is refreshed when its time is over: a warning, then a close', async () => {
    await start({ approximateConnectionSeconds: 0.05 });
    const socket = await openAppSocket(slack, 'xapp-1-A1-one');
    expect(await socket.closed).toBe(1000);
    expect(socket.frames.map(({ type, reason }) => reason ?? type)).toEqual(['hello', 'warning']);
  });
});

describe('a socket whose client goes', () => {
  it('without a close frame, counts on for as long as the simulator is told', async () => {
    await start({ ghostAfterDropMs: 200 });
    const [dropped, closed] = [
      await openAppSocket(slack, 'xapp-1-A1-one'),
      await openAppSocket(slack, 'xapp-1-A1-one'),
    ];
    dropped.ws.terminate();
    closed.ws.close(1000);
    await waitFor(() => slack.stats().apps.sockets.ghosts === 1);
    await closed.closed;
    await waitFor(() => slack.stats().apps.sockets.registered === 1);
    expect(slack.apps.emitEvent('A1', 'T1', 'message').record.swallowed).toBe(1);
    await waitFor(() => slack.stats().apps.sockets.registered === 0);
  });

  it('is noticed at once otherwise', async () => {
    await start();
    (await openAppSocket(slack, 'xapp-1-A1-one')).ws.terminate();
    await waitFor(() => slack.stats().apps.sockets.registered === 0);
  });
});

describe('an envelope', () => {
  it('goes to one of the sockets, in turn', async () => {
    await start();
    const sockets = [await openAppSocket(slack, 'xapp-1-A1-one'), await openAppSocket(slack, 'xapp-1-A1-one')];
    for (let n = 0; n < 6; n += 1) slack.apps.emitEvent('A1', 'T1', 'message');
    await waitFor(() => sockets.every(({ frames }) => frames.length === 4));
    const ids = sockets.flatMap(({ frames }) => frames.slice(1).map(({ envelope_id }) => envelope_id));
    expect(new Set(ids).size).toBe(6);
  });

  it('is not sent again once it is acknowledged, over whichever socket', async () => {
    await start({ ackTimeoutMs: 100, retryDelaysMs: [0] });
    const carrier = await openAppSocket(slack, 'xapp-1-A1-one');
    const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
    const envelope = await carrier.frame(({ type }) => type === 'events_api');
    acknowledge(await openAppSocket(slack, 'xapp-1-A1-one'), envelope);
    await waitFor(() => record.state === 'acked');
    expect(slack.apps.deliveries()).toMatchObject([{ attempt: 0, envelopeID: envelope.envelope_id, late: false }]);
    expect(record).toMatchObject({ attempts: 1, deliveries: 1 });
  });

  it('is one of a burst of thousands, each to one socket, each acknowledged in time', async () => {
    await start();
    const sockets = [await openAppSocket(slack, 'xapp-1-A1-one'), await openAppSocket(slack, 'xapp-1-A1-one')];
    for (const socket of sockets) {
      socket.ws.on('message', (data) => {
        const envelope = JSON.parse(String(data));
        if (envelope.type === 'events_api') acknowledge(socket, envelope);
      });
    }
    await slack.startBurst({ events: 3_000, perSecond: 3_000, kinds: ['message', 'reaction_added'] }).finished;
    await waitFor(() => slack.stats().apps.events.acked === 3_000);
    expect(slack.stats().apps.events).toMatchObject({ attempts: 3_000, deliveries: 3_000, swallowed: 0 });
    expect(slack.apps.sockets('A1').map(({ delivered }) => delivered)).toEqual([1_500, 1_500]);
  });
});
