import type { Occurrence } from '../kube/event-recorder.ts';
import { conditionOf, hasFlipped } from '../status/conditions.ts';
import type { SocketStatus } from './socket-status.ts';

/** What a person who reads `kubectl describe` should hear of a change: Ready and CredentialsValid that flipped. Pure. */
export function transitionEvents(
  before: SocketStatus | undefined,
  after: SocketStatus,
): Omit<Occurrence, 'regarding'>[] {
  const credentials = conditionOf(after, 'CredentialsValid');
  const ready = conditionOf(after, 'Ready');
  const events: Omit<Occurrence, 'regarding'>[] = [];
  const refused = credentials?.status === 'False';
  if (refused && hasFlipped(before, credentials)) {
    events.push({ type: 'Warning', reason: credentials.reason, action: 'CheckCredentials', note: credentials.message });
  }
  if (ready === undefined || !hasFlipped(before, ready)) return events;
  if (ready.status === 'True') {
    const note = `${after.connectionSummary ?? ''} sockets are live`.trim();
    events.push({ type: 'Normal', reason: 'Ready', action: 'Connect', note });
  } else if (ready.status === 'False' && !(refused && ready.reason === credentials.reason)) {
    // What was not ready before is still on its way, which is no news.
    const type = ready.reason === 'Suspended' ? 'Normal' : 'Warning';
    const wasReady = conditionOf(before, 'Ready')?.status === 'True' && ready.reason !== 'NoConnectors';
    if (wasReady || LASTING.has(ready.reason))
      events.push({ type, reason: ready.reason, action: 'Connect', note: ready.message });
  }
  return events;
}

/**
 * Reasons that don't go away by themselves, so they are worth an Event at once. NoConnectors is not among them: a fault of
 * the whole fleet is not reported for each object.
 */
const LASTING = new Set([
  'Suspended',
  'DuplicateBot',
  'DuplicateApp',
  'AppMissing',
  'AppNotAllowed',
  'TransportNotServed',
  'NoEligiblePods',
]);
