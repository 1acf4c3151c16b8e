import { WebClientEvent } from '@slack/web-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { rtmFrames } from '#test/support/corpus.ts';
import { waitFor } from '#test/support/wait.ts';
import { type OfficialClient, startRtm, stopRtm, webClient } from './official-clients.ts';

/** That Slack's own clients take this Slack for the real one is what makes it a fair stand-in. */
let slack: Simulator;
let clients: [OfficialClient, OfficialClient];

beforeAll(async () => {
  slack = await startSimulator({ connectBurst: 20, postBurst: 5, rtmMessageBurst: 5 });
  slack.addTeam({ teamID: 'T1', token: 'xoxb-one', botUserID: 'U1BOT', name: 'Acme' });
  // One after the other, so that the simulator's list of sockets tells which is whose.
  clients = [await startRtm(slack.url, 'xoxb-one'), await startRtm(slack.url, 'xoxb-one')];
});
afterAll(async () => {
  await Promise.all(clients.map(stopRtm));
  await slack.stop();
});

describe("Slack's RTM client", () => {
  it('learns who it is and where', () => {
    const [{ rtm }] = clients;
    expect([rtm.connected, rtm.activeUserId, rtm.activeTeamId]).toEqual([true, 'U1BOT', 'T1']);
  });

  it('hears every message on each of two connections with one token', async () => {
    const sent = Array.from({ length: 50 }, () => slack.emitMessage('T1').id);
    for (const { frames } of clients) {
      await waitFor(() => frames.some((frame) => frame.client_msg_id === sent.at(-1)));
      const heard = frames.map((frame) => frame.client_msg_id).filter((id) => id !== undefined);
      expect(heard).toEqual(sent);
    }
  });

  it('sends a message and gets its acknowledgement, and the other connection hears it', async () => {
    const [speaker, listener] = clients;
    const ack = await speaker.rtm.sendMessage('hello from the SDK', 'C1');
    expect(ack).toMatchObject({ ok: true, ts: expect.stringMatching(/^\d{10}\.\d{6}$/), text: 'hello from the SDK' });
    const heard = await waitFor(() => listener.frames.find((frame) => frame.ts === ack.ts));
    expect(heard).toMatchObject({ type: 'message', user: 'U1BOT', channel: 'C1' });
  });

  it('is told why a message without text is refused', async () => {
    await expect(clients[0].rtm.sendMessage('', 'C1')).rejects.toMatchObject({
      code: 'slack_rtmapi_send_message_platform_error',
      data: { error: { code: 2 } },
    });
  });

  it('tells of typing', async () => {
    const [speaker, listener] = clients;
    await speaker.rtm.sendTyping('C1');
    await waitFor(() => listener.frames.find(({ type, channel }) => type === 'user_typing' && channel === 'C1'));
  });

  it('pings by itself when idle, is answered, and stays connected', async () => {
    const [{ rtm, frames, pings }] = clients;
    const before = pings.length;
    const reconnects: unknown[] = [];
    rtm.on('reconnecting', () => reconnects.push('reconnecting'));
    await waitFor(() => pings.length >= before + 2, { timeoutMs: 30_000 });
    const last = pings.at(-1);
    await waitFor(() => frames.find((frame) => frame.type === 'pong' && frame.reply_to === last?.id));
    expect(reconnects).toEqual([]);
  });

  it('survives every RTM frame that Slack has published, and hears each', async () => {
    const [{ frames, rtm }] = clients;
    // Slack's client throws on a second hello and closes by itself at team_migration_started.
    const harmless = rtmFrames().filter(
      ({ frame }) => !['hello', 'team_migration_started'].includes(String(frame.type)),
    );
    const before = frames.length;
    for (const { frame } of harmless) expect(slack.emit('T1', frame).sockets).toBe(2);
    const { id } = slack.emitMessage('T1');
    await waitFor(() => frames.some((frame) => frame.client_msg_id === id));
    const heard = frames.slice(before, -1).filter(({ type, reply_to }) => type !== 'pong' && reply_to === undefined);
    expect(heard).toEqual(harmless.map(({ frame }) => frame));
    expect(rtm.connected).toBe(true);
  });

  it('connects again after a dropped connection', async () => {
    // One that never called sendMessage: Slack's client crashes on a reconnect after that.
    const [, listener] = clients;
    const again = new Promise<void>((resolve) => listener.rtm.once('ready', resolve));
    slack.inflict({ teamID: 'T1', socketID: slack.sockets('T1').at(-1)?.id }, { kind: 'drop' });
    await again;
    const { id } = slack.emitMessage('T1');
    await waitFor(() => listener.frames.some((frame) => frame.client_msg_id === id));
  });
});

describe("Slack's Web API client", () => {
  it('learns its identity', async () => {
    expect(await webClient(slack.url, 'xoxb-one').auth.test()).toMatchObject({
      ok: true,
      team_id: 'T1',
      user_id: 'U1BOT',
      team: 'Acme',
    });
  });

  it('posts a message, which comes back over RTM', async () => {
    const posted = await webClient(slack.url, 'xoxb-one').chat.postMessage({ channel: 'C1', text: 'by the Web API' });
    expect(posted).toMatchObject({ ok: true, channel: 'C1' });
    await waitFor(() => clients[0].frames.find(({ ts, text }) => ts === posted.ts && text === 'by the Web API'));
  });

  it('posts blocks into a thread', async () => {
    const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: 'a *block*' } }];
    const { ts } = await webClient(slack.url, 'xoxb-one').chat.postMessage({
      channel: 'C1',
      text: 'with blocks',
      thread_ts: '1700000000.000001',
      blocks,
    });
    expect(slack.posts.list().find((post) => post.ts === ts)).toMatchObject({ blocks, threadTs: '1700000000.000001' });
  });

  it('exchanges a refresh token', async () => {
    const { refreshToken } = slack.tokens.rotate({ teamID: 'T1' }, { clientID: '1.2', clientSecret: 'secret' });
    const { access_token } = await webClient(slack.url).oauth.v2.access({
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: '1.2',
      client_secret: 'secret',
    });
    expect(await webClient(slack.url, access_token).auth.test()).toMatchObject({ ok: true, team_id: 'T1' });
  });

  it('understands every refusal', async () => {
    await expect(webClient(slack.url, 'xoxb-nobody').auth.test()).rejects.toMatchObject({
      code: 'slack_webapi_platform_error',
      data: { error: 'invalid_auth' },
    });
    slack.setFault({ at: 'method', method: 'auth.test', times: 1, answer: { kind: 'http', status: 502 } });
    await expect(webClient(slack.url, 'xoxb-one').auth.test()).rejects.toMatchObject({
      code: 'slack_webapi_http_error',
      statusCode: 502,
    });
  });

  it('reads Retry-After off a rate-limited answer and tries again when it says', async () => {
    slack.setFault({
      at: 'method',
      method: 'auth.test',
      times: 1,
      answer: { kind: 'ratelimited', retryAfterSeconds: 1 },
    });
    const client = webClient(slack.url, 'xoxb-one', { retries: 1 });
    const waits: number[] = [];
    client.on(WebClientEvent.RATE_LIMITED, (seconds: number) => waits.push(seconds));
    const startedAtMs = performance.now();
    expect(await client.auth.test()).toMatchObject({ ok: true });
    expect(waits).toEqual([1]);
    expect(performance.now() - startedAtMs).toBeGreaterThan(950);
  });
});
