import type { Occurrence } from '../kube/event-recorder.ts';
import type { KubeObject, ObjectMeta, ResourceKind } from '../kube/object.ts';
import type { ConditionedStatus } from './conditions.ts';
import type { Urgency } from './urgency.ts';

/** An object of a kind of ours, as far as all of them are alike: it has a namespace, a generation and conditions. */
export interface KindObject extends KubeObject {
  metadata: ObjectMeta & { namespace: string; generation: number; creationTimestamp: string };
  status?: ConditionedStatus;
}

export type StatusOf<O extends KindObject> = NonNullable<O['status']>;

/**
 * What the status writer has to know of a kind. The functions are methods, by which a `StatusKind` of any kind counts as
 * one of all kinds: each is only ever given the objects that came with it.
 */
export interface StatusKind<O extends KindObject = KindObject> {
  readonly resource: ResourceKind;
  /** Whether a change is worth a write, and how soon. */
  urgencyOf(before: StatusOf<O> | undefined, after: StatusOf<O>): Urgency;
  /** What a person who reads `kubectl describe` should hear of a change that was written. */
  eventsOf(before: StatusOf<O> | undefined, after: StatusOf<O>): Omit<Occurrence, 'regarding'>[];
}
