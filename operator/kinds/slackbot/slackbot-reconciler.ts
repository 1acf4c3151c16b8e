import { botName, type SlackBotStatus } from '../../../core/api/slackbot.ts';
import { errorText, type Log } from '../../../core/process/log.ts';
import { systemTimers, type Timers } from '../../../core/process/timers.ts';
import type { FleetView } from '../../fleet/fleet-view.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Outcome } from '../../kube/controller.ts';
import type { DesiredState } from '../../reconcile/desired-state.ts';
import { hasFinalizer, removeFinalizer } from '../../reconcile/finalizer.ts';
import { Ownership } from '../../reconcile/ownership.ts';
import type { ObjectsView } from '../../reconcile/resource-watch.ts';
import type { SecretReads } from '../../reconcile/secret-reads.ts';
import type { Office } from '../../reconcile/term.ts';
import { type CredentialsVerdict, judgeCredentials } from './credentials.ts';
import { type Claim, Claims } from './duplicates.ts';
import type { SlackBotObject } from './slackbot-object.ts';
import { socketSetOf } from './socket-set.ts';
import { fleetFacts, statusOf } from './status.ts';
import { statusNotRun } from './status-not-run.ts';
import { Takeover } from './takeover.ts';

export interface SlackBotReconcilerOptions {
  client: Pick<KubeClient, 'patch'>;
  bots: ObjectsView<SlackBotObject>;
  secrets: SecretReads;
  desired: DesiredState;
  planner: { view(): FleetView; nudge(): void };
  /** The right to write to the API server; undefined while another process has it. */
  office: () => Office | undefined;
  /** Left out: no other operator sees these SlackBots. */
  ownership?: Ownership;
  /** Have these reconciled: another bot's change is news for them. */
  enqueue: (bots: readonly SlackBotObject[]) => void;
  /** A status was judged, written or not; undefined: the bot is gone. */
  onStatus?: (uid: string, judged: { bot: SlackBotObject; status: SlackBotStatus } | undefined) => void;
  log: Log;
  timers?: Timers;
}

/**
 * How long the deletion of a SlackBot waits for its sockets to close: with time for another to be elected, it is gone
 * within a minute.
 */
export const FINALIZER_PATIENCE_MS = 45_000;
/** How long a bot keeps the token that it had after its Secret is gone or wrong: tools replace a Secret by two calls. */
export const LOST_SECRET_MS = 60_000;
const LOOK_AGAIN_MS = 1_000;

interface Judged {
  verdict: CredentialsVerdict;
  againMs: number | undefined;
  error: unknown;
}

/**
 * Brings one SlackBot from what it says to what is desired of the fleet, and back from the fleet to its status. Every
 * operator does; only the one in office writes.
 */
export class SlackBotReconciler {
  readonly #options: SlackBotReconcilerOptions;
  readonly #timers: Timers;
  readonly #ownership: Ownership;
  readonly #claims = new Claims();
  readonly #takeover: Takeover;
  /** Key -> uid of the object that had this name when it was last looked at. */
  readonly #uids = new Map<string, string>();
  readonly #deletedAtMs = new Map<string, number>();
  readonly #lostSecretAtMs = new Map<string, number>();

  constructor(options: SlackBotReconcilerOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#ownership = options.ownership ?? new Ownership({ client: options.client, self: undefined, log: options.log });
    this.#takeover = new Takeover(options);
  }

