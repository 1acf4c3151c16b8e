import { systemClock } from '../../core/process/clock.ts';
import { columns } from '../terminal/columns.ts';
import { Screen, type Terminal } from '../terminal/screen.ts';

/** What the view shows at one moment. */
export interface Moment {
  atMs: number;
  /** Events that Slack has sent. */
  sent: number;
  /** Events that the application has taken off the queue. */
  received: number;
  queueLength: number;
  /** Measured at the connectors (DuplicateMeter). */
  suppressed: number;
  /** zone -> live sockets, as the connectors last reported. */
  sockets: ReadonlyMap<string, number>;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(0).padStart(3)} s`;

/** The live view: at a terminal a block that is drawn in place, else a line for each second in which something changed. */
export class DemoView {
  readonly #write: (text: string) => void;
  readonly #screen: Screen | undefined;
  readonly #startMs = systemClock.monotonicMs();
  #last = '';

  constructor(terminal: Terminal) {
    this.#write = (text) => terminal.write(text);
    this.#screen = terminal.isTTY ? new Screen(terminal, 250) : undefined;
  }

  /** A step of the story. */
  say(text: string): void {
    const line = `${seconds(systemClock.monotonicMs() - this.#startMs)}  ${text}`;
    if (this.#screen === undefined) this.#write(`${line}\n`);
    else this.#screen.print(line);
  }

  show(moment: Moment): void {
    if (this.#screen !== undefined) {
      this.#screen.show(block(moment));
      return;
    }
    const line = row(moment);
    if (line !== this.#last) this.say(line);
    this.#last = line;
  }

  /** Text after the story. */
  end(text = ''): void {
    this.#screen?.end();
    this.#write(text);
  }
}

const socketWords = (sockets: ReadonlyMap<string, number>): string =>
  [...sockets].map(([zone, live]) => `${zone} ${live}`).join(', ');

const row = ({ sent, received, queueLength, suppressed, sockets }: Moment): string =>
  `sent ${sent}, received ${received}, queue length ${queueLength}, duplicates suppressed ${suppressed}, ` +
  `live sockets by zone: ${socketWords(sockets)}`;

const block = ({ sent, received, queueLength, suppressed, sockets }: Moment): string[] => [
  '',
  ...columns(
    ['EVENTS SENT', 'RECEIVED ONCE', 'DUPLICATES SUPPRESSED', 'QUEUE LENGTH', 'LIVE SOCKETS BY ZONE'],
    [[sent, received, suppressed, queueLength, socketWords(sockets)]],
  ),
  '',
];
