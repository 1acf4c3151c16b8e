import { isObject, type JsonObject } from '../../core/slack/json-object.ts';
import { objectAt, text } from './frame-field.ts';

/**
 * `attachments` in the fixed shape of 2015: every documented key is always present with its type, so that a consumer's
 * typed struct never breaks. A value of an unexpected type, for which the Relax of 2015 dropped the whole frame, becomes
 * the empty value of its type. `event` in the queue item holds what Slack sent, including other keys.
 */
export interface Attachment {
  fallback: string;
  color: string;
  pretext: string;
  author_name: string;
  author_link: string;
  author_icon: string;
  title: string;
  title_link: string;
  text: string;
  fields: { title: string; value: string; short: boolean }[] | null;
  image_url: string;
  thumb_url: string;
  footer: string;
  footer_icon: string;
  /** Whole Unix seconds, 0 if absent. */
  ts: number;
  attachment_type: string;
  callback_id: string;
  actions: AttachmentAction[] | null;
}

export interface AttachmentAction {
  name: string;
  text: string;
  type: string;
  style: string;
  value: string;
  confirm: { title: string; text: string; ok_text: string; dismiss_text: string };
}

/** Slack's own bound. */
const MAX_ATTACHMENTS = 100;
/** Of fields and actions in all attachments of one item: Slack shows a few of each. */
const MAX_PARTS = 1_000;

/** Counts down, so that a frame with a few bytes per element can't produce an item a hundred times its size. */
interface Room {
  parts: number;
}

/** @returns null when the frame has none, [] when Slack sent []; at most what a person could look at */
export function attachmentsOf(frame: JsonObject): Attachment[] | null {
  const room: Room = { parts: MAX_PARTS };
  return listOf(frame.attachments, MAX_ATTACHMENTS, (from) => attachment(from, room));
}

const listOf = <T>(value: unknown, most: number, shape: (element: JsonObject) => T): T[] | null =>
  Array.isArray(value) ? value.slice(0, most).map((element: unknown) => shape(isObject(element) ? element : {})) : null;

function partsOf<T>(value: unknown, room: Room, shape: (element: JsonObject) => T): T[] | null {
  const parts = listOf(value, room.parts, shape);
  room.parts -= parts?.length ?? 0;
  return parts;
}

const attachment = (from: JsonObject, room: Room): Attachment => ({
  fallback: text(from.fallback),
  color: text(from.color),
  pretext: text(from.pretext),
  author_name: text(from.author_name),
  author_link: text(from.author_link),
  author_icon: text(from.author_icon),
  title: text(from.title),
  title_link: text(from.title_link),
  text: text(from.text),
  fields: partsOf(from.fields, room, (field) => ({
    title: text(field.title),
    value: text(field.value),
    short: field.short === true,
  })),
  image_url: text(from.image_url),
  thumb_url: text(from.thumb_url),
  footer: text(from.footer),
  footer_icon: text(from.footer_icon),
  ts: wholeSeconds(from.ts),
  attachment_type: text(from.attachment_type),
  callback_id: text(from.callback_id),
  actions: partsOf(from.actions, room, action),
});

function action(from: JsonObject): AttachmentAction {
  const confirm = objectAt(from, 'confirm');
  return {
    name: text(from.name),
    text: text(from.text),
    type: text(from.type),
    style: text(from.style),
    value: text(from.value),
    confirm: {
      title: text(confirm.title),
      text: text(confirm.text),
      ok_text: text(confirm.ok_text),
      dismiss_text: text(confirm.dismiss_text),
    },
  };
}

/** Slack sends `ts` as an integer, a fraction or a string; Relax declared a 64-bit integer. */
function wholeSeconds(value: unknown): number {
  const seconds = Math.trunc(Number(text(value)));
  return Number.isSafeInteger(seconds) ? seconds : 0;
}
