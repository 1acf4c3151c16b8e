import { describe, expect, it } from 'vitest';
import { errorFromAnswer, errorFromStatusObject, kindOfStatus, parseRetryAfterMs } from '#operator/kube/kube-error.ts';

describe('kind of a failed call', () => {
  it.each([
    [400, 'BadRequest', 'invalid'],
    [401, 'Unauthorized', 'forbidden'],
    [403, 'Forbidden', 'forbidden'],
    [404, 'NotFound', 'notFound'],
    [408, '', 'transient'],
    [409, 'AlreadyExists', 'conflict'],
    [410, 'Expired', 'gone'],
    [415, '', 'invalid'],
    [422, 'Invalid', 'invalid'],
    [429, 'TooManyRequests', 'throttled'],
    [500, 'InternalError', 'transient'],
    [500, 'Expired', 'gone'],
    [503, '', 'transient'],
    [504, 'Timeout', 'transient'],
  ] as const)('%i %s is %s', (status, reason, kind) => {
    expect(kindOfStatus(status, reason)).toBe(kind);
  });

  it("takes reason and message from the server's Status", () => {
    const body = JSON.stringify({ kind: 'Status', reason: 'NotFound', message: 'things "a" not found', code: 404 });
    expect(errorFromAnswer('GET /x', 404, body, undefined)).toMatchObject({
      kind: 'notFound',
      status: 404,
      reason: 'NotFound',
      message: 'GET /x: 404 NotFound things "a" not found',
    });
  });

  it("keeps the start of a proxy's HTML page on one line", () => {
    const error = errorFromAnswer('GET /x', 502, `<html>\n  <h1>Bad gateway</h1>${'x'.repeat(10_000)}`, undefined);
    expect(error).toMatchObject({ kind: 'transient', reason: 'HTTP502' });
    expect(error.message).toContain('<html> <h1>Bad gateway');
    expect(error.message.length).toBeLessThan(600);
  });

  it.each([
    [{ code: 410, reason: 'Expired', message: 'too old' }, 'gone'],
    [{ code: 500, reason: 'InternalError' }, 'transient'],
    [undefined, 'transient'],
    ['text', 'transient'],
  ] as const)('an ERROR event with %j is %s', (object, kind) => {
    expect(errorFromStatusObject('watch', object).kind).toBe(kind);
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0);
  it.each([
    ['3', 3000],
    [['7', '9'], 7000],
    ['Thu, 01 Jan 2026 12:00:30 GMT', 30_000],
    ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ] as const)('%j means %j ms', (value, expected) => {
    expect(parseRetryAfterMs(Array.isArray(value) ? [...value] : (value as string | undefined), now)).toBe(expected);
  });
});
