import { onKnown } from './app-sockets.ts';
import { begin } from './attempt.ts';
import { onBudget, onPermitted } from './attempt-budget.ts';
import { onAnswer, onAttemptClosed, onGreetingError, onOpened, onRecovered, onWake } from './connect-attempt.ts';
import {
  lose,
  onClosing,
  onHeartbeat,
  onHello,
  onLeaving,
  onPressure,
  onRefused,
  onRevoked,
  onStop,
  onUnmarked,
} from './current-socket.ts';
import { onElsewhere } from './refusal.ts';
import { onUpdate } from './spec-change.ts';
import { type Input, type Moment, type SlotState, type Step, stay } from './state.ts';
import { onBrought, onWithheld } from './withheld-events.ts';

/**
 * The whole behavior of a slot (`state.ts` explains its states). It is total: every input is handled in every state, and
 * one that means nothing there, such as a frame of a socket given up long ago, changes nothing.
 */
export function step(state: SlotState, input: Input, moment: Moment): Step {
  if (state.life === 'stopped') return stay(state);
  switch (input.type) {
    case 'start':
      return state.life === 'new' ? begin({ ...state, life: 'running' }) : stay(state);
    case 'update':
      return onUpdate(state, input.spec);
    case 'pressure':
      return onPressure(state, input.pressed, moment);
    case 'stop':
      return onStop(state);
    case 'permitted':
      return onPermitted(state, input.id, input.sparing ?? false, moment);
    case 'budget':
      return onBudget(state, input.id, input.answer, moment);
    case 'answer':
      return onAnswer(state, input.id, input.answer, moment);
    case 'opened':
      return onOpened(state, input.id, moment);
    case 'hello':
      return onHello(state, input.id, input.sockets, moment);
    case 'unmarked':
      return onUnmarked(state, moment);
    case 'known':
      return onKnown(state, input.id, input.known, moment);
    case 'withheld':
      return onWithheld(state, input.id, moment);
    case 'brought':
      return onBrought(state, input.id);
    case 'leaving':
      return onLeaving(state, input.id, moment);
    case 'closing':
      return onClosing(state, input.id, input.trouble, moment);
    case 'refused':
      return onRefused(state, input.id, input.refusal, input.mismatch, moment);
    case 'error':
      return onError(state, input, moment);
    case 'revoked':
      return onRevoked(state, input.tokenDigest, input.refusal, moment);
    case 'closed':
      return onClosed(state, input, moment);
    case 'recovered':
      return onRecovered(state, moment);
    case 'elsewhere':
      return onElsewhere(state, input.tokenDigest, input.live);
    case 'heartbeat':
      return onHeartbeat(state, input, moment);
    case 'wake':
      return onWake(state, moment);
    default:
      return input satisfies never;
  }
}

/** On a live socket the error is about a frame of ours, which can only be a ping, so it is ignored. */
function onError(state: SlotState, { id, code, msg }: Extract<Input, { type: 'error' }>, moment: Moment): Step {
  const { attempt } = state;
  if (attempt.tag !== 'greeting' || attempt.id !== id) return stay(state);
  return onGreetingError(state, code, msg, moment);
}

function onClosed(state: SlotState, { id, close }: Extract<Input, { type: 'closed' }>, moment: Moment): Step {
  const { attempt, current } = state;
  if (current?.id === id) {
    const message = `The websocket closed: ${close.detail}. Relax reconnects automatically.`;
    return lose(state, current, { reason: 'ConnectionLost', message }, moment);
  }
  if ((attempt.tag === 'dialing' || attempt.tag === 'greeting') && attempt.id === id) {
    return onAttemptClosed(state, attempt, close, moment);
  }
  // A socket that we closed ourselves.
  return stay(state);
}
