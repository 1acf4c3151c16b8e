import { describe, expect, it } from 'vitest';
import { clip, columns, printable } from '#cli/terminal/columns.ts';
import { forPeople } from '#cli/terminal/log-line.ts';
import { Screen } from '#cli/terminal/screen.ts';

describe('columns', () => {
  it('are as wide as their widest cell, numbers to the right, without space at the end of a line', () => {
    expect(
      columns(
        ['NAME', 'N', 'REASON'],
        [
          ['a', 5, ''],
          ['longer', 12, 'ok'],
        ],
      ),
    ).toEqual(['NAME    N   REASON', 'a        5', 'longer  12  ok']);
  });

  it('let no cell move the cursor or break the line', () => {
    expect(printable('a\x1b[2Jb\nc\r\x07d')).toBe('ab c d');
    expect(columns(['A'], [['x\ny']])).toEqual(['A', 'x y']);
  });

  it('are clipped to the terminal', () => {
    expect(clip('abcdef', 4)).toBe('abc…');
    expect(clip('abcd', 4)).toBe('abcd');
  });
});

describe('a log line for people', () => {
  it('has time, level, who, message and fields', () => {
    const json =
      '{"level":"warn","time":"2026-11-24T12:00:01.5Z","program":"connector","pod":"c-0","msg":"lost","team":"T1"}';
    expect(forPeople(json)).toEqual({ text: '12:00:01 WARN c-0: lost team=T1', loud: true });
  });

  it('stands out from warnings on, and when it is not a log line at all', () => {
    expect(forPeople('{"level":"info","msg":"x"}').loud).toBe(false);
    expect(forPeople('Segmentation fault\x1b[0m')).toEqual({ text: 'Segmentation fault', loud: true });
  });
});

describe('a screen', () => {
  const written: string[] = [];
  const terminal = { columns: 20, rows: 4, isTTY: true, write: (text: string) => written.push(text) > 0 };

  it('draws its block in place, lines above it, and no more than fits', () => {
    const screen = new Screen(terminal, 60_000);
    screen.show(['one', 'two', 'three', 'four']);
    screen.print('news');
    expect(written.splice(0)).toEqual(['news\none\ntwo\nthree\n']);
    screen.show(['1']);
    screen.end();
    expect(written.splice(0)).toEqual(['\x1b[3A\r\x1b[J1\n']);
  });
});
