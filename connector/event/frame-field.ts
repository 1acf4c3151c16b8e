import { isObject, type JsonObject } from '../../core/slack/json-object.ts';

/** Reads fields of what Slack sent, without assuming anything about its shape. Nothing here throws. */
const NOTHING: JsonObject = {};

export const objectAt = (frame: JsonObject, key: string): JsonObject => {
  const value = frame[key];
  return isObject(value) ? value : NOTHING;
};

/** A string or number as text; anything else is "". */
export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : '';
}

/** An id that Slack gives either plainly or as the `id` of an object: `user: "U1"` and `user: {id: "U1"}`. */
export const idOf = (value: unknown): string => (isObject(value) ? text(value.id) : text(value));

/** The first text that is not empty. */
export const firstText = (...values: readonly unknown[]): string => {
  for (const value of values) {
    const found = text(value);
    if (found !== '') return found;
  }
  return '';
};

const SLACK_TIME = /^\d{1,12}(?:\.\d{0,12})?$/;

/** Whole seconds of a Slack time ("1355517523.000005") in ms. The rest stays text: it is an identity, not a number. */
export function slackTimeMs(ts: string): number | undefined {
  return SLACK_TIME.test(ts) ? Number.parseInt(ts, 10) * 1000 : undefined;
}
