import fc from 'fast-check';
import { expect, it } from 'vitest';
import { closeDetail } from '#connector/socket/close-detail.ts';

const url = 'wss://wss-primary.slack.com/link/?ticket=12a34b56-7c89&app_id=f00';

it.each([
  [new Error('connect ECONNREFUSED 127.0.0.1:443'), 'connect ECONNREFUSED 127.0.0.1:443'],
  [new Error(`WebSocket connection to '${url}' failed: x`), "WebSocket connection to '[url]' failed: x"],
  [new Error('GET /link/?ticket=12a34b56-7c89&app_id=f00 refused'), 'GET [url] refused'],
  [new Error('Invalid URL: wss://other.slack.com/link/?ticket=1'), 'Invalid URL: [url]'],
  ['bad token xoxb-123456 in\n two lines', 'bad token [redacted] in two lines'],
  ['x'.repeat(5_000), 'x'.repeat(200)],
])('%s', (cause, detail) => {
  expect(closeDetail(cause, url)).toBe(detail);
});

it('never holds the ticket, whatever stands around it', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.constantFrom(url, url.slice(6), '?ticket=12a34b56-7c89&app_id=f00'),
      (before, after, part) => {
        expect(closeDetail(`${before} ${part} ${after}`, url)).not.toContain('12a34b56');
      },
    ),
  );
});

it('hides a malformed URL', () => {
  expect(closeDetail(new SyntaxError('Invalid URL: s3cr3t thing'), 's3cr3t thing')).toBe('Invalid URL: [url]');
  expect(closeDetail(new Error('Invalid URL'), '')).toBe('Invalid URL');
});
