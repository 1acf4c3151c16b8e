import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import type { SimulatorOptions } from '#slack-simulator/simulator-api.ts';
import { waitFor } from '#test/support/wait.ts';
import { acknowledge, openAppSocket } from './app-client.ts';

let slack: Simulator;
const token = 'xapp-1-A1-one';
const start = async (options: SimulatorOptions = {}): Promise<void> => {
  slack = await startSimulator({ ackTimeoutMs: 60, retryDelaysMs: [0, 40], ...options });
  slack.apps.add({ appID: 'A1', appToken: token });
  slack.apps.install('A1', { teamID: 'T1' });
};
afterEach(() => slack.stop());

const isEvent = ({ type }: { type?: unknown }): boolean => type === 'events_api';

describe('an event that nobody acknowledges', () => {
  it('is sent again as often as there are delays, each time in a new envelope, and then given up', async () => {
    await start();
    const socket = await openAppSocket(slack, token);
    const { record, eventID } = slack.apps.emitEvent('A1', 'T1', 'message');
    await waitFor(() => record.state === 'givenUp');
    const envelopes = socket.frames.filter(isEvent);
    expect(envelopes.map(({ retry_attempt, retry_reason }) => [retry_attempt, retry_reason])).toEqual([
      [0, ''],
      [1, 'timeout'],
      [2, 'timeout'],
    ]);
    expect(new Set(envelopes.map(({ envelope_id }) => envelope_id)).size).toBe(3);
    expect(new Set(envelopes.map(({ payload }) => JSON.stringify(payload))).size).toBe(1);
    expect(envelopes[0]).toMatchObject({ payload: { event_id: eventID } });
    expect(slack.stats().apps).toMatchObject({
      events: { emitted: 1, attempts: 3, deliveries: 3, givenUp: 1 },
      failures: { A1: { attempts: 3, failed: 3, share: 1 } },
    });
  });

  it('comes in the same envelope where the simulator is told so', async () => {
    await start({ sameEnvelopeID: true });
    const socket = await openAppSocket(slack, token);
    const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
    await waitFor(() => record.state === 'givenUp');
    expect(new Set(socket.frames.filter(isEvent).map(({ envelope_id }) => envelope_id)).size).toBe(1);
  });

  it('is waited for in three seconds, and tried again at once, after 1 minute and after 5, as at Slack', async () => {
    slack = await startSimulator();
    slack.apps.add({ appID: 'A1', appToken: token });
    slack.apps.install('A1', { teamID: 'T1' });
    const socket = await openAppSocket(slack, token);
    const sentAtMs = performance.now();
    slack.apps.emitEvent('A1', 'T1', 'message');
    await socket.frame(({ retry_attempt }) => retry_attempt === 1);
    expect(performance.now() - sentAtMs).toBeGreaterThan(2_900);
    expect(performance.now() - sentAtMs).toBeLessThan(4_500);
  });

  it('and that is acknowledged later ends there', async () => {
    await start({ retryDelaysMs: [0, 0, 0] });
    const socket = await openAppSocket(slack, token);
    const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
    acknowledge(socket, await socket.frame(({ retry_attempt }) => retry_attempt === 1));
    await waitFor(() => record.state === 'acked');
    expect(record).toMatchObject({ attempts: 2, deliveries: 2 });
    expect(slack.apps.deliveries().map(({ attempt, ackedAtMs }) => [attempt, ackedAtMs === undefined])).toEqual([
      [0, true],
      [1, false],
    ]);
  });

  it('counts as failed at once without a socket, and finds one that opens before it is given up', async () => {
    await start({ retryDelaysMs: [0, 300] });
    const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
    await waitFor(() => record.attempts === 2);
    expect(slack.apps.deliveries().map(({ socketID }) => socketID)).toEqual([undefined, undefined]);
    const socket = await openAppSocket(slack, token);
    acknowledge(socket, await socket.frame(({ retry_attempt }) => retry_attempt === 2));
    await waitFor(() => record.state === 'acked');
  });
});

