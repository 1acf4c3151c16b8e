/**
 * Finds the members of an object in the text of a JSON document, so that a part of what Slack sent can be passed on as Slack
 * wrote it. Every text given here must be one that `JSON.parse` accepts; what is found then is what `JSON.parse` finds.
 */
interface Member {
  key: string;
  /** Of the key's opening quote. */
  start: number;
  valueStart: number;
  /** After the value, without blanks. */
  end: number;
}

/**
 * The text of a member's value. Of a key that stands several times it is the last, as with `JSON.parse`.
 * @param json valid JSON text of an object
 */
export function memberText(json: string, key: string): string | undefined {
  const member = membersOf(json).findLast((each) => each.key === key);
  return member === undefined ? undefined : json.slice(member.valueStart, member.end);
}

/** The object's text without every member of that key. @param json valid JSON text of an object */
export function withoutMember(json: string, key: string): string {
  const members = membersOf(json);
  const kept = members.filter((each) => each.key !== key);
  if (kept.length === members.length) return json;
  return `{${kept.map(({ start, end }) => json.slice(start, end)).join(',')}}`;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** The members of the object itself, in their order; empty for what is not an object. */
function membersOf(json: string): Member[] {
  const members: Member[] = [];
  let at = afterBlanks(json, 0);
  if (json.charCodeAt(at) !== OPEN_BRACE) return members;
  at = afterBlanks(json, at + 1);
  while (json.charCodeAt(at) === QUOTE) {
    const start = at;
    const keyEnd = afterString(json, start);
    const valueStart = afterBlanks(json, afterBlanks(json, keyEnd) + 1);
    const end = afterValue(json, valueStart);
    members.push({ key: keyOf(json.slice(start, keyEnd)), start, valueStart, end });
    at = afterBlanks(json, end);
    if (json.charCodeAt(at) !== COMMA) break;
    at = afterBlanks(json, at + 1);
  }
  return members;
}

/** @param literal with its quotes; nearly no key has an escape */
const keyOf = (literal: string): string =>
  literal.includes('\\') ? String(JSON.parse(literal)) : literal.slice(1, -1);

/** Space, tab, line feed and carriage return: JSON has no other. */
function afterBlanks(json: string, from: number): number {
  let at = from;
  while (isBlank(json.charCodeAt(at))) at += 1;
  return at;
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;

/** @param from at the opening quote. @returns the place after the closing one */
function afterString(json: string, from: number): number {
  for (let at = json.indexOf('"', from + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (json.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at + 1;
  }
  return json.length;
}

function afterValue(json: string, from: number): number {
  switch (json.charCodeAt(from)) {
    case QUOTE:
      return afterString(json, from);
    case OPEN_BRACE:
    case OPEN_BRACKET:
      return afterNested(json, from);
    default:
      return afterLiteral(json, from);
  }
}

/** An object or an array, however deep. */
function afterNested(json: string, from: number): number {
  let levels = 0;
  for (let at = from; at < json.length; at++) {
    switch (json.charCodeAt(at)) {
      case QUOTE:
        at = afterString(json, at) - 1;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        levels += 1;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        levels -= 1;
        if (levels === 0) return at + 1;
        break;
    }
  }
  return json.length;
}

const LITERAL = /[-+.\w]*/y;

/** A number, true, false or null. */
function afterLiteral(json: string, from: number): number {
  LITERAL.lastIndex = from;
  LITERAL.test(json);
  return LITERAL.lastIndex;
}
