import type { JsonObject } from '../../core/slack/json-object.ts';
import { type Envelope, eventTypeOf } from './envelope.ts';
import type { EventSource } from './event-source.ts';
import { firstText, slackTimeMs, text } from './frame-field.ts';
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
  const { parts, mark } = nameInEnvelope(event, envelope, source.delayedEvents === true);
  const subtype = envelope.type === 'events_api' ? text(event.subtype) : '';
  return {
    id: joinID([envelope.teamID, envelope.appID, kindPart(name, subtype), ...parts]),
    teamID: envelope.teamID,
    mark,
  };
}

function nameInEnvelope(event: JsonObject, envelope: Envelope, delayed: boolean): Name {
  if (envelope.type !== 'events_api') {
    return envelope.id === '' ? nameOf(event) : { parts: [envelope.id], mark: { kind: 'untimed' } };
  }
  if (envelope.eventID !== '') return { parts: [envelope.eventID], mark: markOf(event, delayed) };
  const minute = event.type === 'app_rate_limited' ? text(event.minute_rate_limited) : '';
  const { parts, mark } = minute === '' ? nameOf(event) : { parts: [minute], mark: markAt(minute) };
  return { parts, mark: mark.kind === 'timed' ? { ...mark, delayed } : mark };
}

/**
 * Slack's number is enough for the id; the event's own time says where the mark of every copy is looked for. The `event_time`
 * around it will not do: by Slack's documentation that is when the event was dispatched, which another delivery is as well.
 */
function markOf(event: JsonObject, delayed: boolean): Mark {
  const atMs = slackTimeMs(firstText(event.event_ts, event.ts)) ?? 0;
  return atMs === 0 ? { kind: 'numbered', delayed } : { kind: 'timed', atMs, delayed };
}
