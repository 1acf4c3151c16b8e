import type { SlackBotStatus } from '../../core/api/slackbot.ts';
import type { Clock } from '../../core/process/clock.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { Desired, Want } from '../../operator/fleet/desired.ts';
import type { FleetView } from '../../operator/fleet/fleet-view.ts';
import { OwnerRecords } from '../../operator/kinds/owner-records.ts';
import { type Apps, judgeAppRef } from '../../operator/kinds/slackbot/carrier.ts';
import { hasOwnSockets, judgeCredentials } from '../../operator/kinds/slackbot/credentials.ts';
import { type BotDocument, ownerOf } from '../../operator/kinds/slackbot/socket-set.ts';
import { statusOf } from '../../operator/kinds/slackbot/status.ts';
import { summaryOf } from '../../operator/kinds/slackbot/summary.ts';
import { fleetFacts } from '../../operator/kinds/socket-conditions.ts';
import { decide, decideDeletion, type Situation } from '../../operator/kinds/wanted.ts';
import { compareAge } from '../../operator/reconcile/age.ts';
import { DesiredState } from '../../operator/reconcile/desired-state.ts';
import type { SecretRead } from '../../operator/reconcile/secret-read.ts';
import type { ManifestSecret } from './manifests/manifest.ts';

/** One reading of the directory, as objects that an API server could hold. */
export interface Objects {
  bots: readonly BotDocument[];
  secrets: readonly ManifestSecret[];
  /** Bots of the reading before that are no longer in the directory. */
  removed: readonly BotDocument[];
  /** False: what is missing may be there (DirectoryContent). */
  complete: boolean;
}

export interface StandaloneReconcilerOptions {
  planner: { view(): FleetView; nudge(): void };
  clock: Clock;
}

interface Entry {
  bot: BotDocument;
  /** It is no longer in the directory, and sockets of it may still be open. */
  isRemoved: boolean;
  status: SlackBotStatus | undefined;
  /** When to decide again even if nothing changes; monotonic. */
  dueMs: number;
}

/** Owner uid -> line of `relax status`; undefined for a bot that is gone. */
export type SummaryChanges = Map<string, BotSummary | undefined>;

/**
 * Brings each bot of the directory to what is desired of the fleet, and back from the fleet to its status: the operator's
 * decisions (`wanted.ts`) with a directory in place of an API server, and in nothing else another than its reconciler.
 */
export class StandaloneReconciler {
  readonly #options: StandaloneReconcilerOptions;
  readonly #desired = new DesiredState();
  readonly #records = new OwnerRecords();
  readonly #entries = new Map<string, Entry>();
  #secrets: ReadonlyMap<string, Record<string, string>> = new Map();
  #complete = false;
  #facts = '';
  /** Since they were last asked for. */
  #lines: SummaryChanges = new Map();

  constructor(options: StandaloneReconcilerOptions) {
    this.#options = options;
  }

