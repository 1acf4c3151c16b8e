import { describe, expect, it } from 'vitest';
import { type ConnectorSet, mayReturn } from '#core/protocol/connector-set.ts';

const sized = (replicas: number, first = 0): ConnectorSet => ({
  kind: 'sized',
  name: 'relax-connector',
  first,
  replicas,
});
const gone: ConnectorSet = { kind: 'gone', name: 'relax-connector' };

describe('A pod may come back under its name', () => {
  it.each([
    ['the last of its set', sized(3), 'relax-connector-2', false, true],
    ['one above the size of its set', sized(2), 'relax-connector-2', false, false],
    ['one above the size of its set that still runs', sized(2), 'relax-connector-2', true, false],
    ['one of two digits above the size', sized(2), 'relax-connector-10', false, false],
    ['any of a set of none', sized(0), 'relax-connector-0', true, false],
    ['the first of a set that starts at 5', sized(2, 5), 'relax-connector-5', false, true],
    ['one below the start of its set', sized(2, 5), 'relax-connector-4', false, false],
    ['one above a set that starts at 5', sized(2, 5), 'relax-connector-7', false, false],
    ['one that ends while its set is gone', gone, 'relax-connector-0', false, false],
    ['one that runs on though its set is gone', gone, 'relax-connector-0', true, true],
    ['any while the set is not known', undefined, 'relax-connector-9', false, true],
    ['one of another set', sized(2), 'other-connector-9', false, true],
    ['one whose set has a longer name', sized(2), 'relax-connector-eu-9', false, true],
    ['one without a number', sized(0), 'relax-connector', false, true],
    ['one whose number no set gives', sized(2), 'relax-connector-09', false, true],
  ])('%s', (_what, set, pod, isUp, expected) => {
    expect(mayReturn(set, pod, isUp)).toBe(expected);
  });
});
