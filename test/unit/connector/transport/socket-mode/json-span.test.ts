import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memberText, withoutMember } from '#connector/transport/socket-mode/json-span.ts';

/** A key or a string as JSON may write it: any of its characters may be an escape. */
const literal = (value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(value, fc.infiniteStream(fc.integer({ min: 0, max: 3 }))).map(([text, ways]) => {
    const written = [...text]
      .flatMap((character) => character.split(''))
      .map((unit) => writtenUnit(unit, ways.next().value));
    return `"${written.join('')}"`;
  });

function writtenUnit(unit: string, way: number | undefined): string {
  const hex = `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  if (way === 0) return hex;
  if (unit === '/' && way === 1) return '\\/';
  return JSON.stringify(unit).slice(1, -1);
}

const KEYS = [
  'event',
  'token',
  'payload',
  'a"b',
  'a\\',
  '',
  '__proto__',
  'é',
  '\u2028',
  '\ud83d\ude00',
  '1',
  '{',
  '],',
];
const key = fc.oneof(fc.constantFrom(...KEYS), fc.string({ unit: 'binary', maxLength: 4 }));
const blank = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 });
const scalar = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    'null',
    '0',
    '-0',
    '1.0',
    '1e3',
    '-1.5E+10',
    '12345678901234567890',
    '[]',
    '{}',
    '""',
  ),
  literal(fc.string({ unit: 'binary', maxLength: 8 })),
  literal(fc.constantFrom('{"event":1}', '\\', '"', '\\"', '}],', 'token')),
);

/** Any text that is the JSON of an object, with keys that stand twice. */
const { object: objectText } = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('object'), tie('array')),
  object: fc
    .array(fc.tuple(literal(key), blank, blank, tie('value'), blank, blank), { maxLength: 5 })
    .map((members) => {
      const written = members.map(([name, a, b, value, c, d]) => `${d}${name}${a}:${b}${value}${c}`);
      return `{${written.join(',')}}`;
    }),
  array: fc
    .array(fc.tuple(blank, tie('value'), blank), { maxLength: 4 })
    .map((values) => `[${values.map((each) => each.join('')).join(',')}]`),
}));
const document = fc.tuple(blank, objectText, blank).map((parts) => parts.join(''));

const parsed = (json: string): Record<string, unknown> => JSON.parse(json) as Record<string, unknown>;

describe('the text of a member', () => {
  it.each<[string, string, string | undefined]>([
    ['{"event":{"a":1}}', 'event', '{"a":1}'],
    [' {\n"event" :\t12345678901234567890 , "x":0}', 'event', '12345678901234567890'],
    ['{"event":1,"event":2}', 'event', '2'],
    ['{"ev\\u0065nt":"a\\"}"}', 'event', '"a\\"}"'],
    ['{"a":{"event":1}}', 'event', undefined],
    ['{"a":"\\"event\\":1"}', 'event', undefined],
    ['{"a\\\\":1,"event":[{"}":"]"}]}', 'event', '[{"}":"]"}]'],
    ['{}', 'event', undefined],
    ['["event"]', 'event', undefined],
    ['"event"', 'event', undefined],
  ])('%s, %s', (json, name, text) => {
    expect(memberText(json, name)).toBe(text);
  });

  it('is the text of what JSON.parse finds, whatever stands in the object', () => {
    fc.assert(
      fc.property(document, fc.constantFrom(...KEYS), (json, name) => {
        const object = parsed(json);
        for (const own of new Set([name, ...Object.keys(object)])) {
          const text = memberText(json, own);
          expect(text !== undefined).toBe(Object.hasOwn(object, own));
          if (text === undefined) continue;
          expect(text).toBe(text.trim());
          expect(JSON.parse(text)).toEqual(object[own]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('inside of other members is that of the last object which JSON.parse keeps', () => {
    expect(memberText('{"payload":{"event":1},"payload":{"x":2}}', 'payload', 'event')).toBeUndefined();
    expect(memberText('{"payload":{"event":1},"payload":[{"event":2}]}', 'payload', 'event')).toBeUndefined();
    expect(memberText('{"event":0,"payload":{"event":1,"event":{"a":2} }}', 'payload', 'event')).toBe('{"a":2}');
    fc.assert(
      fc.property(document, fc.constantFrom(...KEYS), fc.constantFrom(...KEYS), (json, name, inner) => {
        const paths = Object.entries(parsed(json)).flatMap(([key, value]) =>
          typeof value === 'object' && value !== null && !Array.isArray(value)
            ? Object.keys(value).map((each) => [key, each])
            : [],
        );
        for (const [outer = '', own = ''] of [[name, inner], ...paths]) {
          const object = memberText(json, outer);
          const text = object?.startsWith('{') ? memberText(object, own) : undefined;
          expect(memberText(json, outer, own)).toBe(text);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is found behind nesting deeper than any stack, and in time that grows with the text', () => {
    const deep = `{"a":${'['.repeat(300_000)}${']'.repeat(300_000)},"b":"${'\\\\'.repeat(300_000)}","c":"${'\\"'.repeat(300_000)}","event":1}`;
    expect(memberText(deep, 'event')).toBe('1');
  });
});

describe('an object without a member', () => {
  it.each<[string, string]>([
    ['{"token":"s","a":1}', '{"a":1}'],
    ['{"a":1,"token":"s"}', '{"a":1}'],
    ['{"a":1, "token":"s", "b":1.0}', '{"a":1,"b":1.0}'],
    ['{"token":"s"}', '{}'],
    ['{"token":"s","a":1,"t\\u006fken":"t"}', '{"a":1}'],
    ['{"a":{"token":"kept"}}', '{"a":{"token":"kept"}}'],
    ['{ "a" : 1 }', '{ "a" : 1 }'],
  ])('%s is %s', (json, rest) => {
    expect(withoutMember(json, 'token')).toBe(rest);
  });

  it('has all its others, whatever they are', () => {
    fc.assert(
      fc.property(document, fc.constantFrom(...KEYS), (json, name) => {
        const { [name]: _, ...rest } = parsed(json);
        const without = withoutMember(json, name);
        expect(JSON.parse(without)).toEqual(rest);
        for (const other of Object.keys(rest)) expect(memberText(without, other)).toBe(memberText(json, other));
      }),
      { numRuns: 500 },
    );
  });
});