  desired(): Desired {
    const desired = this.#desired.value();
    return { ...desired, synced: desired.synced && this.#complete };
  }

  take({ bots, secrets, removed, complete }: Objects): void {
    this.#complete = complete;
    this.#secrets = new Map(secrets.map(({ metadata, data }) => [`${metadata.namespace}/${metadata.name}`, data]));
    this.#desired.begin([]);
    for (const bot of bots) {
      const before = this.#entries.get(bot.metadata.uid);
      const status = before?.isRemoved === true ? undefined : before?.status;
      this.#entries.set(bot.metadata.uid, { bot, isRemoved: false, status, dueMs: Number.POSITIVE_INFINITY });
    }
    for (const bot of removed) {
      const entry = { bot, isRemoved: true, status: undefined, dueMs: Number.POSITIVE_INFINITY };
      this.#entries.set(bot.metadata.uid, entry);
    }
    // The older of two is known before the younger; one that takes over, before the one that it takes over from goes.
    const closing = [...this.#entries.values()].filter(({ isRemoved }) => isRemoved).map(({ bot }) => bot);
    this.#reconcile([...[...bots].sort(byAge), ...closing].map(({ metadata }) => metadata.uid));
  }

  /**
   * To be called from time to time, also when nothing changed.
   * @param changed uids whose part of the view is new
   * @returns what has changed since the last call
   */
  look(changed: ReadonlySet<string>): SummaryChanges {
    const facts = JSON.stringify(fleetFacts(this.#options.planner.view()));
    const all = facts !== this.#facts;
    this.#facts = facts;
    const nowMs = this.#options.clock.monotonicMs();
    const due = [...this.#entries].filter(([uid, { dueMs }]) => all || changed.has(uid) || dueMs <= nowMs);
    this.#reconcile(due.map(([uid]) => uid));
    const lines = this.#lines;
    this.#lines = new Map();
    return lines;
  }

  /** These, and others for which they are news. */
  #reconcile(uids: readonly string[]): void {
    const waiting = new Set(uids);
    for (const uid of waiting) {
      waiting.delete(uid);
      const entry = this.#entries.get(uid);
      if (entry === undefined) continue;
      const affected = entry.isRemoved ? this.#close(entry) : this.#keep(entry);
      for (const other of affected) waiting.add(other);
    }
  }

  #keep(entry: Entry): string[] {
    const { planner, clock } = this.#options;
    const { bot } = entry;
    const { uid } = bot.metadata;
    const view = planner.view();
    const verdict = hasOwnSockets(bot.spec)
      ? judgeCredentials(bot.spec, this.#secretOf(bot))
      : judgeAppRef(bot, this.#apps());
    const situation = this.#situationOf(bot);
    const { want, duplicateOf, lookAgainMs, record } = decide(situation, verdict);
    const affected = this.#records.put(uid, record);
    this.#desire(bot, want);
    entry.dueMs = situation.nowMs + (lookAgainMs ?? Number.POSITIVE_INFINITY);
    entry.status = statusOf({
      bot,
      verdict,
      duplicateOf,
      view: view.bots.get(uid),
      fleet: fleetFacts(view),
      previous: entry.status,
      nowMs: clock.wallMs(),
    });
    this.#lines.set(uid, summaryOf(bot, entry.status, view.bots.get(uid)));
    return affected;
  }

  #close(entry: Entry): string[] {
    const { bot } = entry;
    const { uid } = bot.metadata;
    const { settled, bots } = this.#options.planner.view();
    const situation = this.#situationOf(bot);
    const view = { settled, hasOwner: bots.has(uid) };
    const { want, lookAgainMs, release, record } = decideDeletion(situation, { isHeld: true, view });
    const affected = this.#records.put(uid, record);
    this.#desire(bot, want);
    entry.dueMs = situation.nowMs + (lookAgainMs ?? Number.POSITIVE_INFINITY);
    this.#lines.set(uid, undefined);
    if (release !== undefined) {
      this.#desire(bot, { kind: 'none' });
      this.#records.forget(uid);
      this.#entries.delete(uid);
    }
    return affected;
  }

  #situationOf(bot: BotDocument): Situation {
    const { uid } = bot.metadata;
    return {
      owner: ownerOf(bot, undefined),
      record: this.#records.of(uid),
      ran: this.#desired.wanted(uid),
      wasRouted: this.#desired.routed(uid) !== undefined,
      others: this.#records.others(this.#options.planner.view()),
      nowMs: this.#options.clock.monotonicMs(),
    };
  }

  #desire({ metadata }: BotDocument, want: Want | undefined): void {
    if (want !== undefined && this.#desired.set(metadata.uid, want, metadata.generation)) this.#options.planner.nudge();
  }

  /** The directory has no SlackApps yet. */
  #apps(): Apps {
    return { get: () => undefined, statusOf: () => undefined, isListed: () => this.#complete };
  }

  #secretOf(bot: BotDocument): SecretRead {
    const found = this.#secrets.get(`${bot.metadata.namespace}/${bot.spec.credentials?.secretRef.name ?? ''}`);
    if (found !== undefined) return { kind: 'found', data: found, watched: true };
    const remedy = `put a Secret of that name in namespace ${bot.metadata.namespace} into a file of the bots directory`;
    // It may be in a file that could not be read so far.
    return this.#complete
      ? { kind: 'missing', remedy }
      : { kind: 'unreadable', why: 'it may be in a file that has problems, so fix that file first' };
  }
}

const byAge = (a: BotDocument, b: BotDocument): number => compareAge(a.metadata, b.metadata);
