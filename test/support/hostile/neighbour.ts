import { waitFor } from '#test/support/wait.ts';
import type { HostileCertificates } from './certificates.ts';
import { message, wrapped } from './events.ts';
import { HostileSlack } from './hostile-slack.ts';
import type { Subject, SubjectView } from './subject.ts';

const EVERY_MS = 100;

export interface NeighbourEnd {
  events: number;
  /** How late its latest event was. */
  slowestMs: number;
  /** Events that never came. */
  lost: number;
  reconnects: number;
}

/** A healthy slot beside the others of a subject: an event comes to it every 100 ms, whatever befalls them. */
export class Neighbour {
  readonly #slack: HostileSlack;
  readonly #view: SubjectView;
  /** Number of an event -> when it was sent, and when it was offered. */
  readonly #sentAtMs: number[] = [];
  #isEnding = false;

  private constructor(slack: HostileSlack, view: SubjectView) {
    this.#slack = slack;
    this.#view = view;
  }

  static async start(subject: Subject, certificates: HostileCertificates): Promise<Neighbour> {
    let neighbour: Neighbour | undefined;
    const slack = await HostileSlack.start(
      {
        live(socket) {
          const timer = setInterval(() => {
            const n = neighbour?.sends();
            if (n === undefined) return;
            socket.text(wrapped('socketMode', socket.token, JSON.stringify(message(`n=${n}`)), `n-${n}`));
          }, EVERY_MS);
          socket.line.on('close', () => clearInterval(timer));
        },
      },
      certificates.good,
    );
    const [view] = subject.open('socketMode', slack.apiUrl());
    if (view === undefined) throw new Error('no slot was opened');
    neighbour = new Neighbour(slack, view);
    await view.until(({ state }) => state === 'live', 'live', 20_000);
    return neighbour;
  }

  /** @returns the next event's number; undefined once it is about to end */
  sends(): number | undefined {
    return this.#isEnding ? undefined : this.#sentAtMs.push(performance.now()) - 1;
  }

  async end(): Promise<NeighbourEnd> {
    // What is sent to a slot that stops goes to the next one of its token.
    this.#isEnding = true;
    const isHeard = (): boolean => this.#view.offered.length >= this.#sentAtMs.length;
    await waitFor(isHeard, { timeoutMs: 10_000 }).catch(() => undefined);
    await this.#view.stop();
    const heard = new Map<number, number>();
    for (const { text = '', atMs } of this.#view.offered) {
      const n = /"n=(\d+)"/.exec(text)?.[1];
      if (n !== undefined) heard.set(Number(n), atMs);
    }
    const delays = this.#sentAtMs.flatMap((sentMs, n) => (heard.has(n) ? [(heard.get(n) ?? 0) - sentMs] : []));
    const { sockets } = this.#slack;
    await this.#slack.stop();
    return {
      events: this.#sentAtMs.length,
      slowestMs: Math.round(Math.max(0, ...delays)),
      lost: this.#sentAtMs.length - delays.length,
      reconnects: sockets.length - 1,
    };
  }
}
