import { describe, expect, it } from 'vitest';
import type { FailReason, Outcome } from '#connector/queue/outcome.ts';
import { acknowledge, answer } from '#connector/transport/socket-mode/acknowledge.ts';

const failed = (reason: FailReason): Outcome => ({ kind: 'failed', reason });

describe('an envelope whose event is', () => {
  it.each<[string, Outcome]>([
    ['queued', { kind: 'queued' }],
    ['a duplicate', { kind: 'duplicate' }],
    ['filtered', { kind: 'filtered', reason: 'excluded' }],
    ['fenced', { kind: 'fenced' }],
    ['not an event', failed('malformed')],
    ['too large', failed('too_large')],
    ['not to be written as JSON', failed('unencodable')],
    ['refused by Redis for good', failed('refused')],
  ])('%s is acknowledged', (_what, outcome) => {
    expect(acknowledge('e1', outcome)).toBe('{"envelope_id":"e1"}');
  });

  it.each<FailReason>(['buffer_full', 'stale', 'shutdown'])(
    'failed{%s} is left to Slack, to be sent again',
    (reason) => {
      expect(acknowledge('e1', failed(reason))).toBeUndefined();
    },
  );
});

it('an answer goes to Slack as the application wrote it', () => {
  const payload = '{"text":"caf\\u00e9", "n": 12345678901234567890}';
  expect(answer('e"1', payload)).toBe(`{"envelope_id":"e\\"1","payload":${payload}}`);
  expect(JSON.parse(answer('e1', '[]'))).toEqual({ envelope_id: 'e1', payload: [] });
});