describe('an acknowledgement', () => {
  it('that comes too late changes nothing, and is counted', async () => {
    await start({ retryDelaysMs: [] });
    const socket = await openAppSocket(slack, token);
    const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
    await waitFor(() => record.state === 'givenUp');
    acknowledge(socket, await socket.frame(isEvent));
    await waitFor(() => slack.stats().apps.acks.late === 1);
    expect(record.state).toBe('givenUp');
    expect(slack.stats().apps.ackLatency.count).toBe(0);
    expect(slack.apps.deliveries()).toMatchObject([{ late: true, ackedAtMs: expect.any(Number) }]);
  });

  it('is measured', async () => {
    await start({ ackTimeoutMs: 3_000 });
    const socket = await openAppSocket(slack, token);
    slack.apps.emitEvent('A1', 'T1', 'message');
    acknowledge(socket, await socket.frame(isEvent));
    const latency = await waitFor(() => {
      const { ackLatency } = slack.stats().apps;
      return ackLatency.count === 1 && ackLatency;
    });
    expect(latency.maxMs).toBeLessThan(1_000);
    expect([latency.p50Ms, latency.p99Ms, latency.p999Ms]).toEqual([latency.maxMs, latency.maxMs, latency.maxMs]);
  });

  it('counts only over the socket of the envelope where the simulator is told so', async () => {
    await start({ ackOnSameSocket: true, ackTimeoutMs: 3_000 });
    const carrier = await openAppSocket(slack, token);
    const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
    const envelope = await carrier.frame(isEvent);
    acknowledge(await openAppSocket(slack, token), envelope);
    await waitFor(() => slack.stats().apps.acks.unknown === 1);
    expect(record.state).toBe('open');
    acknowledge(carrier, envelope);
    await waitFor(() => record.state === 'acked');
  });

  it('of another app, or of no envelope, is nobody’s', async () => {
    await start({ ackTimeoutMs: 3_000 });
    slack.apps.add({ appID: 'A2', appToken: 'xapp-1-A2-one' });
    const socket = await openAppSocket(slack, token);
    const stranger = await openAppSocket(slack, 'xapp-1-A2-one');
    const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
    acknowledge(stranger, await socket.frame(isEvent));
    stranger.ws.send('{"envelope_id":7}');
    stranger.ws.send('not JSON');
    stranger.ws.send(Buffer.from([1, 2, 3]));
    await waitFor(() => slack.stats().apps.acks.unknown === 1 && slack.stats().apps.acks.bad === 3);
    expect(record.state).toBe('open');
  });

  it('of 20 KB or more is dropped without a word', async () => {
    await start({ ackTimeoutMs: 3_000 });
    const socket = await openAppSocket(slack, token);
    const { record } = slack.apps.emitCommand('A1', 'T1');
    const envelope = await socket.frame(({ type }) => type === 'slash_commands');
    acknowledge(socket, envelope, { text: 'x'.repeat(20_000) });
    await waitFor(() => slack.stats().apps.acks.oversized === 1);
    expect(record.state).toBe('open');
    acknowledge(socket, envelope, { text: 'x'.repeat(19_000) });
    await waitFor(() => record.state === 'acked');
  });

  it('carries an answer where Slack takes one, and is otherwise rid of it', async () => {
    await start({ ackTimeoutMs: 3_000 });
    const socket = await openAppSocket(slack, token);
    slack.apps.emitCommand('A1', 'T1');
    slack.apps.emitInteractive('A1', 'T1', 'block_actions');
    slack.apps.emitEvent('A1', 'T1', 'message');
    await waitFor(() => socket.frames.length === 4);
    for (const envelope of socket.frames.slice(1)) acknowledge(socket, envelope, { text: 'an answer' });
    await waitFor(() => slack.apps.events().every(({ state }) => state === 'acked'));
    expect(slack.apps.deliveries().map(({ payload, payloadIgnored }) => [payload, payloadIgnored])).toEqual([
      [{ text: 'an answer' }, false],
      [{ text: 'an answer' }, true],
      [{ text: 'an answer' }, true],
    ]);
  });

  it('may carry an empty payload, as Slack’s own clients send it', async () => {
    await start({ ackTimeoutMs: 3_000 });
    const socket = await openAppSocket(slack, token);
    const { record } = slack.apps.emitEvent('A1', 'T1', 'message');
    acknowledge(socket, await socket.frame(isEvent), {});
    await waitFor(() => record.state === 'acked');
    expect(slack.stats().apps.acks).toMatchObject({ payloadsIgnored: 0 });
  });
});

describe('a slash command and an interaction', () => {
  it('are not sent again: the user is told that the app did not answer', async () => {
    await start();
    const socket = await openAppSocket(slack, token);
    const command = slack.apps.emitCommand('A1', 'T1').record;
    const modal = slack.apps.emitInteractive('A1', 'T1', 'view_submission').record;
    await waitFor(() => [command, modal].every(({ state }) => state === 'dispatchFailed'));
    expect(socket.frames.slice(1).map(({ type, retry_attempt }) => [type, retry_attempt])).toEqual([
      ['slash_commands', undefined],
      ['interactive', undefined],
    ]);
    expect(slack.stats().apps.events).toMatchObject({ dispatchFailed: 2, attempts: 2 });
  });
});

describe('an app that fails too much', () => {
  it('is sent no more events until it is subscribed again, but slash commands as before', async () => {
    await start({ disableFailingApps: true, retryDelaysMs: [] });
    // Without a socket every attempt fails at once.
    for (let n = 0; n < 1_000; n += 1) slack.apps.emitEvent('A1', 'T1', 'message');
    expect(slack.apps.get('A1').subscribed).toBe(false);
    const socket = await openAppSocket(slack, token);
    expect(slack.apps.emitEvent('A1', 'T1', 'message').record.state).toBe('unsubscribed');
    slack.apps.emitCommand('A1', 'T1');
    await socket.frame(({ type }) => type === 'slash_commands');
    slack.apps.subscribe('A1');
    slack.apps.emitEvent('A1', 'T1', 'message');
    await socket.frame(isEvent);
  });

  it('is left alone unless the simulator is told otherwise', async () => {
    await start({ retryDelaysMs: [] });
    for (let n = 0; n < 1_000; n += 1) slack.apps.emitEvent('A1', 'T1', 'message');
    expect(slack.apps.get('A1').subscribed).toBe(true);
    expect(slack.stats().apps.failures).toEqual({ A1: { attempts: 1_000, failed: 1_000, share: 1 } });
  });
});
