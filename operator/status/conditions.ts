import type { Condition } from '../../core/api/condition.ts';
import { rfc3339 } from '../kube/timestamp.ts';

/** One condition as it is judged, without the times that its history gives it. */
export interface Judgement<R extends string = string> {
  status: Condition['status'];
  reason: R;
  message: string;
}

/** The part of a status that every kind has. */
export interface ConditionedStatus {
  observedGeneration?: number;
  conditions?: Condition[];
}

/** What conditions are made from, besides their judgements. */
interface ConditionHistory {
  previous: readonly Condition[];
  /** The metadata.generation that was judged. */
  generation: number;
  /** Wall time. */
  nowMs: number;
}

/** As much as the schema of every kind allows (core/api/condition.ts). */
const MAX_MESSAGE_LENGTH = 32_768;

/** Conditions by Kubernetes' API conventions, in the order of `types`: `lastTransitionTime` changes only with `status`. */
export function conditionsOf<T extends string>(
  types: readonly T[],
  judge: (type: T) => Judgement,
  { previous, generation, nowMs }: ConditionHistory,
): Condition[] {
  return types.map((type) => {
    const before = previous.find((condition) => condition.type === type);
    const { status, reason, message } = judge(type);
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : rfc3339(nowMs);
    return {
      type,
      status,
      reason,
      message: message.slice(0, MAX_MESSAGE_LENGTH),
      lastTransitionTime,
      observedGeneration: generation,
    };
  });
}

export const conditionOf = <T extends string = string>(
  status: Pick<ConditionedStatus, 'conditions'> | undefined,
  type: T,
): Condition | undefined => status?.conditions?.find((condition) => condition.type === type);

/** Whether the condition has another status than before, or is new. */
export const hasFlipped = (before: ConditionedStatus | undefined, condition: Condition): boolean =>
  conditionOf(before, condition.type)?.status !== condition.status;
