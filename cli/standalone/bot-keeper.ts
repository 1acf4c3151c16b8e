import type { SlackBotStatus } from '../../core/api/slackbot.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { Desired } from '../../operator/fleet/desired.ts';
import type { FleetView } from '../../operator/fleet/fleet-view.ts';
import { isLive } from '../../operator/kinds/slackbot/conditions.ts';
import {
  type CredentialsVerdict,
  judgeCredentials,
  type SecretRead,
} from '../../operator/kinds/slackbot/credentials.ts';
import { Claims } from '../../operator/kinds/slackbot/duplicates.ts';
import { socketSetOf } from '../../operator/kinds/slackbot/socket-set.ts';
import { fleetFacts, statusOf } from '../../operator/kinds/slackbot/status.ts';
import { summaryOf } from '../../operator/kinds/slackbot/summary.ts';
import { TAKEOVER_MS } from '../../operator/kinds/slackbot/takeover.ts';
import { DesiredState } from '../../operator/reconcile/desired-state.ts';
import type { StandaloneBot } from './bot-book.ts';
import type { ManifestSecret } from './manifest.ts';

/** One reading of the directory, in the terms of the operator. */
export interface Reading {
  bots: readonly StandaloneBot[];
  secrets: readonly ManifestSecret[];
  removed: readonly StandaloneBot[];
  complete: boolean;
}

/** The operator's judgements without an API server: from a reading to what is desired, from a view to statuses. */
export class BotKeeper {
  readonly #desired = new DesiredState();
  readonly #claims = new Claims();
  #bots = new Map<string, StandaloneBot>();
  readonly #verdicts = new Map<string, CredentialsVerdict>();
  readonly #statuses = new Map<string, SlackBotStatus>();
  /** Removed, and sockets of it may still be open. */
  readonly #closing = new Set<string>();
  /** Removed, and going on until a socket of the bot that takes over is live: a SlackBot that was renamed loses nothing. */
  readonly #yielding = new Map<string, { generation: number; heirs: readonly string[]; sinceMs: number | undefined }>();
  /** Judged anew, and not seen since. */
  readonly #fresh = new Set<string>();
  #complete = false;
  #facts = '';

  desired(): Desired {
    const desired = this.#desired.value();
    return { ...desired, synced: desired.synced && this.#complete };
  }

  /** Takes a reading. What `desired` gives may be new afterwards. */
  take({ bots, secrets, removed, complete }: Reading): void {
    this.#complete = complete;
    const data = new Map(
      secrets.map(({ metadata, data: values }) => [`${metadata.namespace}/${metadata.name}`, values]),
    );
    this.#bots = new Map(bots.map((bot) => [bot.metadata.uid, bot]));
    this.#desired.begin([]);
    for (const bot of bots) this.#judge(bot, data);
    for (const { metadata } of removed) this.#remove(metadata.uid, metadata.generation);
    for (const bot of bots) this.#want(bot);
  }

  /**
   * To be called from time to time, also when nothing changed.
   * @param changed uids whose part of the view is new
   * @returns uid -> line of what has changed; undefined for a bot that is gone
   */
  see(changed: ReadonlySet<string>, view: FleetView, nowMs: number): Map<string, BotSummary | undefined> {
    const lines = new Map<string, BotSummary | undefined>();
    for (const [uid, { generation, heirs, sinceMs = nowMs }] of this.#yielding) {
      lines.set(uid, undefined);
      this.#yielding.set(uid, { generation, heirs, sinceMs });
      const isLate = Math.abs(nowMs - sinceMs) >= TAKEOVER_MS;
      if (isLate || heirs.some((heir) => view.bots.get(heir)?.slots.some(isLive))) this.#stop(uid, generation);
    }
    for (const uid of this.#closing) {
      lines.set(uid, undefined);
      if (!view.settled || view.bots.has(uid)) continue;
      this.#desired.none(uid);
      this.#closing.delete(uid);
    }
    const fleet = fleetFacts(view);
    const facts = JSON.stringify(fleet);
    const all = facts !== this.#facts;
    this.#facts = facts;
    for (const bot of this.#bots.values()) {
      const { uid } = bot.metadata;
      const verdict = this.#verdicts.get(uid);
      if (verdict === undefined || !(all || changed.has(uid) || this.#fresh.has(uid))) continue;
      const previous = this.#statuses.get(uid);
      const duplicateOf = this.#claims.duplicateOf(uid);
      const status = statusOf({ bot, verdict, duplicateOf, view: view.bots.get(uid), fleet, previous, nowMs });
      this.#statuses.set(uid, status);
      lines.set(uid, summaryOf(bot, status, view.bots.get(uid)));
    }
    this.#fresh.clear();
    return lines;
  }

  #judge(bot: StandaloneBot, data: ReadonlyMap<string, Record<string, string>>): void {
    const { uid, namespace, name, creationTimestamp } = bot.metadata;
    this.#closing.delete(uid);
    this.#yielding.delete(uid);
    this.#fresh.add(uid);
    const secret = this.#secretOf(bot, data);
    const verdict = judgeCredentials(bot.spec, secret);
    this.#verdicts.set(uid, verdict);
    if (verdict.kind === 'unknown') return;
    const { teamID } = bot.spec;
    const tokenDigest = verdict.kind === 'valid' ? verdict.digest : '';
    const claim = { uid, namespace, name, creationTimestamp, teamID, tokenDigest };
    this.#claims.set(uid, verdict.kind === 'valid' ? claim : undefined);
  }

  #secretOf(bot: StandaloneBot, data: ReadonlyMap<string, Record<string, string>>): SecretRead {
    const found = data.get(`${bot.metadata.namespace}/${bot.spec.credentials?.secretRef.name ?? ''}`);
    if (found !== undefined) return { kind: 'found', data: found, watched: true };
    const remedy = `put a Secret of that name in namespace ${bot.metadata.namespace} into a file of the bots directory`;
    // It may stand in a file that could not be read so far.
    return this.#complete
      ? { kind: 'missing', remedy }
      : { kind: 'unreadable', why: 'it may stand in a file that has problems, so mend that file first' };
  }

  #want(bot: StandaloneBot): void {
    const { uid, generation } = bot.metadata;
    const verdict = this.#verdicts.get(uid);
    if (verdict === undefined) return;
    if (bot.spec.suspend === true) this.#desired.stop(uid, { why: 'suspended', generation });
    else if (this.#claims.duplicateOf(uid) !== undefined || verdict.kind === 'invalid') this.#desired.none(uid);
    else if (verdict.kind === 'valid') {
      this.#desired.run({ set: socketSetOf(bot, verdict.digest), token: verdict.token });
    } else this.#desired.unknown(uid);
  }

  #remove(uid: string, generation: number): void {
    const heirs = this.#claims.set(uid, undefined).filter((heir) => this.#bots.get(heir)?.spec.suspend !== true);
    this.#verdicts.delete(uid);
    this.#statuses.delete(uid);
    if (heirs.length === 0 || this.#desired.wanted(uid) === undefined) this.#stop(uid, generation);
    else this.#yielding.set(uid, { generation, heirs, sinceMs: undefined });
  }

  #stop(uid: string, generation: number): void {
    this.#yielding.delete(uid);
    this.#desired.stop(uid, { why: 'deleted', generation });
    this.#closing.add(uid);
  }
}
