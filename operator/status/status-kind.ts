import type { Occurrence } from '../kube/event-recorder.ts';
import type { KubeObject, ObjectMeta, ResourceKind } from '../kube/object.ts';
import type { ConditionedStatus } from './conditions.ts';
import type { Urgency } from './urgency.ts';

/** An object of a kind of ours, as far as all of them are alike: it has a namespace, a generation and conditions. */
export interface KindObject<S extends ConditionedStatus = ConditionedStatus> extends KubeObject {
  metadata: ObjectMeta & { namespace: string; generation: number; creationTimestamp: string };
  status?: S;
}

export type StatusOf<O extends KindObject> = NonNullable<O['status']>;

/**
 * What the status writer has to know of a kind whose status is `S`. The functions are methods, by which a `StatusKind` of any kind counts as
 * one of all kinds: each is only ever given the objects that came with it.
 */
export interface StatusKind<S extends ConditionedStatus = ConditionedStatus> {
  readonly resource: ResourceKind;
  /** Whether a change is worth a write, and how soon. */
  urgencyOf(before: S | undefined, after: S): Urgency;
  /** What a person who reads `kubectl describe` should hear of a change that was written. */
  eventsOf(before: S | undefined, after: S): Omit<Occurrence, 'regarding'>[];
}
