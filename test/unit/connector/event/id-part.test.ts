import fc from 'fast-check';
import { expect, it } from 'vitest';
import { slackTimeMs } from '#connector/event/frame-field.ts';
import { joinID } from '#connector/event/identity.ts';

const character = fc.oneof(
  fc.constantFrom('%', '/', '.', '~', '\ud83d\ude00', '\ud83d', '\ude00', '\uffff'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
);
const parts = fc.array(
  fc.array(character, { maxLength: 20 }).map((all) => all.join('')),
  { maxLength: 5 },
);

it('a part of an id has every slash, percent sign and single surrogate escaped, and nothing else', () => {
  const escaped = (text: string): string =>
    Array.from(text, (each) =>
      each === '/' || each === '%' || !each.isWellFormed() ? `%${each.codePointAt(0)?.toString(16)}` : each,
    ).join('');
  fc.assert(
    fc.property(parts, (all) => {
      expect(joinID(all)).toBe(all.map(escaped).join('/'));
    }),
  );
});

it('the seconds of a time are its whole digits, however near to the next its fraction is', () => {
  const digits = (max: number) => fc.stringMatching(new RegExp(`^\\d{1,${max}}$`));
  fc.assert(
    fc.property(digits(12), fc.option(digits(12)), (whole, fraction) => {
      expect(slackTimeMs(fraction === null ? whole : `${whole}.${fraction}`)).toBe(Number(whole) * 1000);
    }),
  );
  expect(slackTimeMs('999999999999.999999999999')).toBe(999_999_999_999_000);
  for (const text of ['', '.5', '1e3', '-1', ' 1', '1 ', '1.2.3', '1234567890123', '0x1']) {
    expect(slackTimeMs(text)).toBeUndefined();
  }
});
