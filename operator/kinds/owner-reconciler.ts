import { errorText } from '../../core/process/log.ts';
import type { Want } from '../fleet/desired.ts';
import type { Outcome } from '../kube/controller.ts';
import { keyOf } from '../kube/object.ts';
import type { Carrier } from '../reconcile/claim.ts';
import type { KindReconciler, ReconcilerParts } from '../reconcile/kind-controller.ts';
import type { Claim } from '../reconcile/rivals.ts';
import type { SecretRead } from '../reconcile/secret-read.ts';
import { REREAD_WRONG_MS, type WantedSecret } from '../reconcile/secret-reads.ts';
import type { KindObject, StatusOf } from '../status/status-kind.ts';
import type { CredentialsVerdict } from './credentials-verdict.ts';
import { OwnerRecords } from './owner-records.ts';
import { type TokenUse, withRefusal } from './refusal-verdict.ts';
import { judgeRotated, type RotationInSecret } from './rotated-verdict.ts';
import { type FleetFacts, fleetFacts } from './socket-conditions.ts';
import type { SocketOwner } from './socket-owner.ts';
import { decide, decideDeletion, LOOK_AGAIN_MS, type Situation } from './wanted.ts';

/** What is known of an object, besides the object. */
export interface JudgedOwner<S> {
  verdict: CredentialsVerdict;
  /** The object with the better claim on the same. */
  duplicateOf: Claim | undefined;
  fleet: FleetFacts;
  previous: S | undefined;
  /** Wall time. */
  nowMs: number;
}

/** What differs between kinds whose objects want sockets. */
export interface OwnerKind<O extends KindObject> {
  /** Undefined: it needs none. */
  wantedSecretOf(object: O): WantedSecret | undefined;
  /** @param secret `missing` where none is wanted */
  judgeCredentials(object: O, secret: SecretRead): CredentialsVerdict;
  /** Left out: nothing of it rotates. */
  rotationIn?(object: O, secret: SecretRead): RotationInSecret;
  /** For what its token is, so that a refusal of it is judged accordingly. */
  tokenUseOf(object: O): TokenUse;
  ownerOf(object: O): SocketOwner;
  statusOf(object: O, judged: JudgedOwner<StatusOf<O>>): StatusOf<O>;
  /** Whoever runs this one is to run the object as well. */
  carrierOf?(object: O): Carrier | undefined;
  statusNotRun(object: O, reason: 'OtherOperator', nowMs: number, message: string): StatusOf<O>;
}

interface Judged {
  verdict: CredentialsVerdict;
  againMs: number | undefined;
  error: unknown;
}

/**
 * Takes one object from its spec to what is desired of the fleet, and from the state of the fleet to its status. Every
 * operator process does this; only the leader writes to the API server.
 */
export class OwnerReconciler<O extends KindObject> implements KindReconciler {
  readonly #kind: OwnerKind<O>;
  readonly #parts: ReconcilerParts<O>;
  readonly #records: OwnerRecords;
  /** Key -> uid of the object that had this name when it was last reconciled. */
  readonly #uids = new Map<string, string>();

  constructor(kind: OwnerKind<O>, parts: ReconcilerParts<O>) {
    this.#kind = kind;
    this.#parts = parts;
    this.#records = new OwnerRecords(parts.rivals);
  }

