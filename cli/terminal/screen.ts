import type { WriteStream } from 'node:tty';
import { clip } from './columns.ts';

/** As much of a terminal as is needed. */
export type Terminal = Pick<WriteStream, 'write' | 'columns' | 'rows' | 'isTTY'>;

/** Not more often than a person can read, and than a slow connection can carry. */
const REDRAW_MS = 1_000;
const UP_AND_CLEAR = (lines: number): string => (lines === 0 ? '' : `\x1b[${lines}A\r\x1b[J`);

/** Some terminals say nothing of their size, and some say 0. */
export const sizeOf = ({ columns, rows }: Terminal): { columnCount: number; rowCount: number } => ({
  columnCount: columns || 80,
  rowCount: rows || 24,
});

/** A block of lines at the bottom of a terminal that is drawn again in place, with lines of a log running above it. */
export class Screen {
  readonly #terminal: Terminal;
  readonly #redrawMs: number;
  #wanted: readonly string[] = [];
  #drawn = 0;
  #shown = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal, redrawMs = REDRAW_MS) {
    this.#terminal = terminal;
    this.#redrawMs = redrawMs;
  }

  /** Shows this block from the next redraw on. Lines beyond the terminal's height are left out. */
  show(block: readonly string[]): void {
    this.#wanted = block;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#draw('');
    }, this.#redrawMs);
  }

  /** A line that stays, above the block. */
  print(line: string): void {
    this.#draw(`${line}\n`);
  }

  /** Draws what is wanted at once and leaves it there. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#draw('');
    this.#drawn = 0;
    this.#shown = '';
    this.#wanted = [];
  }

  #draw(above: string): void {
    const { columnCount, rowCount } = sizeOf(this.#terminal);
    const block = this.#wanted.slice(0, Math.max(1, rowCount - 1)).map((line) => `${clip(line, columnCount - 1)}\n`);
    const text = block.join('');
    if (above === '' && text === this.#shown) return;
    this.#terminal.write(UP_AND_CLEAR(this.#drawn) + above + text);
    this.#drawn = block.length;
    this.#shown = text;
  }
}
