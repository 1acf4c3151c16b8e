import type { BotSummary } from '../../core/bot-summary.ts';
import type { Log } from '../../core/log.ts';
import type { FleetView } from '../../operator/fleet/fleet-view.ts';
import { forPeople } from '../terminal/log-line.ts';
import { Screen, sizeOf, type Terminal } from '../terminal/screen.ts';
import { fleetBlock } from './fleet-block.ts';

/** Where standalone mode tells what it does. */
export interface Console {
  /** For the first lines. */
  say(text: string): void;
  /** A line of a connector's log, or of our own. */
  logLine(line: string): void;
  /** @param changed lines that differ from the last time */
  show(fleet: {
    bots: ReadonlyMap<string, BotSummary>;
    view: FleetView;
    faults: readonly string[];
    changed: readonly BotSummary[];
  }): void;
  end(): void;
}

/** A table that is drawn in place; of the logs only what is loud, above it. */
export class TerminalConsole implements Console {
  readonly #terminal: Terminal;
  readonly #screen: Screen;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#screen = new Screen(terminal);
  }

  say(text: string): void {
    this.#screen.print(text);
  }

  logLine(line: string): void {
    const { text, loud } = forPeople(line);
    if (loud) this.#screen.print(text);
  }

  show({ bots, view, faults }: Parameters<Console['show']>[0]): void {
    const rows = Math.max(3, sizeOf(this.#terminal).rowCount - view.pods.length - faults.length - 8);
    this.#screen.show(fleetBlock({ bots: [...bots.values()], pods: view.pods, faults, rows }));
  }

  end(): void {
    this.#screen.end();
  }
}

/** As many transitions at once are worth a line each. */
const FEW = 20;

/** Lines only: JSON, as they come. */
export class PlainConsole implements Console {
  readonly #write: (text: string) => void;
  readonly #log: Log;
  #sum = '';
  readonly #said = new Map<string, string>();

  constructor(write: (text: string) => void, log: Log) {
    this.#write = write;
    this.#log = log;
  }

  say(text: string): void {
    this.#log.info(text);
  }

  logLine(line: string): void {
    this.#write(`${line.trimEnd()}\n`);
  }

  show({ bots, view, changed }: Parameters<Console['show']>[0]): void {
    // A bot that is being looked at is no news yet.
    const news = changed.filter(
      (bot) => bot.reason !== 'Observing' && this.#said.get(bot.bot) !== `${bot.ready} ${bot.reason}`,
    );
    for (const bot of news) this.#said.set(bot.bot, `${bot.ready} ${bot.reason}`);
    if (news.length <= FEW)
      for (const { bot, ready, reason, message } of news) this.#log.info({ bot, ready, reason, message }, 'bot');
    const all = [...bots.values()];
    const sum = {
      bots: all.length,
      ready: all.filter(({ ready }) => ready).length,
      live: all.reduce((total, { live }) => total + live, 0),
      desired: all.reduce((total, { desired }) => total + desired, 0),
      pods: view.pods.map(({ pod, zone, state, live }) => `${pod} (${zone}) ${state} ${live}`),
    };
    const text = JSON.stringify(sum);
    if (text !== this.#sum) this.#log.info(sum, 'fleet');
    this.#sum = text;
  }

  end(): void {}
}
