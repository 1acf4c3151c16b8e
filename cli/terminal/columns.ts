import { stripVTControlCharacters } from 'node:util';

/** Columns of text, padded to their widest cell; the last one is not. Numbers are right-aligned. */
type Cell = string | number;

const GAP = '  ';
/** Where less is left for the last column, it goes below its row, which reads better than a ribbon of words. */
const LEAST_LAST = 40;
const BELOW = '    ';

/** @param columnCount of the terminal: the last column goes on in further lines below itself; none given: one line a row */
export function columns(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  columnCount = Number.POSITIVE_INFINITY,
): string[] {
  const table = columnGroups(head, rows, columnCount);
  return [table.head, ...table.rows.flat()];
}

/** As `columns`, row by row, for a reader that has room for some rows only. */
export function columnGroups(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  columnCount: number,
): { head: string; rows: string[][] } {
  const widths = head.map((title, at) => Math.max(width(title), ...rows.map((row) => width(text(row[at])))));
  const line = (cells: readonly (Cell | undefined)[]): string =>
    cells
      .map((cell, at) => pad(cell, widths[at] ?? 0, at === cells.length - 1))
      .join(GAP)
      .trimEnd();
  const last = head.length - 1;
  const indent = widths.slice(0, last).reduce((sum, each) => sum + each + GAP.length, 0);
  const group = (row: readonly (Cell | undefined)[]): string[] => {
    const whole = line(row);
    if (width(whole) <= columnCount) return [whole];
    const room = columnCount - indent;
    if (room < LEAST_LAST) {
      return [
        line(row.slice(0, last)),
        ...wrap(text(row[last]), columnCount - BELOW.length).map((part) => BELOW + part),
      ];
    }
    const [first = '', ...more] = wrap(text(row[last]), room);
    return [line([...row.slice(0, last), first]), ...more.map((part) => ' '.repeat(indent) + part)];
  };
  return { head: clip(line(head), columnCount), rows: rows.map(group) };
}

/** Lines of at most so many columns, broken between words; a word that is longer is broken where it must be. */
export function wrap(value: string, columnCount: number): string[] {
  const most = Math.max(1, columnCount);
  const lines: string[] = [];
  let line = '';
  for (const word of printable(value).split(' ')) {
    if (line !== '' && width(line) + 1 + width(word) > most) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
    for (; width(line) > most; line = line.slice(most)) lines.push(line.slice(0, most));
  }
  return line === '' && lines.length > 0 ? lines : [...lines, line];
}

/** Lines of which all but the first are set in a little. */
export const hanging = (value: string, columnCount: number): string[] =>
  wrap(value, columnCount - 2).map((line, at) => (at === 0 ? line : `  ${line}`));

/** Cuts a line to so many columns of a terminal, with a mark where something was cut. */
export function clip(line: string, columnCount: number): string {
  const plain = printable(line);
  return plain.length <= columnCount ? plain : `${plain.slice(0, Math.max(0, columnCount - 1))}…`;
}

/** Names and messages come from outside: none of them may move a cursor or end a line. */
export const printable = (value: string): string => stripVTControlCharacters(value).replaceAll(/\p{Cc}+/gu, ' ');

const text = (cell: Cell | undefined): string => (cell === undefined ? '' : printable(String(cell)));
const width = (value: string): number => value.length;

function pad(cell: Cell | undefined, columnWidth: number, isLast: boolean): string {
  const value = text(cell);
  if (typeof cell === 'number') return value.padStart(columnWidth);
  return isLast ? value : value.padEnd(columnWidth);
}
