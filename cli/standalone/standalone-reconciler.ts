import type { Clock } from '../../core/process/clock.ts';
import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { Desired, Want } from '../../operator/fleet/desired.ts';
import type { FleetView } from '../../operator/fleet/fleet-view.ts';
import type { OwnerKind } from '../../operator/kinds/owner-reconciler.ts';
import { OwnerRecords } from '../../operator/kinds/owner-records.ts';
import { withRefusal } from '../../operator/kinds/refusal-verdict.ts';
import { judgeRotated } from '../../operator/kinds/rotated-verdict.ts';
import { slackAppKind, slackAppOwners } from '../../operator/kinds/slackapp/slackapp-kind.ts';
import { slackBotKind } from '../../operator/kinds/slackbot/slackbot-kind.ts';
import { slackBotOwners } from '../../operator/kinds/slackbot/slackbot-owners.ts';
import { fleetFacts } from '../../operator/kinds/socket-conditions.ts';
import { decide, decideDeletion, type Situation } from '../../operator/kinds/wanted.ts';
import { keyOf } from '../../operator/kube/object.ts';
import { compareAge } from '../../operator/reconcile/age.ts';
import { DesiredState } from '../../operator/reconcile/desired-state.ts';
import type { Kind } from '../../operator/reconcile/kind.ts';
import type { OtherObjects } from '../../operator/reconcile/kind-controller.ts';
import type { SecretRead } from '../../operator/reconcile/secret-read.ts';
import type { Rotation } from '../../operator/rotation/rotations.ts';
import type { ConditionedStatus } from '../../operator/status/conditions.ts';
import type { KindObject } from '../../operator/status/status-kind.ts';
import type { ManifestSecret } from './manifests/manifest.ts';
import type { Registered, Registration } from './objects/object-registry.ts';

/** One reading of the directory, as objects that an API server could hold. */
export interface Objects extends Pick<Registration, 'bots' | 'apps'> {
  secrets: readonly ManifestSecret[];
  /** False: what is missing may be there (DirectoryContent). */
  complete: boolean;
}

export interface StandaloneReconcilerOptions {
  planner: { view(): FleetView; nudge(): void };
  /** Left out: tokens are used as they are. */
  rotation?: Rotation | undefined;
  clock: Clock;
}

/** A kind, and the decisions about its objects. */
interface ServedKind {
  kind: Kind;
  owners: OwnerKind<KindObject>;
}

interface Entry extends ServedKind {
  object: KindObject;
  /** It is no longer in the directory, and sockets of it may still be open. */
  isRemoved: boolean;
  status: ConditionedStatus | undefined;
  /** When to decide again even if nothing changes; monotonic. */
  dueMs: number;
}

/** Owner uid -> line of `relax status`; undefined for an object that is gone. */
export type SummaryChanges = Map<string, BotSummary | undefined>;

/**
 * Brings each object of the directory to what is desired of the fleet, and back from the fleet to its status: the operator's
 * decisions (`OwnerKind`, `wanted.ts`) with a directory in place of an API server, and in nothing else another than its
 * reconciler.
 */
export class StandaloneReconciler {
  readonly #options: StandaloneReconcilerOptions;
  readonly #desired = new DesiredState();
  readonly #records = new OwnerRecords();
  readonly #entries = new Map<string, Entry>();
  /** Kind and `namespace/name` -> entry; of two with one name, the one in the directory. */
  readonly #named = new Map<string, Entry>();
  readonly #apps: ServedKind;
  readonly #bots: ServedKind;
  #secrets: ReadonlyMap<string, Record<string, string>> = new Map();
  #complete = false;
  #facts = '';
  /** Since they were last asked for. */
  #lines: SummaryChanges = new Map();

