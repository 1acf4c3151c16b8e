import { describe, expect, it } from 'vitest';
import { readPost } from '#slack-simulator/post.ts';
import { PostDesk } from '#slack-simulator/post-desk.ts';

const block = { type: 'section', text: { type: 'mrkdwn', text: 'hi' } };

describe('the arguments of chat.postMessage', () => {
  it.each([
    ['a form', JSON.stringify([block])],
    ['JSON', [block]],
  ])('may be %s', (_, blocks) => {
    expect(readPost({ channel: 'C1', text: 'hi', thread_ts: '1.2', blocks })).toEqual({
      ok: true,
      post: { channel: 'C1', text: 'hi', threadTs: '1.2', blocks: [block], username: undefined },
    });
  });

  it('need no text beside blocks', () => {
    expect(readPost({ channel: 'C1', blocks: [block] })).toMatchObject({ ok: true });
  });

  it.each([
    [{ text: 'hi' }, 'channel_not_found'],
    [{ channel: 'C1' }, 'no_text'],
    [{ channel: 'C1', text: 'x'.repeat(40_001) }, 'msg_too_long'],
    [{ channel: 'C1', text: 'hi', blocks: '[{"type":' }, 'invalid_blocks'],
    [{ channel: 'C1', text: 'hi', blocks: '{"type":"section"}' }, 'invalid_blocks'],
    [{ channel: 'C1', text: 'hi', blocks: [{ no: 'type' }] }, 'invalid_blocks'],
    [{ channel: 'C1', text: 'hi', blocks: Array.from({ length: 51 }, () => block) }, 'invalid_blocks'],
  ])('are refused where they say nothing that can be posted: %#', (args, error) => {
    expect(readPost(args)).toEqual({ ok: false, error });
  });
});

describe('the pace of posts', () => {
  const desk = () => new PostDesk({ channel: { perMinute: 60, burst: 1 }, workspace: { perMinute: 60, burst: 3 } });

  it('is one a second in a channel, for each bot', () => {
    const posts = desk();
    expect(posts.take({ teamID: 'T1' }, 'C1', 0)).toBeUndefined();
    expect(posts.take({ teamID: 'T1' }, 'C1', 999)).toBe(1);
    expect(posts.take({ teamID: 'T1' }, 'C2', 999)).toBeUndefined();
    expect(posts.take({ teamID: 'T1', appID: 'A1' }, 'C1', 999)).toBeUndefined();
    expect(posts.take({ teamID: 'T1' }, 'C1', 1000)).toBeUndefined();
    expect(posts.totals()).toMatchObject({ overChannelLimit: 1, overWorkspaceLimit: 0 });
  });

  it('is limited in a workspace, too', () => {
    const posts = desk();
    for (const channel of ['C1', 'C2', 'C3']) expect(posts.take({ teamID: 'T1' }, channel, 0)).toBeUndefined();
    expect(posts.take({ teamID: 'T1' }, 'C4', 0)).toBe(1);
    expect(posts.take({ teamID: 'T2' }, 'C4', 0)).toBeUndefined();
    expect(posts.totals()).toMatchObject({ overChannelLimit: 0, overWorkspaceLimit: 1 });
  });
});
