import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { controlOf } from '#slack-simulator/control.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import type { SimulatorOptions } from '#slack-simulator/simulator-api.ts';
import { callApi, openSocket, type RawSocket } from './raw-client.ts';

let slack: Simulator;
const start = async (options: SimulatorOptions = {}): Promise<void> => {
  slack = await startSimulator(options);
  slack.addTeam({ teamID: 'T1', token: 'xoxb-one', botUserID: 'U1BOT' });
};
afterEach(() => slack.stop());

const post = (args: Record<string, string>) =>
  callApi(slack, 'chat.postMessage', 'xoxb-one', { channel: 'C1', text: 'hi', ...args });

describe('chat.postMessage', () => {
  it('is kept with all that came with it, and read by another process', async () => {
    await start({ control: true });
    const blocks = [{ type: 'divider' }];
    const { body } = await post({ thread_ts: '1700000000.000001', blocks: JSON.stringify(blocks) });
    expect(body).toMatchObject({ ok: true, message: { blocks, thread_ts: '1700000000.000001' } });
    const control = controlOf(slack.url);
    expect(await control.posts.list('T1')).toEqual([
      {
        teamID: 'T1',
        channel: 'C1',
        text: 'hi',
        threadTs: '1700000000.000001',
        blocks,
        ts: body.ts,
        via: 'api',
        tokenDigest: createHash('sha256').update('xoxb-one').digest('hex'),
        atMs: expect.closeTo(Date.now(), -4),
      },
    ]);
    await control.posts.forget();
    expect(await control.posts.list()).toEqual([]);
    await control.close();
  });

  it('takes JSON as it takes a form', async () => {
    await start();
    const response = await fetch(`${slack.url}chat.postMessage`, {
      method: 'POST',
      headers: { authorization: 'Bearer xoxb-one', 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify({ channel: 'C1', text: 'hi', blocks: [{ type: 'divider' }] }),
    });
    expect(await response.json()).toMatchObject({ ok: true });
    expect(slack.posts.list()).toMatchObject([{ blocks: [{ type: 'divider' }] }]);
  });

  it('is granted once a second in a channel, and says how long to wait', async () => {
    await start();
    expect((await post({})).body.ok).toBe(true);
    expect(await post({})).toMatchObject({ status: 429, retryAfter: '1', body: { ok: false, error: 'ratelimited' } });
    expect((await post({ channel: 'C2' })).body.ok).toBe(true);
    expect(slack.stats()).toMatchObject({
      posts: { posted: 2, overChannelLimit: 1, overWorkspaceLimit: 0 },
      calls: { 'chat.postMessage': { ok: 2, ratelimited: 1 } },
    });
  });

  it('says what is wrong with a channel, where the team has a list of them', async () => {
    await start({ control: true });
    const control = controlOf(slack.url);
    await control.posts.setChannels('T1', { C1: 'open', C2: 'archived', C3: 'notMember' });
    const errorIn = async (channel: string) => (await post({ channel })).body.error;
    expect(await Promise.all(['C1', 'C2', 'C3', 'C4'].map(errorIn))).toEqual([
      undefined,
      'is_archived',
      'not_in_channel',
      'channel_not_found',
    ]);
    await control.posts.setChannels('T1', undefined);
    expect(await errorIn('C5')).toBeUndefined();
    await control.close();
  });

  it('may be posted though its answer is lost', async () => {
    await start();
    slack.setFault({ at: 'method', method: 'chat.postMessage', times: 1, answer: { kind: 'answerLost' } });
    await expect(post({})).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(slack.posts.list()).toHaveLength(1);
    expect(slack.stats().calls['chat.postMessage']).toEqual({ answerLost: 1 });
  });
});

describe('a message over RTM', () => {
  const say = (socket: RawSocket, id: number, fields: Record<string, unknown> = {}) => {
    socket.ws.send(JSON.stringify({ id, type: 'message', channel: 'C1', text: `message ${id}`, ...fields }));
    return socket.frame(({ reply_to }) => reply_to === id);
  };

  it('is kept beside those of the Web API, and heard with its thread', async () => {
    await start();
    const socket = await openSocket(slack, 'xoxb-one');
    const { ts } = await say(socket, 1, { thread_ts: '1700000000.000001' });
    expect(slack.posts.list()).toMatchObject([
      { teamID: 'T1', channel: 'C1', text: 'message 1', via: 'rtm', ts, threadTs: '1700000000.000001' },
    ]);
    await socket.frame((frame) => frame.ts === ts && frame.thread_ts === '1700000000.000001');
  });

  it('too many a second is told to slow down, and one that goes on is disconnected', async () => {
    await start();
    const socket = await openSocket(slack, 'xoxb-one');
    expect(await say(socket, 1)).toMatchObject({ ok: true });
    for (const id of [2, 3, 4]) {
      const slowDown = { code: -1, msg: 'slow down, too many messages...' };
      expect(await say(socket, id)).toEqual({ ok: false, reply_to: id, error: slowDown });
    }
    expect(await socket.closed).toBe(1008);
    expect(slack.stats().posts).toMatchObject({ posted: 1, overRtmLimit: 3 });
  });

  it('may be posted without a word', async () => {
    await start({ rtmMessageBurst: 1 });
    const socket = await openSocket(slack, 'xoxb-one');
    slack.inflict({ teamID: 'T1' }, { kind: 'withholdReplies' });
    socket.ws.send(JSON.stringify({ id: 1, type: 'message', channel: 'C1', text: 'hi' }));
    await socket.frame(({ text }) => text === 'hi');
    socket.ws.send(JSON.stringify({ id: 2, type: 'ping' }));
    await socket.frame(({ reply_to }) => reply_to === 2);
    expect(socket.frames.filter(({ reply_to }) => reply_to === 1)).toEqual([]);
    expect(slack.posts.list()).toHaveLength(1);
  });
});
