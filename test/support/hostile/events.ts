import type { HostileSocket } from './hostile-socket.ts';
import { appIDOf, type SubjectKind } from './subject-names.ts';

let lastEvent = 0;

/** The fields of a message of its own. */
export function message(text: string): Record<string, unknown> {
  lastEvent += 1;
  const ts = `${Math.floor(Date.now() / 1_000)}.${String(lastEvent % 1_000_000).padStart(6, '0')}`;
  return { type: 'message', channel: 'C1', user: 'U2', text, ts };
}

/** The JSON in which an event comes. @param event JSON of the event itself @param id of its envelope */
export function wrapped(kind: SubjectKind, token: string, event: string, id: string): string {
  if (kind === 'rtm') return event;
  const payload = `{"type":"event_callback","team_id":"T1","api_app_id":"${appIDOf(token)}","event_id":"Ev${id}","event":${event}}`;
  return `{"type":"events_api","envelope_id":"${id}","accepts_response_payload":false,"payload":${payload}}`;
}

/** The next text that carries a message. */
export function messageText(socket: HostileSocket, kind: SubjectKind, text: string): string {
  const event = JSON.stringify(message(text));
  return wrapped(kind, socket.token, event, `e-${lastEvent}`);
}

export const say = (socket: HostileSocket, kind: SubjectKind, text: string): void =>
  socket.text(messageText(socket, kind, text));
