import { describe, expect, it } from 'vitest';
import { answerClientFrame, type Speaking } from '#slack-simulator/rtm/rtm-request.ts';

const speaking: Speaking = {
  nextTimestamp: () => '1700000000.000001',
  mayPost: () => true,
  refusal: () => undefined,
};
const answer = (frame: unknown, over: Partial<Speaking> = {}) =>
  answerClientFrame(JSON.stringify(frame), { ...speaking, ...over });

describe('a frame from a client', () => {
  it.each([
    [
      { id: 7, type: 'ping' },
      { reply_to: 7, type: 'pong' },
    ],
    [
      { id: 'T1', type: 'ping', time: 12 },
      { reply_to: 'T1', type: 'pong', time: 12 },
    ],
    [
      { type: 'ping', a: 'b', c: null, deep: { not: 'echoed' }, list: [1] },
      { type: 'pong', a: 'b', c: null },
    ],
  ])('ping %j is answered by %j', (ping, pong) => {
    expect(answer(ping).reply).toEqual(pong);
  });

  it('message is acknowledged with its timestamp and without a type', () => {
    expect(answer({ id: 3, type: 'message', channel: 'C1', text: 'hi' })).toEqual({
      request: { kind: 'message', post: { channel: 'C1', text: 'hi' }, ts: '1700000000.000001' },
      reply: { ok: true, reply_to: 3, ts: '1700000000.000001', text: 'hi' },
    });
  });

  it('message may be of a thread', () => {
    const { request } = answer({ id: 3, type: 'message', channel: 'C1', text: 'hi', thread_ts: '1.2' });
    expect(request).toMatchObject({ post: { threadTs: '1.2' } });
  });

  it('message that comes too soon is told to slow down', () => {
    expect(answer({ id: 3, type: 'message', channel: 'C1', text: 'hi' }, { mayPost: () => false })).toEqual({
      request: { kind: 'tooFast' },
      reply: { ok: false, reply_to: 3, error: { code: -1, msg: 'slow down, too many messages...' } },
    });
  });

  it('message for a channel that the bot may not post in is refused', () => {
    const { reply } = answer({ id: 3, type: 'message', channel: 'C1', text: 'hi' }, { refusal: () => 'is_archived' });
    expect(reply).toEqual({ ok: false, reply_to: 3, error: { code: 2, msg: 'is_archived' } });
  });

  it.each([
    [{ channel: 'C1' }, 'message text is missing'],
    [{ channel: 'C1', text: '' }, 'message text is missing'],
    [{ channel: 'C1', text: 'x'.repeat(4001) }, 'message text is too long'],
    [{ text: 'hi' }, 'message channel is missing'],
  ])('message is refused: %#', (fields, msg) => {
    expect(answer({ id: 3, type: 'message', ...fields }).reply).toEqual({
      ok: false,
      reply_to: 3,
      error: { code: 2, msg },
    });
  });

  it.each([['{"type":"pi'], ['[]'], ['7'], ['null'], [undefined]])('%j gets an error frame', (text) => {
    expect(answerClientFrame(text, speaking).reply).toMatchObject({ type: 'error' });
  });

  it.each([[{ type: 'typing', channel: 'C1' }], [{ type: 'presence_sub', ids: ['U1'] }], [{ no: 'type' }]])(
    '%j gets no answer',
    (frame) => {
      expect(answer(frame).reply).toBeUndefined();
    },
  );
});
