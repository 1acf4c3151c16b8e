import { errorText, type Log } from '../../core/log.ts';
import { botName, type SlackBotStatus } from '../../core/slackbot.ts';
import { systemTimers, type Timers } from '../../core/timers.ts';
import { type CredentialsVerdict, judgeCredentials } from '../bot/credentials.ts';
import { type Claim, Claims } from '../bot/duplicates.ts';
import { socketSetOf } from '../bot/socket-set.ts';
import { fleetFacts, statusOf } from '../bot/status.ts';
import { statusNotRun } from '../bot/status-not-run.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Outcome } from '../kube/controller.ts';
import { isKubeError } from '../kube/kube-error.ts';
import type { DesiredState } from './desired-state.ts';
import { hasFinalizer, removeFinalizer } from './finalizer.ts';
import { Ownership } from './ownership.ts';
import type { ObjectsView } from './resource-watch.ts';
import type { SecretReads } from './secret-reads.ts';
import { pathOf, type SlackBotObject } from './slackbot-object.ts';
import type { StatusWriter } from './status-writer.ts';
import { Succession } from './succession.ts';

export interface SlackBotReconcilerOptions {
  client: Pick<KubeClient, 'patch' | 'getMetadata'>;
  bots: ObjectsView<SlackBotObject>;
  secrets: SecretReads;
  desired: DesiredState;
  planner: { view(): FleetView; nudge(): void };
  status: Pick<StatusWriter, 'baseOf' | 'offer' | 'forget'>;
  /** Left out: no other operator sees these SlackBots. */
  ownership?: Ownership;
  /** Have these reconciled: another bot's change is news for them. */
  enqueue: (bots: readonly SlackBotObject[]) => void;
  /** A status was judged, written or not; undefined: the bot is gone. */
  onStatus?: (uid: string, judged: { bot: SlackBotObject; status: SlackBotStatus } | undefined) => void;
  log: Log;
  timers?: Timers;
}

/** How long the deletion of a SlackBot waits for its sockets to close. */
export const FINALIZER_PATIENCE_MS = 60_000;
/** How long a bot keeps the token that it had after its Secret is gone or wrong: tools replace a Secret by two calls. */
export const LOST_SECRET_MS = 60_000;
const LOOK_AGAIN_MS = 1_000;

interface Judged {
  verdict: CredentialsVerdict;
  againMs: number | undefined;
  error: unknown;
}

/** Brings one SlackBot from what it says to what is desired of the fleet, and back from the fleet to its status. */
export class SlackBotReconciler {
  readonly #options: SlackBotReconcilerOptions;
  readonly #timers: Timers;
  readonly #ownership: Ownership;
  readonly #claims = new Claims();
  readonly #succession: Succession;
  /** Key -> uid of the object that had this name when it was last looked at. */
  readonly #uids = new Map<string, string>();
  readonly #deletedAtMs = new Map<string, number>();
  readonly #lostSecretAtMs = new Map<string, number>();
  /** Key -> uid of objects that the server has listed and the watch has not brought yet. */
  readonly #awaited = new Map<string, string>();

  constructor(options: SlackBotReconcilerOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#ownership = options.ownership ?? new Ownership({ client: options.client, self: undefined, log: options.log });
    this.#succession = new Succession(options);
  }

  /** An object that exists, though our copy does not have it: nothing of it is removed before it has been judged. */
  expect(key: string, uid: string): void {
    this.#awaited.set(key, uid);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const bot = this.#options.bots.get(key);
    const before = this.#uids.get(key);
    if (before !== undefined && before !== bot?.metadata.uid) this.#gone(before);
    if (bot === undefined) {
      this.#uids.delete(key);
      return this.#lookFor(key, signal);
    }
    this.#uids.set(key, bot.metadata.uid);
    this.#awaited.delete(key);
    const foreign = this.#ownership.foreign(bot);
    if (foreign !== undefined) return this.#leave(bot, foreign);
    return bot.metadata.deletionTimestamp === undefined ? this.#keep(bot, signal) : this.#close(bot, signal);
  }

