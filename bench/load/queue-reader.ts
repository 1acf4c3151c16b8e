import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { MARK, NUMBER_DIGITS, SENT_DIGITS } from './event-template.ts';

/** Items taken at once. */
const MOST = 2_000;
const DEFAULT_PAUSE_MS = 2;

/**
 * Takes the events of a load off the queue and notes for each how long it was on the way. It reads the answers of Redis itself,
 * and of an item the two numbers behind MARK only, since it must keep up with 20,000 a second beside what is measured.
 */
export class QueueReader {
  readonly #socket: Socket;
  readonly #pop: string;
  readonly #pauseMs: number;
  readonly #counts = new Uint8Array(20_000_000);
  #seen = 0;
  #doubled = 0;
  /** From sending to here, of those that were read since the last `latencies()`, in microseconds. */
  #latencies: number[] = [];
  #rest: Buffer = Buffer.alloc(0);
  /** Items of the answer that have not come yet; undefined: the answer has not begun. */
  #missing: number | undefined;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(socket: Socket, list: string, pauseMs: number) {
    this.#pauseMs = pauseMs;
    this.#socket = socket;
    this.#pop = `*3\r\n$4\r\nLPOP\r\n$${list.length}\r\n${list}\r\n$${String(MOST).length}\r\n${MOST}\r\n`;
    socket.on('data', (bytes) => this.#take(bytes));
  }

  /** Reads until `stop`. @param pauseMs between two looks at a list that was empty: as much too long a latency may be */
  static async start(port: number, list: string, pauseMs = DEFAULT_PAUSE_MS): Promise<QueueReader> {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    await once(socket, 'connect');
    const reader = new QueueReader(socket, list, pauseMs);
    reader.#ask();
    return reader;
  }

  /** Different events read so far. */
  get seen(): number {
    return this.#seen;
  }

  /** Read once more than once. */
  get doubled(): number {
    return this.#doubled;
  }

  /** Sorted; forgotten afterwards. */
  latencies(): number[] {
    const sorted = this.#latencies.sort((a, b) => a - b);
    this.#latencies = [];
    return sorted;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  #ask(): void {
    if (!this.#stopped) this.#socket.write(this.#pop);
  }

  #take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const nowMicros = Number(process.hrtime.bigint() / 1000n);
    let at = 0;
    let read = 0;
    while (at < bytes.length) {
      const end = bytes.indexOf('\r\n', at);
      if (end < 0) break;
      const length = Number(bytes.toString('latin1', at + 1, end));
      if (this.#missing === undefined) {
        if (bytes[at] !== 0x2a) throw new Error(`Redis: ${bytes.toString('latin1', at, end)}`);
        this.#missing = Math.max(length, 0);
        at = end + 2;
      } else {
        const from = end + 2;
        if (bytes.length < from + length + 2) break;
        this.#note(bytes.subarray(from, from + length), nowMicros);
        this.#missing -= 1;
        read += 1;
        at = from + length + 2;
      }
      if (this.#missing === 0) {
        this.#missing = undefined;
        if (read > 0) this.#ask();
        else this.#timer = setTimeout(() => this.#ask(), this.#pauseMs);
      }
    }
    this.#rest = bytes.subarray(at);
  }

  #note(item: Buffer, nowMicros: number): void {
    const at = item.indexOf(MARK);
    if (at < 0) return;
    const from = at + MARK.length;
    const number = Number(item.toString('latin1', from, from + NUMBER_DIGITS));
    const sentFrom = from + NUMBER_DIGITS + 1;
    const sentMicros = Number(item.toString('latin1', sentFrom, sentFrom + SENT_DIGITS));
    const count = this.#counts[number] ?? 0;
    this.#counts[number] = count + 1;
    if (count === 0) this.#seen += 1;
    else this.#doubled += 1;
    this.#latencies.push(nowMicros - sentMicros);
  }
}

/** @param sorted in ascending order @param share 0.5 for the median */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