  constructor(options: StandaloneReconcilerOptions) {
    this.#options = options;
    const others = (kind: string): OtherObjects => this.#othersOf(kind);
    const parts = { planner: options.planner, desired: this.#desired, others };
    this.#apps = { kind: slackAppKind, owners: slackAppOwners(parts) };
    this.#bots = { kind: slackBotKind, owners: slackBotOwners(parts) };
  }

  desired(): Desired {
    const desired = this.#desired.value();
    return { ...desired, synced: desired.synced && this.#complete };
  }

  take({ apps, bots, secrets, complete }: Objects): void {
    this.#complete = complete;
    this.#secrets = new Map(
      secrets.map((secret) => [`${secret.metadata.namespace}/${secret.metadata.name}`, secret.data]),
    );
    this.#desired.begin([]);
    // Apps first, since the verdict on a bot may depend on its app.
    const present = [...this.#enter(this.#apps, apps), ...this.#enter(this.#bots, bots)];
    // One that takes over is known before the one that it takes over from goes.
    const closing = [...this.#entries.values()].filter(({ isRemoved }) => isRemoved).map(({ object }) => object);
    this.#reconcile([...present, ...closing].map(({ metadata }) => metadata.uid));
  }

  /** @returns those in the directory; the older of two comes before the younger */
  #enter(served: ServedKind, { present, removed }: Registered): KindObject[] {
    for (const object of present) {
      const before = this.#entries.get(object.metadata.uid);
      const status = before?.isRemoved === true ? undefined : before?.status;
      this.#put({ ...served, object, isRemoved: false, status, dueMs: Number.POSITIVE_INFINITY });
    }
    for (const object of removed) {
      const status = this.#entries.get(object.metadata.uid)?.status;
      this.#put({ ...served, object, isRemoved: true, status, dueMs: Number.POSITIVE_INFINITY });
    }
    return [...present].sort((a, b) => compareAge(a.metadata, b.metadata));
  }

  #put(entry: Entry): void {
    const { uid } = entry.object.metadata;
    const name = nameOf(entry);
    const namesake = this.#named.get(name);
    const isOther = namesake !== undefined && namesake.object.metadata.uid !== uid;
    if (!(entry.isRemoved && isOther && !namesake.isRemoved)) this.#named.set(name, entry);
    this.#entries.set(uid, entry);
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
    const { planner, clock, rotation } = this.#options;
    const { object, kind, owners } = entry;
    const { uid } = object.metadata;
    const view = planner.view();
    const judged = judgeRotated(owners, object, this.#secretOf(entry), { rotation, view });
    const { verdict, isRefused } = withRefusal(judged, view.refused?.get(uid), {
      generation: object.metadata.generation,
      use: owners.tokenUseOf(object),
    });
    this.#desired.setRefused(uid, isRefused);
    const situation = this.#situationOf(entry);
    const { want, duplicateOf, lookAgainMs, record } = decide(situation, verdict);
    const affected = [...this.#records.put(uid, record), ...this.#desire(object, want)];
    entry.dueMs = situation.nowMs + (lookAgainMs ?? Number.POSITIVE_INFINITY);
    const before = entry.status;
    const fleet = fleetFacts(view);
    entry.status = owners.statusOf(object, { verdict, duplicateOf, fleet, previous: before, nowMs: clock.wallMs() });
    this.#lines.set(uid, kind.summaryOf(object, entry.status, view));
    return kind.urgencyOf(before, entry.status) === 'none' ? affected : [...affected, ...this.#dependentsOf(entry)];
  }

  #close(entry: Entry): string[] {
    const { object } = entry;
    const { uid } = object.metadata;
    const { settled, bots, routed } = this.#options.planner.view();
    const situation = this.#situationOf(entry);
    const view = { settled, hasOwner: bots.has(uid) || routed?.has(uid) === true };
    const { want, lookAgainMs, release, record } = decideDeletion(situation, { isHeld: true, view });
    const affected = [...this.#records.put(uid, record), ...this.#desire(object, want)];
    entry.dueMs = situation.nowMs + (lookAgainMs ?? Number.POSITIVE_INFINITY);
    this.#lines.set(uid, undefined);
    if (release === undefined) return affected;
    this.#desire(object, { kind: 'none' });
    this.#options.rotation?.release(uid);
    this.#desired.setRefused(uid, false);
    this.#records.forget(uid);
    this.#entries.delete(uid);
    if (this.#named.get(nameOf(entry)) === entry) this.#named.delete(nameOf(entry));
    return [...affected, ...this.#dependentsOf(entry)];
  }

  #situationOf({ object, owners }: Entry): Situation {
    const { planner, clock } = this.#options;
    const { uid } = object.metadata;
    return {
      owner: owners.ownerOf(object),
      record: this.#records.of(uid),
      ran: this.#desired.wanted(uid),
      routed: this.#desired.routed(uid),
      others: this.#records.others(planner.view()),
      nowMs: clock.monotonicMs(),
    };
  }

  /** @returns apps whose number of teams has changed by it */
  #desire({ metadata }: KindObject, want: Want | undefined): string[] {
    const { uid, generation } = metadata;
    const before = this.#desired.routed(uid)?.appUid;
    if (want !== undefined && this.#desired.set(uid, want, generation)) this.#options.planner.nudge();
    const after = this.#desired.routed(uid)?.appUid;
    return before === after ? [] : [before, after].flatMap((appUid) => appUid ?? []);
  }

  /** Those whose verdict depends on this object, which they name. */
  #dependentsOf({ kind, object }: Entry): string[] {
    const dependsOn = (other: Kind): boolean => other.dependency?.kind === kind.singular;
    // Most objects are bots, on which nothing depends.
    if (![this.#apps, this.#bots].some((served) => dependsOn(served.kind))) return [];
    const key = keyOf(object);
    return [...this.#entries].flatMap(([uid, { kind: other, object: named }]) => {
      const isNamed = dependsOn(other) && other.dependency?.keysOf(named).includes(key) === true;
      return isNamed ? [uid] : [];
    });
  }

  /** As in the operator, one that is being removed is there until its sockets are closed. */
  #othersOf(singular: string): OtherObjects {
    return {
      get: (key) => this.#named.get(`${singular} ${key}`)?.object,
      statusOf: ({ metadata }) => this.#entries.get(metadata.uid)?.status,
      // It may be in a file that could not be read so far.
      isListed: () => this.#complete,
    };
  }

  #secretOf({ object, owners }: Entry): SecretRead {
    const key = owners.wantedSecretOf(object)?.secretKey;
    const found = key === undefined ? undefined : this.#secrets.get(key);
    if (found !== undefined) return { kind: 'found', data: found, watched: true };
    const { namespace } = object.metadata;
    const remedy = `put a Secret of that name in namespace ${namespace} into a file of the bots directory`;
    // It may be in a file that could not be read so far.
    return this.#complete
      ? { kind: 'missing', remedy }
      : { kind: 'unreadable', why: 'it may be in a file that has problems, so fix that file first' };
  }
}

const nameOf = ({ kind, object }: Entry): string => `${kind.singular} ${keyOf(object)}`;
