import { stripVTControlCharacters } from 'node:util';

/** Columns of text, padded to their widest cell; the last one is not. Numbers are right-aligned. */
export type Cell = string | number;

const GAP = '  ';

export function columns(head: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const widths = head.map((title, at) => Math.max(width(title), ...rows.map((row) => width(text(row[at])))));
  const line = (cells: readonly (Cell | undefined)[]): string =>
    cells
      .map((cell, at) => pad(cell, widths[at] ?? 0, at === cells.length - 1))
      .join(GAP)
      .trimEnd();
  return [line(head), ...rows.map(line)];
}

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