  /** Must be called for each object that is gone, before its key is reconciled, which may be the first time. */
  deleted(key: string, uid: string): void {
    if (this.#uids.get(key) !== uid) this.#gone(uid);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { objects, ownership, leadership } = this.#parts;
    const object = objects.get(key);
    const before = this.#uids.get(key);
    if (before !== undefined && before !== object?.metadata.uid) this.#gone(before);
    if (object === undefined) {
      this.#uids.delete(key);
      return { kind: 'done' };
    }
    this.#uids.set(key, object.metadata.uid);
    const isDeleted = object.metadata.deletionTimestamp !== undefined;
    const carrier = isDeleted ? undefined : this.#kind.carrierOf?.(object);
    const foreign = ownership.foreign(object, leadership() !== undefined, carrier);
    if (foreign !== undefined) return this.#leave(object, foreign, signal);
    return isDeleted ? this.#close(object, signal) : this.#keep(object, signal);
  }

  async #keep(object: O, signal: AbortSignal): Promise<Outcome> {
    const { uid } = object.metadata;
    const judged = await this.#judge(object, signal);
    const verdict = this.#withRefusal(object, judged.verdict);
    const decision = decide(this.#situationOf(object), verdict);
    this.#enqueue(this.#records.put(uid, decision.record));
    let again = earlier(judged.againMs, decision.lookAgainMs);
    let error = judged.error;
    try {
      switch (decision.protectFirst ? await this.#protect(object, signal) : 'protected') {
        case 'protected':
          this.#desire(object, decision.want);
          break;
        case 'changed':
          again = earlier(again, LOOK_AGAIN_MS);
          break;
        case 'notOurs':
          // It is reconciled again when the leader has added the finalizer.
          this.#desire(object, { kind: 'unknown' });
          break;
      }
      // Another operator may just be claiming it, so nothing is written about it.
      if ((await this.#take(object, false, signal)) === 'changed') {
        return { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
      }
    } catch (failure) {
      // A failure here changes nothing for an object that already runs.
      this.#desire(object, { kind: 'unknown' });
      error = failure;
    }
    this.#tell(object, verdict, decision.duplicateOf);
    if (error !== undefined) return { kind: 'retry', error };
    return again === undefined ? { kind: 'done' } : { kind: 'requeueAfter', delayMs: again };
  }

  /** What connectors have learned of its token counts, too. */
  #withRefusal(object: O, verdict: CredentialsVerdict): CredentialsVerdict {
    const { desired, planner } = this.#parts;
    const { uid, generation } = object.metadata;
    const use = this.#kind.tokenUseOf(object);
    const judged = withRefusal(verdict, planner.view().refused?.get(uid), { generation, use });
    desired.setRefused(uid, judged.isRefused);
    return judged.verdict;
  }

  #situationOf(object: O): Situation {
    const { desired, planner, timers } = this.#parts;
    const { uid } = object.metadata;
    return {
      owner: this.#kind.ownerOf(object),
      record: this.#records.of(uid),
      ran: desired.wanted(uid),
      routed: desired.routed(uid),
      others: this.#records.others(planner.view()),
      nowMs: timers.monotonicMs(),
    };
  }

  /** Another operator runs it: our sockets close, without a fence, since events of the other operator's sockets count. */
  async #leave(object: O, message: string, signal: AbortSignal): Promise<Outcome> {
    const { timers, onStatus, leadership, ownership } = this.#parts;
    const { uid } = object.metadata;
    this.#parts.rotation?.leave(uid);
    this.#drop(uid);
    onStatus(uid, { object, status: this.#kind.statusNotRun(object, 'OtherOperator', timers.wallMs(), message) });
    const ours = leadership();
    if (ours === undefined) return { kind: 'done' };
    // The other claims it once nobody does.
    const ceded = await ownership.cede(object, AbortSignal.any([signal, ours.signal]));
    return ceded ? { kind: 'done' } : { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
  }

  async #judge(object: O, signal: AbortSignal): Promise<Judged> {
    const { secrets } = this.#parts;
    const wanted = this.#kind.wantedSecretOf(object);
    if (wanted === undefined) {
      const verdict = this.#judgeSecret(object, { kind: 'missing' });
      return { verdict, againMs: undefined, error: undefined };
    }
    try {
      const { secret, againMs } = await secrets.read(wanted, signal);
      const verdict = this.#judgeSecret(object, secret);
      if (verdict.kind === 'valid' && verdict.trouble === undefined) return { verdict, againMs, error: undefined };
      secrets.lookSooner(object.metadata.uid);
      return { verdict, againMs: earlier(againMs, REREAD_WRONG_MS), error: undefined };
    } catch (error) {
      const verdict = this.#judgeSecret(object, { kind: 'unreadable', why: errorText(error) });
      return { verdict, againMs: undefined, error };
    }
  }

  #judgeSecret(object: O, secret: SecretRead): CredentialsVerdict {
    const { rotation, planner } = this.#parts;
    return judgeRotated(this.#kind, object, secret, { rotation, view: planner.view() });
  }

  /** The claim and the finalizer come before the first socket: no object may be deleted while it has sockets. */
  async #protect(object: O, signal: AbortSignal): Promise<'protected' | 'changed' | 'notOurs'> {
    const { desired, ownership } = this.#parts;
    const { uid } = object.metadata;
    const taken = await this.#take(object, true, signal);
    if (taken !== 'notLeader') return taken === 'taken' ? 'protected' : 'changed';
    const runs = desired.wanted(uid) !== undefined || desired.routed(uid) !== undefined;
    return ownership.isHeld(object) || runs ? 'protected' : 'notOurs';
  }

  async #take(object: O, finalizer: boolean, signal: AbortSignal): Promise<'taken' | 'changed' | 'notLeader'> {
    const ours = this.#parts.leadership();
    if (ours === undefined) return 'notLeader';
    const options = { finalizer, signal: AbortSignal.any([signal, ours.signal]) };
    return (await this.#parts.ownership.take(object, options)) ? 'taken' : 'changed';
  }

  async #close(object: O, signal: AbortSignal): Promise<Outcome> {
    const { planner, log, leadership, ownership } = this.#parts;
    const { uid } = object.metadata;
    const { settled, bots, routed } = planner.view();
    const view = { settled, hasOwner: bots.has(uid) || routed?.has(uid) === true };
    const decision = decideDeletion(this.#situationOf(object), { isHeld: ownership.isHeld(object), view });
    this.#enqueue(this.#records.put(uid, decision.record));
    this.#desire(object, decision.want);
    const ours = leadership();
    const isYielding = decision.want === undefined;
    // The leader releases it.
    if (ours === undefined && !isYielding) return { kind: 'done' };
    if (decision.lookAgainMs !== undefined) return { kind: 'requeueAfter', delayMs: decision.lookAgainMs };
    if (decision.release === undefined || ours === undefined) return { kind: 'done' };
    if (decision.release === 'late') {
      log.warn({ object: keyOf(object) }, 'sockets not confirmed closed in time, deleting anyway');
    }
    const removed = await ownership.release(object, AbortSignal.any([signal, ours.signal]));
    return removed ? { kind: 'done' } : { kind: 'requeueAfter', delayMs: LOOK_AGAIN_MS };
  }

  #gone(uid: string): void {
    this.#parts.ownership.forget(uid);
    this.#parts.rotation?.release(uid);
    this.#drop(uid);
  }

