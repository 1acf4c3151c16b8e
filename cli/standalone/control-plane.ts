import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { Desired } from '../../operator/fleet/desired.ts';
import { rfc3339 } from '../../operator/kube/timestamp.ts';
import { totalsOf } from '../terminal/totals.ts';
import type { DirectoryContent } from './manifests/bots-directory.ts';
import { describeProblem } from './manifests/manifest.ts';
import { type KnownGenerations, type ObjectRegistry, type Registration, register } from './objects/object-registry.ts';
import {
  StandaloneReconciler,
  type StandaloneReconcilerOptions,
  type SummaryChanges,
} from './standalone-reconciler.ts';

/**
 * The counterpart of the API server and the operator's reconciler in Kubernetes: the objects of the directory with uid,
 * generation and age, what is wanted of each, and the status of each. Plain state, no I/O.
 */
export class ControlPlane {
  readonly #options: StandaloneReconcilerOptions;
  readonly #reconciler: StandaloneReconciler;
  readonly #summaries = new Map<string, BotSummary>();
  #registry: ObjectRegistry;
  /** Of the last reading. */
  #registration: Registration | undefined;
  #problems: readonly string[] = [];

  constructor(registry: ObjectRegistry, options: StandaloneReconcilerOptions) {
    this.#options = options;
    this.#reconciler = new StandaloneReconciler(options);
    this.#registry = registry;
  }

  get registry(): ObjectRegistry {
    return this.#registry;
  }

  /** In words with file, document, field and remedy. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Owner uid -> line of `relax status`. */
  get summaries(): ReadonlyMap<string, BotSummary> {
    return this.#summaries;
  }

  /** SlackBots and SlackApps in the directory. */
  get counts(): { bots: number; apps: number } {
    const { bots, apps } = this.#registration ?? {};
    return { bots: bots?.present.length ?? 0, apps: apps?.present.length ?? 0 };
  }

  /** What is in the directory, and how much of it is ready. */
  totals(): Record<'apps' | 'bots', { ready: number; total: number }> {
    const { apps, bots } = totalsOf(this.#summaries.values());
    const { counts } = this;
    return { apps: { ready: apps.ready, total: counts.apps }, bots: { ready: bots.ready, total: counts.bots } };
  }

  /** The directory was read, and holds neither an object of ours nor anything that may be meant as one. */
  get empty(): boolean {
    const { bots, apps } = this.counts;
    return this.#registration !== undefined && bots + apps === 0 && this.#problems.length === 0;
  }

  desired(): Desired {
    return this.#reconciler.desired();
  }

  /**
   * @param known what Redis has of our objects
   * @returns problems that are new
   */
  take(content: Omit<DirectoryContent, 'changes'>, known: KnownGenerations): string[] {
    const { complete, secrets } = content;
    const next = register({
      manifests: content,
      registry: this.#registry,
      before: this.#registration,
      known,
      complete,
      now: rfc3339(this.#options.clock.wallMs()),
    });
    this.#registry = next.registry;
    this.#registration = next;
    this.#reconciler.take({ ...next, secrets, complete });
    const before = this.#problems;
    this.#problems = [...content.problems, ...next.apps.problems, ...next.bots.problems].map(describeProblem);
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
      if (line === undefined) this.#summaries.delete(uid);
      else this.#summaries.set(uid, line);
    }
    return lines;
  }
}
