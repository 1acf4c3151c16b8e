import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import type { SimulatorOptions } from '#slack-simulator/simulator-api.ts';
import { eventsApiPayloads } from '#test/support/corpus.ts';
import { waitFor } from '#test/support/wait.ts';
import { type OfficialSocketMode, socketModeClient } from './official-socket-mode.ts';

/** That Slack's own client lives its life here is what makes this Slack a fair stand-in. */
let slack: Simulator;
const token = 'xapp-1-A1-one';
const clients: OfficialSocketMode[] = [];

const startSlack = async (options: SimulatorOptions = {}): Promise<void> => {
  slack = await startSimulator(options);
  slack.apps.add({ appID: 'A1', appToken: token });
  slack.apps.install('A1', { teamID: 'T1', botUserID: 'U1BOT', enterpriseID: 'E1' });
};
function created(appToken = token): OfficialSocketMode {
  const client = socketModeClient(slack.url, appToken);
  clients.push(client);
  return client;
}
async function started(): Promise<OfficialSocketMode> {
  const client = created();
  await client.client.start();
  return client;
}
beforeEach(() => {
  clients.length = 0;
});
afterEach(async () => {
  await Promise.all(clients.map(({ client }) => client.disconnect()));
  await slack.stop();
});

const live = (): number => slack.stats().apps.sockets.live;