  #drop(uid: string): void {
    const { leadership, secrets, onStatus } = this.#parts;
    this.#want(uid, { kind: 'none' });
    this.#parts.desired.setRefused(uid, false);
    this.#enqueue(this.#records.forget(uid));
    leadership()?.status.forget(uid);
    secrets.forget(uid);
    onStatus(uid, undefined);
  }

  #tell(object: O, verdict: CredentialsVerdict, duplicateOf: Claim | undefined): void {
    const { planner, leadership, timers, onStatus } = this.#parts;
    const status = leadership()?.status;
    const judged = this.#kind.statusOf(object, {
      verdict,
      duplicateOf,
      fleet: fleetFacts(planner.view()),
      previous: status === undefined ? (object.status as StatusOf<O> | undefined) : status.baseOf(object),
      nowMs: timers.wallMs(),
    });
    status?.offer(object, judged);
    onStatus(object.metadata.uid, { object, status: judged });
  }

  /** @param want undefined: as before */
  #desire(object: O, want: Want | undefined): void {
    const { uid, generation } = object.metadata;
    if (want !== undefined) this.#want(uid, want, generation);
  }

  #want(uid: string, want: Want, generation?: number): void {
    const { desired, planner } = this.#parts;
    const before = desired.routed(uid)?.appUid;
    if (desired.set(uid, want, generation)) planner.nudge();
    const after = desired.routed(uid)?.appUid;
    // The status of an app says how many teams it has.
    if (before !== after) this.#enqueue([before, after].flatMap((appUid) => appUid ?? []));
  }

  #enqueue(uids: readonly string[]): void {
    if (uids.length > 0) this.#parts.enqueue(uids);
  }
}

const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
