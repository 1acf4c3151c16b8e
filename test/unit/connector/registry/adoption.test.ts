import { describe, expect, it } from 'vitest';
import { Adoption } from '#connector/registry/adoption.ts';
import type { SlotReport } from '#core/protocol/report.ts';

type States = Record<string, SlotReport['state'] | undefined>;
const stateOf = (states: States) => (id: string) => states[id];

describe('a starting connector', () => {
  it('is not ready before it has read its assignments', () => {
    expect(new Adoption(0).reason(stateOf({}), 200_000)).toMatch(/not been read/);
  });

  it('waits for each socket that it found until it is up, refused, or waiting for the budget', () => {
    const adoption = new Adoption(0);
    adoption.found(['a/0', 'b/0', 'c/0', 'd/0']);
    const states: States = { 'a/0': 'connecting', 'b/0': 'live', 'c/0': 'waiting', 'd/0': 'failed' };
    expect(adoption.reason(stateOf(states), 10)).toMatch(/not live yet: 1 to go/);
    states['a/0'] = 'live';
    expect(adoption.reason(stateOf(states), 20)).toBeUndefined();
  });

  it('does not become unready again when a socket breaks later', () => {
    const adoption = new Adoption(0);
    adoption.found(['a/0']);
    expect(adoption.reason(stateOf({ 'a/0': 'live' }), 10)).toBeUndefined();
    expect(adoption.reason(stateOf({ 'a/0': 'connecting' }), 20)).toBeUndefined();
  });

  it('does not wait for slots that came later or went away', () => {
    const adoption = new Adoption(0);
    expect(adoption.found(['a/0'])).toBe(true);
    expect(adoption.found(['b/0'])).toBe(false);
    expect(adoption.reason(stateOf({ 'b/0': 'connecting' }), 10)).toBeUndefined();
  });

  it('waits 90 s at most', () => {
    const adoption = new Adoption(1_000);
    adoption.found(['a/0']);
    expect(adoption.reason(stateOf({ 'a/0': 'connecting' }), 90_999)).toBeDefined();
    expect(adoption.reason(stateOf({ 'a/0': 'connecting' }), 91_000)).toBeUndefined();
  });

  it('waits for them as long when its name was held by another process for minutes', () => {
    const adoption = new Adoption(1_000);
    adoption.found(['a/0'], 500_000);
    expect(adoption.reason(stateOf({ 'a/0': 'connecting' }), 501_000)).toMatch(/1 to go/);
    expect(adoption.reason(stateOf({ 'a/0': 'connecting' }), 590_000)).toBeUndefined();
  });
});
