import { OPCODE, serverFrame } from './frame.ts';

/**
 * Message events as Slack sends them over RTM, written once and then copied with other digits, because serialising each would
 * cost more than sending it. An event carries its number and when it was sent in its text; the reader finds them behind MARK
 * in whatever the connector made of it.
 */
export const MARK = 'sent in a load, number ';
/** Of the event, from 0. */
export const NUMBER_DIGITS = 9;
/** Microseconds of the machine's monotonic clock (`process.hrtime`), which its processes share. */
export const SENT_DIGITS = 16;
/** Between MARK and the end of the time that it was sent. */
export const STAMP_LENGTH = NUMBER_DIGITS + 1 + SENT_DIGITS;

const TEAM_DIGITS = 6;
const CHANNEL_DIGITS = 5;
const zeros = (digits: number): string => '0'.repeat(digits);
const TEAM = `T0SIM${zeros(TEAM_DIGITS)}`;
const CHANNEL = `C0LOAD${zeros(CHANNEL_DIGITS)}`;
const TS = `${zeros(10)}.${zeros(6)}`;
const ID = `00000000-0000-4000-8000-${zeros(12)}`;
const TEXT = `${MARK}${zeros(NUMBER_DIGITS)} ${zeros(SENT_DIGITS)}`;

/** What a frame becomes larger by: text in blocks, as Slack adds it to everything that people write. */
const SAID = [
  { type: 'text', text: 'What somebody says at work, ' },
  { type: 'user', user_id: 'U0PERSON01' },
];
const SAID_BYTES = JSON.stringify(SAID).length - 1;

function eventText(bytes: number): string {
  const said = { type: 'message', user: 'U0PERSON01', text: TEXT, team: TEAM, ts: TS, client_msg_id: ID };
  const place = { channel: CHANNEL, source_team: TEAM, user_team: TEAM, suppress_notification: false, event_ts: TS };
  const bare = JSON.stringify({ ...said, ...place });
  const missing = bytes - bare.length - 120;
  if (missing <= 0) return bare;
  const section = {
    type: 'rich_text_section',
    elements: Array.from({ length: Math.round(missing / SAID_BYTES) }, () => SAID).flat(),
  };
  const blocks = [{ type: 'rich_text', block_id: 'aB3', elements: [section] }];
  return JSON.stringify({ ...said, blocks, ...place });
}

export interface EventPlace {
  /** Of the team, as `generatedTeam` counts. */
  team: number;
  /** Of the event, among all of the process. */
  number: number;
  /** Its `ts`, in microseconds since 1970; no two of a channel are equal. */
  tsMicros: number;
  /** See SENT_DIGITS. */
  sentMicros: number;
}

export interface EventTemplate {
  /** Of the frame's payload. */
  readonly bytes: number;
  frameFor(place: EventPlace): Buffer;
}

/** @param bytes about as long as a payload is to be; the shortest is some 390 */
export function eventTemplate(bytes: number): EventTemplate {
  const text = eventText(bytes);
  const frame = serverFrame(OPCODE.text, Buffer.from(text, 'latin1'));
  /** Where the digits begin, behind some text, wherever that stands in the frame. */
  const after = (value: string, skipped: number): number[] => {
    const found: number[] = [];
    for (let at = frame.indexOf(value); at >= 0; at = frame.indexOf(value, at + 1)) found.push(at + skipped);
    return found;
  };
  const teams = after(TEAM, TEAM.length - TEAM_DIGITS);
  const times = after(TS, 0);
  const [channel = 0] = after(CHANNEL, CHANNEL.length - CHANNEL_DIGITS);
  const [id = 0] = after(ID, ID.length - 12);
  const [number = 0] = after(MARK, MARK.length);
  return {
    bytes: text.length,
    frameFor(place) {
      const copy = Buffer.allocUnsafe(frame.length);
      frame.copy(copy);
      for (const at of teams) writeDigits(copy, at, TEAM_DIGITS, place.team);
      const seconds = Math.floor(place.tsMicros / 1e6);
      for (const at of times) {
        writeDigits(copy, at, 10, seconds);
        writeDigits(copy, at + 11, 6, place.tsMicros - seconds * 1e6);
      }
      writeDigits(copy, channel, CHANNEL_DIGITS, place.team);
      writeDigits(copy, id, 12, place.number);
      writeDigits(copy, number, NUMBER_DIGITS, place.number);
      writeDigits(copy, number + NUMBER_DIGITS + 1, SENT_DIGITS, place.sentMicros);
      return copy;
    },
  };
}

function writeDigits(bytes: Buffer, from: number, digits: number, value: number): void {
  let rest = value;
  for (let at = from + digits - 1; at >= from; at -= 1) {
    const next = Math.floor(rest / 10);
    bytes[at] = 48 + rest - next * 10;
    rest = next;
  }
}
