/** What a slot does when its spec has changed: its token, its generation, why it is here. Pure. */

import { abandon, begin, purposeOf } from './attempt.ts';
import { isForBudget } from './attempt-budget.ts';
import { ACCEPTED } from './refusal.ts';
import { type Effect, first, NONE, type SlotState, type Step, stay } from './state.ts';

/** The bot's spec has changed: what is in progress continues unless the change makes it pointless. */
export function onUpdate(state: SlotState, spec: SlotState['spec']): Step {
  const { attempt, current, life } = state;
  const next: SlotState = { ...state, spec };
  if (life !== 'running') return stay(next);
  const otherStream = spec.streamID !== state.spec.streamID;
  if (otherStream || spec.tokenDigest !== state.spec.tokenDigest) {
    const untried = { ...ACCEPTED, attempt: NONE, failures: 0, crowds: 0, trouble: undefined };
    const read = current === undefined ? undefined : { ...current, looksAgain: false };
    const fresh: SlotState = { ...next, ...untried, current: read };
    // Its events belong to another stream, so it must not be read any longer.
    if (otherStream && current !== undefined) {
      const closing: readonly Effect[] = [...abandon(attempt), { do: 'close', id: current.id }];
      return first(closing, begin({ ...fresh, current: undefined, wasLive: false }));
    }
    // The token is again that of the live socket.
    if (current?.tokenDigest === spec.tokenDigest) return { state: fresh, effects: abandon(attempt) };
    return first(abandon(attempt), begin(fresh));
  }
  // A refusal of ours that is lifted would be waited for by nobody.
  const isLifted = state.spec.refusal !== undefined && spec.refusal === undefined;
  if (attempt.tag === 'refused' && (isLifted || spec.generation !== state.spec.generation)) {
    return begin({ ...next, failures: 0, refusal: undefined, refusedBySocket: false, refusals: 0 });
  }
  if (isForBudget(attempt) && attempt.purpose !== purposeOf(next)) return begin(next, true);
  return stay(next);
}