describe("Slack's Socket Mode client", () => {
  it('connects, hears an event in its wrapper, and acknowledges it', async () => {
    await startSlack();
    const { heard, states } = await started();
    expect(states).toEqual(['connected']);
    const { eventID, record } = slack.apps.emitEvent('A1', 'T1', 'message', { text: 'hello' });
    const event = await waitFor(() => heard[0]);
    expect(event).toMatchObject({
      type: 'events_api',
      retry_num: 0,
      retry_reason: '',
      accepts_response_payload: false,
      body: {
        type: 'event_callback',
        team_id: 'T1',
        enterprise_id: 'E1',
        context_team_id: 'T1',
        context_enterprise_id: 'E1',
        api_app_id: 'A1',
        event_id: eventID,
        event_time: expect.any(Number),
        event_context: expect.any(String),
        is_ext_shared_channel: false,
        authorizations: [
          { enterprise_id: 'E1', team_id: 'T1', user_id: 'U1BOT', is_bot: true, is_enterprise_install: false },
        ],
        event: { type: 'message', text: 'hello', channel_type: 'channel' },
      },
    });
    await event.ack();
    await waitFor(() => record.state === 'acked');
    // It sends an empty payload where it means none.
    expect(slack.apps.deliveries()).toMatchObject([{ payload: {}, payloadIgnored: false }]);
  });

  it('hears an event again that it does not acknowledge', async () => {
    await startSlack({ ackTimeoutMs: 100, retryDelaysMs: [0, 10_000] });
    const { heard } = await started();
    slack.apps.emitEvent('A1', 'T1', 'message');
    const again = await waitFor(() => heard.find(({ retry_num }) => retry_num === 1));
    expect(again).toMatchObject({ retry_reason: 'timeout', body: { event_id: heard[0]?.body.event_id } });
    await again.ack();
    await waitFor(() => slack.stats().apps.events.acked === 1);
  });

  it('shares the events with another client of the app', async () => {
    await startSlack();
    const both = [await started(), await started()];
    const sent = Array.from({ length: 20 }, () => slack.apps.emitEvent('A1', 'T1', 'message').eventID);
    await waitFor(() => both.every(({ heard }) => heard.length === 10));
    expect(both.flatMap(({ heard }) => heard.map(({ body }) => body.event_id)).sort()).toEqual(sent.sort());
  });

  it('answers a slash command, a modal and an external select inside the acknowledgement', async () => {
    await startSlack();
    const { client } = await started();
    client.on('slash_commands', ({ ack }) => ack({ response_type: 'in_channel', text: 'done' }));
    client.on('interactive', ({ ack, body }) =>
      ack(
        body.type === 'block_suggestion'
          ? { options: [{ text: { type: 'plain_text', text: body.value }, value: '1' }] }
          : { response_action: 'errors', errors: { simulated_block: 'too short' } },
      ),
    );
    slack.apps.emitCommand('A1', 'T1', { command: '/deploy', text: 'now' });
    slack.apps.emitInteractive('A1', 'T1', 'view_submission');
    slack.apps.emitInteractive('A1', 'T1', 'block_suggestion', { value: 'typed' });
    await waitFor(() => slack.stats().apps.events.acked === 3);
    expect(slack.apps.deliveries().map(({ payload }) => payload)).toEqual([
      { response_type: 'in_channel', text: 'done' },
      { response_action: 'errors', errors: { simulated_block: 'too short' } },
      { options: [{ text: { type: 'plain_text', text: 'typed' }, value: '1' }] },
    ]);
  });

  it('pings, is answered and pinged, and stays', async () => {
    await startSlack({ pingEveryMs: 50 });
    const { states } = await started();
    const startedAtMs = performance.now();
    // Two of its own deadlines for pongs.
    await waitFor(() => performance.now() - startedAtMs > 2_200);
    expect([states, live()]).toEqual([['connected'], 1]);
  });

  it('hears every Events API payload that Slack has published', async () => {
    await startSlack();
    const { heard } = await started();
    // It reads the type of an inner event, which app_rate_limited has only in the sample.
    const payloads = eventsApiPayloads();
    for (const { payload } of payloads) slack.apps.emitEnvelope('A1', { type: 'events_api', payload });
    await waitFor(() => heard.length === payloads.length);
    expect(heard.map(({ body }) => body)).toEqual(payloads.map(({ payload }) => payload));
    await Promise.all(heard.map(({ ack }) => ack()));
    await waitFor(() => slack.stats().apps.events.acked === payloads.length);
  });

  it.each(['warning', 'refresh_requested'] as const)('connects again after %s', async (reason) => {
    await startSlack({ ackTimeoutMs: 100, retryDelaysMs: [0, 4_000] });
    const { heard, states } = await started();
    slack.apps.inflict({ appID: 'A1' }, { kind: 'disconnect', reason });
    await waitFor(() => live() === 0);
    // Version 3.1 has no socket meanwhile: this one is Slack's to send again.
    const { eventID } = slack.apps.emitEvent('A1', 'T1', 'message');
    await waitFor(() => states.length === 3);
    expect(states).toEqual(['connected', 'reconnecting', 'connected']);
    const event = await waitFor(() => heard.find(({ body }) => body.event_id === eventID));
    expect(event.retry_num).toBe(2);
    await event.ack();
    await waitFor(() => slack.stats().apps.events.acked === 1);
  });

  it('connects again after a dropped connection, and after an upgrade that is refused', async () => {
    await startSlack();
    const { states } = await started();
    slack.setFault({ appID: 'A1', at: 'upgrade', times: 1, answer: { kind: 'http', status: 409 } });
    slack.apps.inflict({ appID: 'A1' }, { kind: 'drop' });
    await waitFor(() => states.filter((state) => state === 'connected').length === 2);
    expect(slack.stats().apps.handshakes.A1).toEqual({ ok: 2, http_409: 1 });
  });

  it('notices a half-open connection', async () => {
    await startSlack();
    const { states } = await started();
    slack.apps.inflict({ appID: 'A1' }, { kind: 'halfOpen' });
    const gone = await waitFor(() => slack.apps.sockets('A1').find(({ state }) => state === 'halfOpen'));
    // It waits 30 s for a close frame from the dead peer, or until that is gone.
    slack.apps.inflict({ appID: 'A1', socketID: gone.id }, { kind: 'drop' });
    await waitFor(() => states.filter((state) => state === 'connected').length === 2);
  });

  it('waits while there are too many websockets', async () => {
    await startSlack({ maxWebsockets: 1 });
    const first = await started();
    const second = created();
    const connected = second.client.start();
    await waitFor(() => (slack.stats().apps.handshakes.A1?.too_many_websockets ?? 0) >= 2);
    expect(second.states).not.toContain('connected');
    await first.client.disconnect();
    await waitFor(() => second.states.includes('connected'));
    await connected;
  });

  it('is without a connection while Socket Mode is switched off', async () => {
    await startSlack();
    const { states } = await started();
    slack.apps.setSocketMode('A1', false);
    await waitFor(() => (slack.stats().apps.opens.A1?.forbidden_team ?? 0) >= 2);
    expect(live()).toBe(0);
    slack.apps.setSocketMode('A1', true);
    await waitFor(() => states.filter((state) => state === 'connected').length === 2);
  });

  it('does not start with a token that nobody knows', async () => {
    await startSlack();
    const stranger = created('xapp-1-A1-nobody');
    await expect(stranger.client.start()).rejects.toMatchObject({ data: { error: 'invalid_auth' } });
  });
});
