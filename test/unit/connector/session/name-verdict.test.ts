import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeHolder,
  NAME_SILENCE_MS,
  type NameFacts,
  type NameHolder,
  nameVerdict,
} from '#connector/session/name-verdict.ts';

const OURS = 'uid-1/relax';
const THEIRS = 'uid-2/relax';
const LONG = NAME_SILENCE_MS;

const holder = (changes: Partial<NameHolder> = {}): NameHolder => ({
  incarnation: 'them',
  state: 'up',
  owner: '',
  machine: '',
  pid: 7,
  startTicks: '',
  ...changes,
});
const facts = (changes: Partial<NameFacts> = {}): NameFacts => ({
  scopeOwner: '',
  holder: holder(),
  process: 'unknown',
  self: { incarnation: 'us', owner: '' },
  silentMs: undefined,
  ...changes,
});
const us = (owner: string) => ({ incarnation: 'us', owner });

describe('A connector that starts takes its name', () => {
  it.each<[string, Partial<NameFacts>]>([
    ['when nobody has it', { holder: undefined }],
    ['when its own first renewal got through, and only the answer was lost', { holder: holder({ incarnation: 'us' }) }],
    ['from a process that drains', { holder: holder({ state: 'draining' }), process: 'lives' }],
    ['from a process of this machine that is gone', { process: 'gone' }],
    [
      'from an earlier life of its own pod, on another node',
      { scopeOwner: OURS, self: us(OURS), holder: holder({ owner: OURS }) },
    ],
    ['the same, in a Redis that forgot the owner', { self: us(OURS), holder: holder({ owner: OURS }) }],
    [
      'in its own scope from a stranger, even a live one',
      { scopeOwner: OURS, self: us(OURS), holder: holder({ owner: THEIRS }), process: 'lives' },
    ],
    [
      'in its own scope from one that does not say whose it is',
      { scopeOwner: OURS, self: us(OURS), silentMs: 0, process: 'lives' },
    ],
    ['from one that it has watched for 1.5 renewals without a sign of life', { silentMs: LONG, process: 'lives' }],
    ['of a session that ended so long ago', { silentMs: LONG, holder: undefined }],
  ])('%s', (_name, changes) => {
    expect(nameVerdict(facts(changes))).toBe('take');
  });
});

describe('A connector that starts waits', () => {
  it.each<[string, Partial<NameFacts>]>([
    ['at first sight of a session, however old: Redis may have been away', {}],
    ['while the holder renews', { silentMs: LONG - 1 }],
    ['while a process of another installation renews', { self: us(OURS), holder: holder({ owner: THEIRS }) }],
    ['while a process that does not say whose it is renews', { self: us(OURS) }],
    [
      'while a live process of its own installation runs beside it on one machine',
      { scopeOwner: OURS, self: us(OURS), holder: holder({ owner: OURS }), process: 'lives' },
    ],
    [
      'when the session is gone a moment after it was renewed: Redis may have lost it',
      { silentMs: 1, holder: undefined },
    ],
    ['when the holder, which it knew alive, was killed: its successor comes first', { silentMs: 1, process: 'gone' }],
    [
      'when the holder, which it knew alive, drains: its successor comes first',
      { silentMs: LONG, holder: holder({ state: 'draining' }) },
    ],
  ])('%s', (_name, changes) => {
    expect(nameVerdict(facts(changes))).toBe('wait');
  });
});

describe('In any situation', () => {
  const owner = fc.constantFrom('', OURS, THEIRS, 'uid-1', 'uid-1/relax-2');
  const anyFacts: fc.Arbitrary<NameFacts> = fc.record({
    scopeOwner: owner,
    holder: fc.option(
      fc.record({
        incarnation: fc.constantFrom('us', 'them'),
        state: fc.constantFrom('up', 'draining', 'later'),
        owner,
        machine: fc.constant('m'),
        pid: fc.constant(1),
        startTicks: fc.constant('1'),
      }),
      { nil: undefined },
    ),
    process: fc.constantFrom('lives', 'gone', 'unknown'),
    self: fc.record({ incarnation: fc.constant('us'), owner }),
    silentMs: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: undefined }),
  });

  it('a connector takes nothing in a scope of another owner, if it knows its own, and is barred from no other', () => {
    fc.assert(
      fc.property(anyFacts, (seen) => {
        const { scopeOwner, self } = seen;
        const foreign = scopeOwner !== '' && self.owner !== '' && self.owner !== scopeOwner;
        // What an earlier version wrote.
        const former = self.owner.startsWith(`${scopeOwner}/`);
        return (nameVerdict(seen) === 'foreign') === (foreign && !former);
      }),
    );
  });

  it('a connector that does not know its owner never takes a name that it has seen renewed within 1.5 renewals', () => {
    fc.assert(
      fc.property(anyFacts, (seen) => {
        const renewed = seen.silentMs !== undefined && seen.silentMs < NAME_SILENCE_MS;
        const nobodys = { ...seen, self: us('') };
        return !renewed || seen.holder?.incarnation === 'us' || nameVerdict(nobodys) === 'wait';
      }),
    );
  });

  it('a connector never waits for a process of its own installation that may be gone', () => {
    fc.assert(
      fc.property(anyFacts, (seen) => {
        if (seen.holder === undefined || seen.process === 'lives') return true;
        const kin = { ...seen, scopeOwner: OURS, self: us(OURS), holder: { ...seen.holder, owner: OURS } };
        return nameVerdict(kin) === 'take';
      }),
    );
  });
});

describe('The session of another version', () => {
  it('names its holder as far as it can be read', () => {
    expect(decodeHolder('{"incarnation":"i"}')).toEqual(holder({ incarnation: 'i', pid: 0 }));
    expect(decodeHolder('{"incarnation":"i","state":7,"pid":"x","owner":{}}')).toEqual(
      holder({ incarnation: 'i', pid: 0 }),
    );
    for (const nobody of ['', 'nonsense', '[]', '{"incarnation":7}']) expect(decodeHolder(nobody)).toBeUndefined();
  });
});
