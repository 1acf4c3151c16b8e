import { hash } from 'node:crypto';
import { isObject } from '../../core/slack/json-object.ts';

/**
 * Digest of the content of an event without a timestamp. Two copies may differ in the fields below, which describe the
 * state of the reader or of a cache rather than the event.
 */
const VOLATILE: ReadonlySet<string> = new Set([
  'event_ts',
  'cache_ts',
  'suppress_notification',
  'last_read',
  'latest',
  'unread_count',
  'unread_count_display',
  'mention_count',
  'mention_count_display',
  'has_unreads',
]);

export const isVolatile = (key: string): boolean => VOLATILE.has(key);

/** Deeper than anything Slack sends, and far from exhausting the stack. */
const MAX_DEPTH = 64;

/** 128 bits as 22 characters of base64url; equal for equal content in any key order. */
export function contentDigest(value: unknown): string {
  return hash('sha256', canonical(value, 0), 'buffer').toString('base64url', 0, 16);
}

function canonical(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) return '"..."';
  if (Array.isArray(value)) return `[${value.map((element: unknown) => canonical(element, depth + 1)).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const fields = Object.keys(value)
    .filter((key) => !isVolatile(key))
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key], depth + 1)}`);
  return `{${fields.join(',')}}`;
}