  /** To be told of each object that is gone, before its key is reconciled: one that was never looked at is not asked for. */
  deleted(key: string, uid: string): void {
    if (this.#uids.get(key) !== uid) this.#gone(uid);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const bot = this.#options.bots.get(key);
    const before = this.#uids.get(key);
    if (before !== undefined && before !== bot?.metadata.uid) this.#gone(before);
    if (bot === undefined) {
      this.#uids.delete(key);
      return { kind: 'done' };
    }
    this.#uids.set(key, bot.metadata.uid);
    const foreign = this.#ownership.foreign(bot, this.#options.office() !== undefined);
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
      if ((await this.#take(bot, false, signal)) === 'changed') return { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
    } catch (failure) {
      // What could not be prepared changes nothing for a bot that already runs.
      this.#desire(this.#options.desired.unknown(uid, bot.metadata.generation));
      error = failure;
    }
    this.#tell(bot, judged.verdict, duplicateOf);
    if (error !== undefined) return { kind: 'retry', error };
    return again === undefined ? { kind: 'done' } : { kind: 'requeueAfter', delayMs: again };
  }

  /** Another operator has it: what we have of it ends, without a fence, since events of the other's sockets count. */
  #leave(bot: SlackBotObject, message: string): Outcome {
    const { uid } = bot.metadata;
    this.#drop(uid);
    const status = statusNotRun(bot, 'OtherOperator', this.#timers.wallMs(), message);
    this.#options.onStatus?.(uid, { bot, status });
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
      if (desired.wanted(uid) !== undefined && !this.#takeover.mayEnd(uid, [duplicateOf.uid])) return LOOK_AGAIN_MS;
      this.#desire(desired.none(uid, generation));
      return undefined;
    }
    this.#takeover.forget(uid);
    switch (verdict.kind) {
      case 'valid':
        switch (await this.#protect(bot, signal)) {
          case 'protected':
            this.#desire(desired.run({ set: socketSetOf(bot, verdict.digest), token: verdict.token }));
            return undefined;
          case 'changed':
            return LOOK_AGAIN_MS;
          case 'notOurs':
            // The watch brings it when the one in office has put the finalizer on.
            this.#desire(desired.unknown(uid, generation));
            return undefined;
        }
        return undefined;
      case 'invalid':
        this.#desire(desired.none(uid, generation));
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
    if (before === undefined) this.#desire(desired.unknown(bot.metadata.uid, bot.metadata.generation));
    else this.#desire(desired.run({ set: socketSetOf(bot, before.set.tokenDigest), token: before.token }));
  }

  /** The claim and the finalizer come before the first socket, so that no deletion can pass a socket by. */
  async #protect(bot: SlackBotObject, signal: AbortSignal): Promise<'protected' | 'changed' | 'notOurs'> {
    const taken = await this.#take(bot, true, signal);
    if (taken !== 'notInOffice') return taken === 'taken' ? 'protected' : 'changed';
    const isProtected = hasFinalizer(bot) || this.#options.desired.wanted(bot.metadata.uid) !== undefined;
    return isProtected ? 'protected' : 'notOurs';
  }

  async #take(
    bot: SlackBotObject,
    finalizer: boolean,
    signal: AbortSignal,
  ): Promise<'taken' | 'changed' | 'notInOffice'> {
    const ours = this.#options.office();
    if (ours === undefined) return 'notInOffice';
    const options = { finalizer, signal: AbortSignal.any([signal, ours.signal]) };
    return (await this.#ownership.take(bot, options)) ? 'taken' : 'changed';
  }

  async #close(bot: SlackBotObject, signal: AbortSignal): Promise<Outcome> {
    const { desired, planner, log, client, office } = this.#options;
    const { uid, generation } = bot.metadata;
    const heirs = this.#claims.set(uid, undefined);
    this.#enqueue(heirs);
    const nowMs = this.#timers.monotonicMs();
    const sinceMs = this.#deletedAtMs.get(uid) ?? nowMs;
    this.#deletedAtMs.set(uid, sinceMs);
    // A round that began before may still place it, and would not be seen in the view.
    const ran = desired.wanted(uid) !== undefined;
    if (ran && hasFinalizer(bot) && !this.#takeover.mayEnd(uid, heirs)) {
      return { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
    }
    this.#desire(desired.stop(uid, { why: 'deleted', generation }));
    const ours = office();
    if (!hasFinalizer(bot) || ours === undefined) return { kind: 'done' };
    const view = planner.view();
    // The view keeps an owner as long as a connector reports a socket of it.
    const closed = !ran && view.settled && !view.bots.has(uid);
    const patienceMs = sinceMs + FINALIZER_PATIENCE_MS - nowMs;
    // After the round that knows of it, what changes in the view comes by itself.
    if (!closed && patienceMs > 0) return { kind: 'requeueAfter', delayMs: ran ? LOOK_AGAIN_MS : patienceMs };
    if (!closed) log.warn({ bot: botName(bot) }, 'sockets not seen closed in time, deleted all the same');
    const removed = await removeFinalizer(client, bot, { signal: AbortSignal.any([signal, ours.signal]) });
    return removed ? { kind: 'done' } : { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
  }

  #gone(uid: string): void {
    this.#ownership.forget(uid);
    this.#drop(uid);
  }

  #drop(uid: string): void {
    const { desired, office, secrets, onStatus } = this.#options;
    this.#desire(desired.none(uid));
    this.#enqueue(this.#claims.set(uid, undefined));
    this.#deletedAtMs.delete(uid);
    this.#lostSecretAtMs.delete(uid);
    this.#takeover.forget(uid);
    office()?.status.forget(uid);
    secrets.forget(uid);
    onStatus?.(uid, undefined);
  }

  #tell(
    bot: SlackBotObject,
    verdict: CredentialsVerdict,
    duplicateOf: { namespace: string; name: string } | undefined,
  ): void {
    const { planner, office, onStatus } = this.#options;
    const status = office()?.status;
    const view = planner.view();
    const judged = statusOf({
      bot,
      verdict,
      duplicateOf,
      view: view.bots.get(bot.metadata.uid),
      fleet: fleetFacts(view),
      previous: status === undefined ? bot.status : status.baseOf(bot),
      nowMs: this.#timers.wallMs(),
    });
    status?.offer(bot, judged);
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
