import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import type { KubeObject } from '../kube/object.ts';
import type { Indexers } from '../kube/store.ts';
import type { KindObject, StatusKind, StatusOf } from '../status/status-kind.ts';

/** Why no operator of ours runs an object: reasons that every kind can give in its conditions. */
export type NotRunReason = 'OperatorGone' | 'NotWatched' | 'OtherOperator';

/** Something about the fleet that concerns objects of a kind when it changes. */
export interface FleetFact<O extends KindObject = KindObject> {
  /** Equal texts are equal facts. */
  readonly text: string;
  concerns(object: O): boolean;
}

/** That the verdict on an object depends on objects of another kind, which it names. */
export interface Dependency<O extends KindObject = KindObject> {
  /** `Kind.singular` of the other. */
  readonly kind: string;
  /** Keys (`namespace/name`) of the objects that this one names. */
  keysOf(object: O): readonly string[];
}

/** For a gauge with the label `state`, which the leader fills. */
export interface StateGauge {
  name: string;
  help: string;
}

/**
 * Everything that watching, claiming, finalizers, status and metrics need to know about a kind of ours. A kind is a folder
 * in operator/kinds that makes one of these; nothing below operator/kinds names a kind.
 */
export interface Kind<O extends KindObject = KindObject> extends StatusKind<StatusOf<O>> {
  /** As `kubectl` takes it, and the name of its controller in logs and metrics. */
  readonly singular: string;
  /** For people: the kind in the plural. */
  readonly many: string;
  readonly finalizer: string;
  readonly gauge: StateGauge;
  /** Of an object from the API server, which has checked it against the definition of the kind. */
  parse(object: KubeObject): O;
  /** Key of the Secret that it names; undefined if it names none. */
  secretKeyOf(object: O): string | undefined;
  /** Its objects are judged again when one that they name changes, or is judged differently. */
  readonly dependency?: Dependency<O>;
  /**
   * The status of an object that no operator of ours runs.
   * @param message in place of the reason's own words
   */
  statusNotRun(object: O, reason: NotRunReason, nowMs: number, message?: string): StatusOf<O>;
  /** Its line of `relax status`. */
  summaryOf(object: O, status: StatusOf<O>, view: FleetView): BotSummary | undefined;
  /** The same facts in the same order each time. */
  factsOf(view: FleetView): FleetFact<O>[];
}

/**
 * `secret`: by the Secret that an object names. `uid`: by the owner of sockets. `dependency`: by the objects of another kind
 * that it names.
 */
export function indexersOf<O extends KindObject>(kind: Kind<O>): Indexers<O> {
  return {
    secret: (object) => {
      const key = kind.secretKeyOf(object);
      return key === undefined ? [] : [key];
    },
    uid: ({ metadata }) => [metadata.uid],
    dependency: (object) => kind.dependency?.keysOf(object) ?? [],
  };
}

/** For people. */
export const namesOf = (kinds: readonly Kind[]): string => kinds.map(({ many }) => many).join(' and ');
