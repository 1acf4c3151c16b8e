import { delayedWindowMs } from '../../core/protocol/dedupe-window.ts';
import { type Envelope, eventTypeOf } from './envelope.ts';
import type { EventSource } from './event-source.ts';
import { firstText, type JsonObject, text } from './frame-field.ts';
import { type Identity, joinID, kindPart, markAt, type Name, nameOf } from './identity.ts';
import type { Mark } from './mark.ts';

/**
 * Identifies an event that came in an envelope. Slack numbers events, but one that comes to two apps may have one number, and
 * the same app may see it in two teams: these are two events, so tenant and app are part of the id. The envelope is not, since
 * Slack may send an event again in another one; only what has no number is known by its envelope, and Slack sends that once.
 */
export function identifyInEnvelope(
  event: JsonObject,
  envelope: Envelope,
  source: Pick<EventSource, 'delayedEvents'>,
): Identity {
  const { name } = eventTypeOf(event, envelope);
  const { parts, mark } = nameInEnvelope(event, envelope);
  const subtype = envelope.type === 'events_api' ? text(event.subtype) : '';
  return {
    id: joinID([envelope.teamID, envelope.appID, kindPart(name, subtype), ...parts]),
    teamID: envelope.teamID,
    mark: mark.kind === 'timed' && source.delayedEvents === true ? { ...mark, delayed: true } : mark,
  };
}

function nameInEnvelope(event: JsonObject, envelope: Envelope): Name {
  if (envelope.type !== 'events_api') {
    return envelope.id === '' ? nameOf(event) : { parts: [envelope.id], mark: { kind: 'untimed' } };
  }
  if (envelope.eventID !== '') return { parts: [envelope.eventID], mark: markOf(event, envelope) };
  const minute = event.type === 'app_rate_limited' ? text(event.minute_rate_limited) : '';
  return minute === '' ? nameOf(event) : { parts: [minute], mark: markAt(minute) };
}

/** Slack's number is enough for the id; its time says where the mark of every copy is looked for. */
function markOf(event: JsonObject, { eventTimeMs }: Envelope): Mark {
  if (eventTimeMs !== undefined) return { kind: 'timed', atMs: eventTimeMs };
  const mark = markAt(firstText(event.event_ts, event.ts));
  // Without any time, copies are minutes apart nevertheless: Slack sends the last one after 6.
  return mark.kind === 'timed' ? mark : { kind: 'own', ttlMs: delayedWindowMs(0) };
}
