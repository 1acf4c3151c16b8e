import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalize } from '#connector/event/normalize.ts';
import { decodeRtmFrame, encodeRtmPing } from '#connector/transport/rtm/rtm-frame.ts';
import { eventsApiPayloads, rtmFrames } from '#test/support/corpus.ts';

const TRANSPORT: Readonly<Record<string, string>> = {
  HelloEvent: 'hello',
  GoodbyeEvent: 'leaving',
  ErrorEvent: 'error',
  ReconnectUrlEvent: 'noise',
  TeamMigrationStartedEvent: 'closing',
};

describe("every frame of Slack's corpus", () => {
  const frames = rtmFrames();

  it.each(frames)('$name', ({ name, frame }) => {
    const decoded = decodeRtmFrame(JSON.stringify(frame));
    if (name in TRANSPORT) expect(decoded.kind).toBe(TRANSPORT[name]);
    else expect(decoded).toEqual({ kind: 'event', event: frame, text: JSON.stringify(frame) });
  });

  it('holds each transport frame that it can hold', () => {
    expect(frames.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(TRANSPORT)));
  });

  it.each(eventsApiPayloads().filter(({ payload }) => 'event' in payload))('inner event of $name', ({ payload }) => {
    expect(decodeRtmFrame(JSON.stringify(payload.event)).kind).toMatch(/^(event|leaving)$/);
  });
});

it.each([
  ['{"type":"hello","fast_reconnect":true}', { kind: 'hello' }],
  ['{"reply_to":7,"type":"pong","time":1}', { kind: 'noise' }],
  ['{"type":"pong"}', { kind: 'noise' }],
  ['{"type":"pong","reply_to":{"a":1}}', { kind: 'noise' }],
  [
    '{"ok":true,"reply_to":1,"ts":"1355517523.000005","text":"hi"}',
    { kind: 'answer', n: 1, answer: { kind: 'sent', ts: '1355517523.000005' } },
  ],
  [
    '{"ok":false,"reply_to":1,"error":{"code":2,"msg":"message text is missing"}}',
    { kind: 'answer', n: 1, answer: { kind: 'refused', code: 2, message: 'message text is missing' } },
  ],
  [
    '{"ok":false,"reply_to":1,"error":{"code":2,"msg":"no xoxb-1-abcdef here"}}',
    { kind: 'answer', n: 1, answer: { kind: 'refused', code: 2, message: 'no [redacted] here' } },
  ],
  [
    '{"ok":false,"reply_to":1,"error":{"code":-1,"msg":"slow down, too many messages..."}}',
    { kind: 'answer', n: 1, answer: { kind: 'rateLimited' } },
  ],
  ['{"ok":false,"reply_to":1}', { kind: 'answer', n: 1, answer: { kind: 'refused', code: 0, message: '' } }],
  ['{"ok":true,"reply_to":"T1","ts":"1355517523.000005"}', { kind: 'noise' }],
  [
    '{"type":"error","error":{"code":1,"msg":"Socket URL has expired"}}',
    { kind: 'error', code: 1, msg: 'Socket URL has expired' },
  ],
  ['{"type":"error","error":"odd"}', { kind: 'error', code: 0, msg: 'odd' }],
  ['{"type":"error"}', { kind: 'error', code: 0, msg: '' }],
  [
    '{"type":"error","error":{"code":1,"msg":"wss://slack.test/t?ticket=s3cret of xoxb-1-abcdef\\nhas expired"}}',
    { kind: 'error', code: 1, msg: '[url] of [redacted] has expired' },
  ],
  ['{"type":"reconnect_url","url":"wss://secret"}', { kind: 'noise' }],
  [
    '{"type":"team_migration_started"}',
    {
      kind: 'closing',
      trouble: { reason: 'MigrationInProgress', message: expect.stringContaining('moving the workspace') },
    },
  ],
  [
    '{"type":"never_heard_of"}',
    { kind: 'event', event: { type: 'never_heard_of' }, text: '{"type":"never_heard_of"}' },
  ],
  ['{"type":"__proto__"}', { kind: 'event', event: { type: '__proto__' }, text: '{"type":"__proto__"}' }],
  [
    '{"type":"message","reply_to":1}',
    { kind: 'event', event: { type: 'message', reply_to: 1 }, text: '{"type":"message","reply_to":1}' },
  ],
  ['', { kind: 'malformed', reason: 'not_json' }],
  ['<html>', { kind: 'malformed', reason: 'not_json' }],
  ['null', { kind: 'malformed', reason: 'not_an_object' }],
  ['[{"type":"hello"}]', { kind: 'malformed', reason: 'not_an_object' }],
  ['{}', { kind: 'malformed', reason: 'no_type' }],
  ['{"type":1}', { kind: 'malformed', reason: 'no_type' }],
  ['{"type":""}', { kind: 'malformed', reason: 'no_type' }],
])('%s', (frame, decoded) => {
  expect(decodeRtmFrame(frame)).toEqual(decoded);
});

it('never throws, whatever a peer sends', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (frame) => void decodeRtmFrame(frame)));
  expect(decodeRtmFrame('['.repeat(500_000)).kind).toBe('malformed');
});

it('leaves nothing for the queue that is about the socket itself', () => {
  const kinds = fc.constantFrom('hello', 'goodbye', 'pong', 'error', 'reconnect_url', 'team_migration_started', 'ping');
  const source = {
    cluster: 'c',
    ownerUid: 'u',
    bot: 'b/a',
    generation: 1,
    teamID: 'T1',
    slackTeamID: 'T1',
    botUserID: 'U1',
    queueNamespace: '',
    events: { include: [], exclude: [], own: false },
  };
  fc.assert(
    fc.property(kinds, fc.dictionary(fc.string(), fc.jsonValue()), (type, rest) => {
      const decoded = decodeRtmFrame(JSON.stringify({ ...rest, type }));
      if (decoded.kind === 'event') expect(normalize(decoded.event, source, 0).kind).toBe('filtered');
    }),
  );
});

it("is answered by Slack's form of a ping", () => {
  expect(JSON.parse(encodeRtmPing(3))).toEqual({ id: 3, type: 'ping' });
});
