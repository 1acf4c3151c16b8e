import { botName, type SlackBotStatus } from '../../../core/api/slackbot.ts';
import { errorText, type Log } from '../../../core/process/log.ts';
import { systemTimers, type Timers } from '../../../core/process/timers.ts';
import type { Want } from '../../fleet/desired.ts';
import type { FleetView } from '../../fleet/fleet-view.ts';
import type { Outcome } from '../../kube/controller.ts';
import type { ObjectsView } from '../../kube/resource-watch.ts';
import type { DesiredState } from '../../reconcile/desired-state.ts';
import type { Leadership } from '../../reconcile/leader-term.ts';
import type { Ownership } from '../../reconcile/ownership.ts';
import { REREAD_WRONG_MS, type SecretReads } from '../../reconcile/secret-reads.ts';
import type { CredentialsVerdict } from '../credentials-verdict.ts';
import { fleetFacts, isLive } from '../socket-conditions.ts';
import { BotRecords } from './bot-records.ts';
import { judgeCredentials } from './credentials.ts';
import { type SlackBotObject, wantedSecretOf } from './slackbot-object.ts';
import { statusOf } from './status.ts';
import { statusNotRun } from './status-not-run.ts';
import { decide, decideDeletion, LOOK_AGAIN_MS, type Situation } from './wanted.ts';

interface SlackBotReconcilerOptions {
  bots: ObjectsView<SlackBotObject>;
  secrets: SecretReads;
  desired: DesiredState;
  planner: { view(): FleetView; nudge(): void };
  /** The right to write to the API server; undefined while another process has it. */
  leadership: () => Leadership<SlackBotObject> | undefined;
  ownership: Ownership<SlackBotObject>;
  /** Reconciles these bots as well: another bot's change concerns them. */
  enqueue: (bots: readonly SlackBotObject[]) => void;
  /** Called with each status that was judged, written or not; undefined: the bot is gone. */
  onStatus?: (uid: string, judged: { bot: SlackBotObject; status: SlackBotStatus } | undefined) => void;
  log: Log;
  timers?: Timers;
}

interface Judged {
  verdict: CredentialsVerdict;
  againMs: number | undefined;
  error: unknown;
}

/**
 * Takes one SlackBot from its spec to what is desired of the fleet, and from the state of the fleet to its status. Every
 * operator process does this; only the leader writes to the API server.
 */
export class SlackBotReconciler {
  readonly #options: SlackBotReconcilerOptions;
  readonly #timers: Timers;
  readonly #ownership: Ownership<SlackBotObject>;
  readonly #records = new BotRecords();
  /** Key -> uid of the object that had this name when it was last reconciled. */
  readonly #uids = new Map<string, string>();

  constructor(options: SlackBotReconcilerOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#ownership = options.ownership;
  }

