/** The verification token of a sample; it may appear nowhere in an item. */
export const TOKEN = '<token>';

/** Slack's samples have no values: these are one for each field, so that every part of an id shows. */
export function filled(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((element: unknown) => filled(element, key));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, filled(inner, name)]));
  }
  if (value !== '') return value;
  return /(^|_)ts$/.test(key) ? '1700000000.000100' : `<${key}>`;
}