  async #keep(bot: SlackBotObject, signal: AbortSignal): Promise<Outcome> {
    const { uid } = bot.metadata;
    const judged = await this.#judge(bot, signal);
    const patienceMs = this.#patienceMs(bot, judged.verdict);
    if (patienceMs === undefined) this.#claim(bot, judged.verdict);
    const duplicateOf = this.#claims.duplicateOf(uid);
    let again = judged.againMs;
    let error = judged.error;
    try {
      const lookMs = await this.#want(bot, judged.verdict, { patienceMs, duplicateOf }, signal);
      again = earlier(again, lookMs);
      // Nothing is said of a bot that another operator may be claiming just now.
      if (!(await this.#ownership.take(bot, { finalizer: false, signal }))) {
        return { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
      }
    } catch (failure) {
      // What could not be prepared changes nothing for a bot that already runs.
      this.#desire(this.#options.desired.unknown(uid));
      error = failure;
    }
    this.#tell(bot, judged.verdict, duplicateOf);
    if (error !== undefined) return { kind: 'retry', error };
    return again === undefined ? { kind: 'done' } : { kind: 'requeueAfter', delayMs: again };
  }

  /** Another operator has it: what we have of it ends, without a fence, since events of the other's sockets count. */
  #leave(bot: SlackBotObject, message: string): Outcome {
    this.#gone(bot.metadata.uid);
    this.#options.onStatus?.(bot.metadata.uid, {
      bot,
      status: statusNotRun(bot, 'OtherOperator', this.#timers.wallMs(), message),
    });
    return { kind: 'done' };
  }

  async #judge(bot: SlackBotObject, signal: AbortSignal): Promise<Judged> {
    const { secrets } = this.#options;
    // What is not served needs no Secret.
    if (bot.spec.transport !== 'RTM') {
      return { verdict: judgeCredentials(bot.spec, { kind: 'missing' }), againMs: undefined, error: undefined };
    }
    try {
      const { secret, againMs } = await secrets.read(bot, signal);
      const verdict = judgeCredentials(bot.spec, secret);
      if (verdict.kind === 'valid') return { verdict, againMs, error: undefined };
      secrets.lookSooner(bot.metadata.uid);
      return { verdict, againMs: earlier(againMs, 30_000), error: undefined };
    } catch (error) {
      const verdict = judgeCredentials(bot.spec, { kind: 'unreadable', why: errorText(error) });
      return { verdict, againMs: undefined, error };
    }
  }

  /** Unknown leaves the claim as it was. A suspended bot keeps its claim, so that resuming it finds the same order. */
  #claim(bot: SlackBotObject, verdict: CredentialsVerdict): void {
    if (verdict.kind === 'unknown') return;
    const { uid, name, namespace, creationTimestamp } = bot.metadata;
    const { teamID } = bot.spec;
    const claim =
      verdict.kind === 'valid'
        ? { uid, name, namespace, creationTimestamp, teamID, tokenDigest: verdict.digest }
        : undefined;
    this.#enqueue(this.#claims.set(uid, claim));
  }

  /** @returns when to look again */
  async #want(
    bot: SlackBotObject,
    verdict: CredentialsVerdict,
    { patienceMs, duplicateOf }: { patienceMs: number | undefined; duplicateOf: Claim | undefined },
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { desired } = this.#options;
    const { uid, generation } = bot.metadata;
    if (bot.spec.suspend === true) {
      this.#desire(desired.stop(uid, { why: 'suspended', generation }));
      return undefined;
    }
    if (patienceMs !== undefined) {
      this.#keepToken(bot);
      return patienceMs;
    }
    if (duplicateOf !== undefined) {
      if (desired.wanted(uid) !== undefined && !this.#succession.mayEnd(uid, [duplicateOf.uid])) return LOOK_AGAIN_MS;
      this.#desire(desired.none(uid));
      return undefined;
    }
    this.#succession.forget(uid);
    switch (verdict.kind) {
      case 'valid':
        if (!(await this.#ownership.take(bot, { finalizer: true, signal }))) return LOOK_AGAIN_MS;
        this.#desire(desired.run({ set: socketSetOf(bot, verdict.digest), token: verdict.token }));
        return undefined;
      case 'invalid':
        this.#desire(desired.none(uid));
        return undefined;
      case 'unknown':
        this.#keepToken(bot);
        return undefined;
    }
    return verdict satisfies never;
  }

  /**
   * How long a bot whose Secret is gone or wrong still goes on with the token that it had; undefined: not at all. Until
   * then its claim stays as well, so that no other takes its place for a moment.
   */
  #patienceMs(bot: SlackBotObject, verdict: CredentialsVerdict): number | undefined {
    const { uid } = bot.metadata;
    if (verdict.kind !== 'invalid') this.#lostSecretAtMs.delete(uid);
    else if (verdict.reason !== 'TransportNotServed' && this.#options.desired.wanted(uid) !== undefined) {
      const nowMs = this.#timers.monotonicMs();
      const lostAtMs = this.#lostSecretAtMs.get(uid) ?? nowMs;
      this.#lostSecretAtMs.set(uid, lostAtMs);
      if (nowMs - lostAtMs < LOST_SECRET_MS) return lostAtMs + LOST_SECRET_MS - nowMs;
    }
    return undefined;
  }

  /** The rest of the spec counts at once; the token is the last that was known. */
  #keepToken(bot: SlackBotObject): void {
    const { desired } = this.#options;
    const before = desired.wanted(bot.metadata.uid);
    if (before === undefined) this.#desire(desired.unknown(bot.metadata.uid));
    else this.#desire(desired.run({ set: socketSetOf(bot, before.set.tokenDigest), token: before.token }));
  }

  async #close(bot: SlackBotObject, signal: AbortSignal): Promise<Outcome> {
    const { desired, planner, log, client } = this.#options;
    const { uid, generation } = bot.metadata;
    const heirs = this.#claims.set(uid, undefined);
    this.#enqueue(heirs);
    const nowMs = this.#timers.monotonicMs();
    const sinceMs = this.#deletedAtMs.get(uid) ?? nowMs;
    this.#deletedAtMs.set(uid, sinceMs);
    // A round that began before may still place it, and would not be seen in the view.
    const ran = desired.wanted(uid) !== undefined;
    if (ran && hasFinalizer(bot) && !this.#succession.mayEnd(uid, heirs)) {
      return { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
    }
    this.#desire(desired.stop(uid, { why: 'deleted', generation }));
    if (!hasFinalizer(bot)) return { kind: 'done' };
    const view = planner.view();
    // The view keeps an owner as long as a connector reports a socket of it.
    const closed = !ran && view.settled && !view.bots.has(uid);
    const patient = nowMs - sinceMs < FINALIZER_PATIENCE_MS;
    if (!closed && patient) return { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
    if (!closed) log.warn({ bot: botName(bot) }, 'sockets not seen closed in time, deleted all the same');
    const removed = await removeFinalizer(client, bot, { signal });
    return removed ? { kind: 'done' } : { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
  }

  /** The copy has no such object: it is gone, or the watch is behind. */
  async #lookFor(key: string, signal: AbortSignal): Promise<Outcome> {
    const uid = this.#awaited.get(key);
    if (uid === undefined) return { kind: 'done' };
    const cut = key.indexOf('/');
    const metadata = { namespace: key.slice(0, cut), name: key.slice(cut + 1) };
    try {
      const found = await this.#options.client.getMetadata(pathOf({ metadata } as SlackBotObject), { signal });
      if (found.metadata.uid === uid) return { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
    } catch (error) {
      if (!isKubeError(error, 'notFound')) return { kind: 'retry', error };
    }
    this.#awaited.delete(key);
    this.#gone(uid);
    return { kind: 'done' };
  }

  #gone(uid: string): void {
    const { desired, status, secrets, onStatus } = this.#options;
    this.#desire(desired.none(uid));
    this.#enqueue(this.#claims.set(uid, undefined));
    this.#deletedAtMs.delete(uid);
    this.#lostSecretAtMs.delete(uid);
    this.#succession.forget(uid);
    this.#ownership.forget(uid);
    status.forget(uid);
    secrets.forget(uid);
    onStatus?.(uid, undefined);
  }

  #tell(
    bot: SlackBotObject,
    verdict: CredentialsVerdict,
    duplicateOf: { namespace: string; name: string } | undefined,
  ): void {
    const { planner, status, onStatus } = this.#options;
    const view = planner.view();
    const judged = statusOf({
      bot,
      verdict,
      duplicateOf,
      view: view.bots.get(bot.metadata.uid),
      fleet: fleetFacts(view),
      previous: status.baseOf(bot),
      nowMs: this.#timers.wallMs(),
    });
    status.offer(bot, judged);
    onStatus?.(bot.metadata.uid, { bot, status: judged });
  }

  #desire(changed: boolean): void {
    if (changed) this.#options.planner.nudge();
  }

  #enqueue(uids: readonly string[]): void {
    if (uids.length > 0) this.#options.enqueue(uids.flatMap((uid) => this.#options.bots.byIndex('uid', uid)));
  }
}

const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
