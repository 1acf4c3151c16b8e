import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import type { KubeObject } from '../kube/object.ts';
import type { Indexers } from '../kube/store.ts';
import type { KindObject, StatusKind, StatusOf } from '../status/status-kind.ts';

/** Why an object is run by no operator of ours: reasons that every kind can say in its conditions. */
export type NotRunReason = 'OperatorGone' | 'NotWatched' | 'OtherOperator';

/** Something of the fleet that is news to objects of a kind when it changes. */
interface FleetFact<O extends KindObject = KindObject> {
  /** Equal texts are equal facts. */
  readonly text: string;
  concerns(object: O): boolean;
}

/** For a gauge with the label `state`, which the leader fills. */
export interface StateGauge {
  name: string;
  help: string;
}

/**
 * All that watching, claiming, finalizers, status and metrics have to know of a kind of ours. A kind is a folder in
 * operator/kinds that makes one of these; nothing outside of it names the kind.
 */
export interface Kind<O extends KindObject = KindObject> extends StatusKind<StatusOf<O>> {
  /** As `kubectl` takes it, and the name of its controller in logs and metrics. */
  readonly singular: string;
  /** For people: the kind in the plural. */
  readonly many: string;
  readonly finalizer: string;
  readonly gauge: StateGauge;
  /** What the API server gives. It has checked the object against the definition of the kind. */
  parse(object: KubeObject): O;
  /** Key of the Secret that it names; undefined if it names none. */
  secretKeyOf(object: O): string | undefined;
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

/** `secret`: who reads this Secret. `uid`: whose sockets these are. */
export function indexersOf<O extends KindObject>(kind: Kind<O>): Indexers<O> {
  return {
    secret: (object) => {
      const key = kind.secretKeyOf(object);
      return key === undefined ? [] : [key];
    },
    uid: ({ metadata }) => [metadata.uid],
  };
}

/** For people. */
export const namesOf = (kinds: readonly Kind[]): string => kinds.map(({ many }) => many).join(' and ');
