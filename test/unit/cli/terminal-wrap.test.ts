import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columns, wrap } from '#cli/terminal/columns.ts';

describe('wrapped text', () => {
  it('breaks between words, and within one only where it must', () => {
    expect(wrap('put the present token here', 12)).toEqual(['put the', 'present', 'token here']);
    expect(wrap('see https://a.test/long now', 8)).toEqual(['see', 'https://', 'a.test/l', 'ong now']);
    expect(wrap('', 8)).toEqual(['']);
  });

  it('has every word in order, and no line that is too long', () => {
    const words = fc.array(fc.string({ minLength: 1, maxLength: 30 }).map((word) => word.replaceAll(/[^!-~]/g, 'x')));
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 40 }), (list, columnCount) => {
        const lines = wrap(list.join(' '), columnCount);
        expect(lines.every((line) => line.length <= columnCount)).toBe(true);
        expect(lines.join('').replaceAll(' ', '')).toBe(list.join(''));
      }),
    );
  });

  it('lets no escape sequence through', () => {
    expect(wrap('a\x1b[2J b\nc', 80)).toEqual(['a b c']);
  });
});

describe('the last column of a table', () => {
  const message = 'put the present bot token of the app into the Secret and look at the allowed IP ranges';
  const head = ['BOT', 'READY', 'REASON'];

  it('wraps below itself, so that its end is visible', () => {
    const lines = columns(head, [['bots/acme', 'no', message]], 60);
    expect(lines).toEqual([
      'BOT        READY  REASON',
      'bots/acme  no     put the present bot token of the app into',
      '                  the Secret and look at the allowed IP',
      '                  ranges',
    ]);
  });

  it('goes below its row where too little room is left beside it', () => {
    const lines = columns(head, [['bots/a-name-that-takes-its-room', 'no', message]], 60);
    expect(lines).toEqual([
      'BOT                              READY  REASON',
      'bots/a-name-that-takes-its-room  no',
      '    put the present bot token of the app into the Secret and',
      '    look at the allowed IP ranges',
    ]);
  });

  it('stays on its line for a reader that is no terminal', () => {
    expect(columns(head, [['bots/acme', 'no', message]])[1]).toBe(`bots/acme  no     ${message}`);
  });
});
