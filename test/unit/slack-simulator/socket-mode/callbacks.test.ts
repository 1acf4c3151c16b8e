import { beforeEach, describe, expect, it } from 'vitest';
import { CallbackBook } from '#slack-simulator/socket-mode/callbacks.ts';

let book: CallbackBook;
beforeEach(() => {
  book = new CallbackBook();
  book.add({ id: 'c1', appID: 'A1', responseURL: 'http://slack/commands/T1/one', triggerID: '1.2.three' }, 1_000);
});

describe('a response URL', () => {
  it('takes five answers, and no sixth', () => {
    const verdicts = [1, 2, 3, 4, 5, 6].map((n) => book.respond('/commands/T1/one', { n }, 2_000));
    expect(verdicts).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'used_url']);
    expect(book.responses().map(({ id, body }) => [id, body])).toEqual([1, 2, 3, 4, 5].map((n) => ['c1', { n }]));
    book.forget();
    expect(book.responses()).toEqual([]);
  });

  it('takes them for half an hour', () => {
    expect(book.respond('/commands/T1/one', {}, 1_000 + 30 * 60_000 - 1)).toBe('ok');
    expect(book.respond('/commands/T1/one', {}, 1_000 + 30 * 60_000)).toBe('expired_url');
  });

  it('that nobody was given is none', () => {
    expect(book.respond('/commands/T1/other', {}, 1_000)).toBeUndefined();
  });
});

describe('a trigger id', () => {
  it('is good once, for three seconds, and for its app', () => {
    expect(book.exchange('A2', '1.2.three', 1_000)).toBe('invalid_trigger_id');
    expect(book.exchange('A1', 'x', 1_000)).toBe('invalid_trigger_id');
    expect(book.exchange('A1', '1.2.three', 4_000)).toBe('expired_trigger_id');
    expect(book.exchange('A1', '1.2.three', 3_999)).toBeUndefined();
    expect(book.exchange('A1', '1.2.three', 3_999)).toBe('exchanged_trigger_id');
  });
});
