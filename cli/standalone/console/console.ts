import type { Log } from '../../../core/process/log.ts';
import type { BotSummary } from '../../../core/protocol/bot-summary.ts';
import type { FleetView } from '../../../operator/fleet/fleet-view.ts';
import { waitWords } from '../../terminal/bot-table.ts';
import { wrap } from '../../terminal/columns.ts';
import { forPeople } from '../../terminal/log-line.ts';
import { Screen, sizeOf, type Terminal } from '../../terminal/screen.ts';
import { totalsOf } from '../../terminal/totals.ts';
import type { EventSummary } from '../connectors/event-totals.ts';
import type { FileChange } from '../manifests/bots-directory.ts';
import { fileChangeLines } from './file-changes.ts';
import { liveViewLines } from './live-view.ts';
import { type ShutdownSummary, shutdownLines } from './shutdown-summary.ts';

export interface FleetState {
  /** Owner uid -> line of a SlackBot or SlackApp. */
  lines: ReadonlyMap<string, BotSummary>;
  view: FleetView;
  faults: readonly string[];
  /** Lines that differ from the last time. */
  changed: readonly BotSummary[];
  queue: string;
  events: EventSummary;
  /** Redis time. */
  nowMs: number;
}

/** Where standalone mode shows what it does. */
export interface Console {
  /** For the first lines. */
  say(text: string): void;
  /** A line of a connector's log, or of our own. */
  logLine(line: string): void;
  files(changes: readonly FileChange[]): void;
  show(fleet: FleetState): void;
  /** The stop has begun. */
  stopping(text: string): void;
  /** Everything has ended. */
  stopped(summary: ShutdownSummary): void;
  end(): void;
}

/** A connector's word for a refused bot; here its row says the same, for as long as it is true. */
const TOLD_BY_THE_TABLE = '"msg":"socket state changed"';

/** A table that is drawn in place, with only warnings and errors of the logs above it. */
export class TerminalConsole implements Console {
  readonly #terminal: Terminal;
  readonly #screen: Screen;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#screen = new Screen(terminal);
  }

  say(text: string): void {
    const { columnCount } = sizeOf(this.#terminal);
    for (const line of wrap(text, columnCount - 1)) this.#screen.print(line);
  }

  logLine(line: string): void {
    const { text, loud } = forPeople(line);
    if (loud && !line.includes(TOLD_BY_THE_TABLE)) this.say(text);
  }

  files(changes: readonly FileChange[]): void {
    for (const line of fileChangeLines(changes)) this.say(line);
  }

  show({ lines, view, faults, queue, events, nowMs }: FleetState): void {
    const size = sizeOf(this.#terminal);
    const live = { lines: [...lines.values()], pods: view.pods, faults, queue, events, nowMs, size };
    this.#screen.show(liveViewLines(live));
  }

  /** Removes the table, since what it shows is over. */
  stopping(text: string): void {
    this.#screen.show([]);
    this.say(text);
  }

  stopped(summary: ShutdownSummary): void {
    for (const line of shutdownLines(summary)) this.say(line);
  }

  end(): void {
    this.#screen.end();
  }
}

/** Up to this many transitions at once get a line each. */
const FEW = 20;
/** Not ready, but nothing to do for anybody: work in progress, or as requested. */
const QUIET_REASONS: ReadonlySet<string> = new Set(['Placing', 'Connecting', 'Closing', 'Suspended']);

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

  files(changes: readonly FileChange[]): void {
    if (changes.length > FEW) this.#log.info({ files: fileChangeLines(changes) }, 'bots files');
    else
      for (const { path, kind, bots, apps, secrets, problems } of changes)
        this.#log.info({ path, kind, bots, apps, secrets, problems }, 'bots file');
  }

  show({ lines, view, changed, nowMs }: FleetState): void {
    // A bot that is still being observed is not reported yet, unless it waits.
    const news = changed.filter(
      (bot) =>
        (bot.reason !== 'Observing' || waitWords(bot, nowMs) !== '') &&
        this.#said.get(keyOf(bot)) !== this.#gist(bot, nowMs),
    );
    for (const bot of news) this.#said.set(keyOf(bot), this.#gist(bot, nowMs));
    if (news.length <= FEW) for (const bot of news) this.#tell(bot, nowMs);
    else this.#tellMany(news);
    const { apps, bots, live, desired } = totalsOf(lines.values());
    const sum = {
      ...(apps.total > 0 && { apps: apps.total, appsReady: apps.ready }),
      bots: bots.total,
      ready: bots.ready,
      live,
      desired,
      pods: view.pods.map(({ pod, zone, state, live }) => `${pod} (${zone}) ${state} ${live}`),
    };
    const text = JSON.stringify(sum);
    if (text !== this.#sum) this.#log.info(sum, 'fleet');
    this.#sum = text;
  }

  stopping(text: string): void {
    this.say(text);
  }

  stopped(summary: ShutdownSummary): void {
    this.#log.info({ ...summary, words: shutdownLines(summary).join(' ') }, 'stopped');
  }

  end(): void {}

  /** For each wait, its end is printed once. */
  #gist(bot: BotSummary, nowMs: number): string {
    const waits = waitWords(bot, nowMs) !== '';
    return `${bot.ready} ${bot.reason} ${waits ? bot.waitUntilMs : ''}`;
  }

  #tell(bot: BotSummary, nowMs: number): void {
    const { bot: name, appID, ready, reason, message } = bot;
    const noun = appID === undefined ? 'bot' : 'app';
    const wait = waitWords(bot, nowMs);
    const level = ready || QUIET_REASONS.has(reason) ? 'info' : 'warn';
    const fields = { [noun]: name, ready, reason, message };
    this.#log[level](wait === '' ? fields : { ...fields, wait }, noun);
  }

  #tellMany(news: readonly BotSummary[]): void {
    const reasons: Record<string, number> = {};
    for (const { ready, reason } of news)
      if (!ready && !QUIET_REASONS.has(reason)) reasons[reason] = (reasons[reason] ?? 0) + 1;
    if (Object.keys(reasons).length > 0)
      this.#log.warn({ reasons }, 'many bots are not ready: "relax status" lists them');
  }
}

/** A bot and an app may have the same name. */
const keyOf = ({ bot, appID }: BotSummary): string => `${appID === undefined ? 'bot' : 'app'} ${bot}`;
