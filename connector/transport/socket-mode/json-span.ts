/**
 * Finds the members of an object in the text of a JSON document, so that a part of what Slack sent can be passed on as Slack
 * wrote it. Every text given here must be one that `JSON.parse` accepts; what is found then is what `JSON.parse` finds.
 */

/**
 * The text of a member's value. Of a key that stands several times it is the last, as with `JSON.parse`.
 * @param json valid JSON text of an object
 * @param path the member's key; before it, those of the objects that it is in
 */
export function memberText(json: string, ...path: readonly string[]): string | undefined {
  let found: string | undefined;
  const read = (from: number, level: number): number => {
    const key = path[level];
    // What an earlier member of the same key had inside does not count.
    found = undefined;
    if (key !== undefined) {
      return readMembers(json, from, (start, keyEnd, valueStart) =>
        isKey(json, start, keyEnd, key) ? read(valueStart, level + 1) : afterValue(json, valueStart),
      );
    }
    const end = afterValue(json, from);
    found = json.slice(from, end);
    return end;
  };
  read(afterBlanks(json, 0), 0);
  return found;
}

/** The object's text without every member of that key. @param json valid JSON text of an object */
export function withoutMember(json: string, key: string): string {
  const kept: string[] = [];
  let isWhole = true;
  readMembers(json, afterBlanks(json, 0), (start, keyEnd, valueStart) => {
    const end = afterValue(json, valueStart);
    if (isKey(json, start, keyEnd, key)) isWhole = false;
    else kept.push(json.slice(start, end));
    return end;
  });
  return isWhole ? json : `{${kept.join(',')}}`;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Reads the members of an object in their order; of any other value, none.
 * @param read one of them: where its key starts, with its quotes, where that ends, and where its value starts. Says where that ends
 * @returns the place after the object, or the other value
 */
function readMembers(
  json: string,
  from: number,
  read: (start: number, keyEnd: number, valueStart: number) => number,
): number {
  if (json.charCodeAt(from) !== OPEN_BRACE) return afterValue(json, from);
  let at = afterBlanks(json, from + 1);
  while (json.charCodeAt(at) === QUOTE) {
    const keyEnd = afterString(json, at);
    at = afterBlanks(json, read(at, keyEnd, afterBlanks(json, afterBlanks(json, keyEnd) + 1)));
    if (json.charCodeAt(at) === COMMA) at = afterBlanks(json, at + 1);
  }
  return at + 1;
}

/** Whether a literal with its quotes is that key; nearly none has an escape, which makes it longer. */
function isKey(json: string, start: number, end: number, key: string): boolean {
  const longer = end - start - 2 - key.length;
  if (longer === 0) return json.startsWith(key, start + 1);
  return longer > 0 && json.slice(start, end).includes('\\') && JSON.parse(json.slice(start, end)) === key;
}

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
