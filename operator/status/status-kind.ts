import type { Occurrence } from '../kube/event-recorder.ts';
import type { KubeObject, ObjectMeta, ResourceKind } from '../kube/object.ts';
import type { ConditionedStatus } from './conditions.ts';
import type { Urgency } from './urgency.ts';

/** What objects of all our kinds have in common: a namespace, a generation and conditions. */
export interface KindObject<S extends ConditionedStatus = ConditionedStatus> extends KubeObject {
  metadata: ObjectMeta & { namespace: string; generation: number; creationTimestamp: string };
  status?: S;
}

export type StatusOf<O extends KindObject> = NonNullable<O['status']>;

/**
 * What the status writer needs to know about a kind whose status is `S`. The functions are methods, which TypeScript
 * compares both ways, so that kinds of different `S` fit in one list; each is only given objects of its own kind.
 */
export interface StatusKind<S extends ConditionedStatus = ConditionedStatus> {
  readonly resource: ResourceKind;
  /** Whether a change is worth a write, and how soon. */
  urgencyOf(before: S | undefined, after: S): Urgency;
  /** The Events about a change that was written, for people who read `kubectl describe`. */
  eventsOf(before: S | undefined, after: S): Omit<Occurrence, 'regarding'>[];
}
