import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { Desired } from '../../operator/fleet/desired.ts';
import { rfc3339 } from '../../operator/kinds/slackbot/status.ts';
import { type Book, type Floors, type StandaloneBot, turn } from './bot-book.ts';
import type { DirectoryContent } from './bots-directory.ts';
import { describeProblem } from './manifest.ts';
import {
  StandaloneReconciler,
  type StandaloneReconcilerOptions,
  type SummaryChanges,
} from './standalone-reconciler.ts';

/** All that standalone mode knows of its bots: from the directory, and from the fleet. Plain state, no I/O. */
export class Roster {
  readonly #options: StandaloneReconcilerOptions;
  readonly #reconciler: StandaloneReconciler;
  readonly #lines = new Map<string, BotSummary>();
  #book: Book;
  #bots: readonly StandaloneBot[] | undefined;
  #problems: readonly string[] = [];
  #taken = false;

  constructor(book: Book, options: StandaloneReconcilerOptions) {
    this.#options = options;
    this.#reconciler = new StandaloneReconciler(options);
    this.#book = book;
  }

  get book(): Book {
    return this.#book;
  }

  /** In words with file, document, field and remedy. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Owner uid -> line of `relax status`. */
  get lines(): ReadonlyMap<string, BotSummary> {
    return this.#lines;
  }

  get size(): number {
    return this.#bots?.length ?? 0;
  }

  /** The directory was read, and holds neither a SlackBot nor anything that may be meant for one. */
  get empty(): boolean {
    return this.#taken && this.size === 0 && this.#problems.length === 0;
  }

  desired(): Desired {
    return this.#reconciler.desired();
  }

  /**
   * @param floors what Redis has of our bots
   * @returns problems that are new
   */
  take(content: Omit<DirectoryContent, 'news'>, floors: Floors): string[] {
    const { complete, secrets } = content;
    this.#taken = true;
    const next = turn({
      manifests: content.bots,
      book: this.#book,
      before: this.#bots,
      floors,
      complete,
      now: rfc3339(this.#options.clock.wallMs()),
    });
    this.#book = next.book;
    this.#bots = next.bots;
    this.#reconciler.take({ bots: next.bots, removed: next.removed, secrets, complete });
    const before = this.#problems;
    this.#problems = [...content.problems, ...next.problems].map(describeProblem);
    return this.#problems.filter((problem) => !before.includes(problem));
  }

  /**
   * To be called from time to time, also when nothing changed.
   * @param changed uids whose part of the planner's view is new
   * @returns what has changed since the last call
   */
  look(changed: ReadonlySet<string>): SummaryChanges {
    const lines = this.#reconciler.look(changed);
    for (const [uid, line] of lines) {
      if (line === undefined) this.#lines.delete(uid);
      else this.#lines.set(uid, line);
    }
    return lines;
  }
}