  /** Must be called for each object that is gone, before its key is reconciled, which may be the first time. */
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
    const foreign = this.#ownership.foreign(bot, this.#options.leadership() !== undefined);
    if (foreign !== undefined) return this.#leave(bot, foreign);
    return bot.metadata.deletionTimestamp === undefined ? this.#keep(bot, signal) : this.#close(bot, signal);
  }

  async #keep(bot: SlackBotObject, signal: AbortSignal): Promise<Outcome> {
    const { uid } = bot.metadata;
    const judged = await this.#judge(bot, signal);
    const decision = decide(this.#situationOf(bot), judged.verdict);
    this.#enqueue(this.#records.put(uid, decision.record));
    let again = earlier(judged.againMs, decision.lookAgainMs);
    let error = judged.error;
    try {
      switch (decision.protectFirst ? await this.#protect(bot, signal) : 'protected') {
        case 'protected':
          this.#desire(bot, decision.want);
          break;
        case 'changed':
          again = earlier(again, LOOK_AGAIN_MS);
          break;
        case 'notOurs':
          // It is reconciled again when the leader has added the finalizer.
          this.#desire(bot, { kind: 'unknown' });
          break;
      }
      // Another operator may just be claiming it, so nothing is written about it.
      if ((await this.#take(bot, false, signal)) === 'changed') return { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
    } catch (failure) {
      // A failure here changes nothing for a bot that already runs.
      this.#desire(bot, { kind: 'unknown' });
      error = failure;
    }
    this.#tell(bot, judged.verdict, decision.duplicateOf);
    if (error !== undefined) return { kind: 'retry', error };
    return again === undefined ? { kind: 'done' } : { kind: 'requeueAfter', delayMs: again };
  }

  #situationOf(bot: SlackBotObject): Situation {
    const { desired, bots, planner } = this.#options;
    const { uid } = bot.metadata;
    const view = planner.view();
    return {
      bot,
      record: this.#records.of(uid),
      ran: desired.wanted(uid),
      others: {
        claimsOn: (claim) => this.#records.claimsOn(claim),
        mayRun: (other) => bots.byIndex('uid', other).some(mayRun),
        isLive: (other) => view.bots.get(other)?.slots.some(isLive) ?? false,
      },
      nowMs: this.#timers.monotonicMs(),
    };
  }

  /** Another operator runs it: our sockets close, without a fence, since events of the other operator's sockets count. */
  #leave(bot: SlackBotObject, message: string): Outcome {
    const { uid } = bot.metadata;
    this.#drop(uid);
    const status = statusNotRun(bot, 'OtherOperator', this.#timers.wallMs(), message);
    this.#options.onStatus?.(uid, { bot, status });
    return { kind: 'done' };
  }

  async #judge(bot: SlackBotObject, signal: AbortSignal): Promise<Judged> {
    const { secrets } = this.#options;
    // A transport that is not served needs no Secret.
    if (bot.spec.transport !== 'RTM') {
      return { verdict: judgeCredentials(bot.spec, { kind: 'missing' }), againMs: undefined, error: undefined };
    }
    try {
      const { secret, againMs } = await secrets.read(wantedSecretOf(bot), signal);
      const verdict = judgeCredentials(bot.spec, secret);
      if (verdict.kind === 'valid') return { verdict, againMs, error: undefined };
      secrets.lookSooner(bot.metadata.uid);
      return { verdict, againMs: earlier(againMs, REREAD_WRONG_MS), error: undefined };
    } catch (error) {
      const verdict = judgeCredentials(bot.spec, { kind: 'unreadable', why: errorText(error) });
      return { verdict, againMs: undefined, error };
    }
  }

  /** The claim and the finalizer come before the first socket: no SlackBot may be deleted while it has sockets. */
  async #protect(bot: SlackBotObject, signal: AbortSignal): Promise<'protected' | 'changed' | 'notOurs'> {
    const taken = await this.#take(bot, true, signal);
    if (taken !== 'notLeader') return taken === 'taken' ? 'protected' : 'changed';
    const isProtected = this.#ownership.isHeld(bot) || this.#options.desired.wanted(bot.metadata.uid) !== undefined;
    return isProtected ? 'protected' : 'notOurs';
  }

  async #take(
    bot: SlackBotObject,
    finalizer: boolean,
    signal: AbortSignal,
  ): Promise<'taken' | 'changed' | 'notLeader'> {
    const ours = this.#options.leadership();
    if (ours === undefined) return 'notLeader';
    const options = { finalizer, signal: AbortSignal.any([signal, ours.signal]) };
    return (await this.#ownership.take(bot, options)) ? 'taken' : 'changed';
  }

  async #close(bot: SlackBotObject, signal: AbortSignal): Promise<Outcome> {
    const { planner, log, leadership } = this.#options;
    const { uid } = bot.metadata;
    const { settled, bots } = planner.view();
    const view = { settled, hasBot: bots.has(uid) };
    const decision = decideDeletion(this.#situationOf(bot), { isHeld: this.#ownership.isHeld(bot), view });
    this.#enqueue(this.#records.put(uid, decision.record));
    this.#desire(bot, decision.want);
    const ours = leadership();
    const isYielding = decision.want === undefined;
    // The leader releases it.
    if (ours === undefined && !isYielding) return { kind: 'done' };
    if (decision.lookAgainMs !== undefined) return { kind: 'requeueAfter', delayMs: decision.lookAgainMs };
    if (decision.release === undefined || ours === undefined) return { kind: 'done' };
    if (decision.release === 'late')
      log.warn({ bot: botName(bot) }, 'sockets not confirmed closed in time, deleting anyway');
    const removed = await this.#ownership.release(bot, AbortSignal.any([signal, ours.signal]));
    return removed ? { kind: 'done' } : { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
  }

  #gone(uid: string): void {
    this.#ownership.forget(uid);
    this.#drop(uid);
  }

  #drop(uid: string): void {
    const { desired, planner, leadership, secrets, onStatus } = this.#options;
    if (desired.set(uid, { kind: 'none' })) planner.nudge();
    this.#enqueue(this.#records.forget(uid));
    leadership()?.status.forget(uid);
    secrets.forget(uid);
    onStatus?.(uid, undefined);
  }

  #tell(
    bot: SlackBotObject,
    verdict: CredentialsVerdict,
    duplicateOf: { namespace: string; name: string } | undefined,
  ): void {
    const { planner, leadership, onStatus } = this.#options;
    const status = leadership()?.status;
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

  /** @param want undefined: as before */
  #desire(bot: SlackBotObject, want: Want | undefined): void {
    const { desired, planner } = this.#options;
    const { uid, generation } = bot.metadata;
    if (want !== undefined && desired.set(uid, want, generation)) planner.nudge();
  }

  #enqueue(uids: readonly string[]): void {
    if (uids.length > 0) this.#options.enqueue(uids.flatMap((uid) => this.#options.bots.byIndex('uid', uid)));
  }
}

const mayRun = ({ metadata, spec }: SlackBotObject): boolean =>
  spec.suspend !== true && metadata.deletionTimestamp === undefined;

const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
