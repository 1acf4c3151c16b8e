import { beforeEach, describe, expect, it } from 'vitest';
import type { BroughtEvents } from '#connector/twins/brought-events.ts';
import type { TwinSocket } from '#connector/twins/twin-socket.ts';
import { TWIN_TIMES, type TwinSlot, TwinWatch } from '#connector/twins/twin-watch.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';

const { exchangeMs, graceMs, beatMs } = TWIN_TIMES;

/** A slot by what its socket brings. */
class FakeTwin implements TwinSlot {
  readonly heard: string[] = [];
  held: TwinSocket | undefined;

  constructor(stream: string, readSinceMs = 0) {
    this.held = { id: 1, stream, readSinceMs, broughtAtMs: Number.NEGATIVE_INFINITY };
  }
  socket(): TwinSocket | undefined {
    return this.held;
  }
  bring(atMs: number): void {
    if (this.held !== undefined) this.held = { ...this.held, broughtAtMs: atMs };
  }
  withheld(id: number): void {
    this.heard.push(`withheld ${id}`);
  }
  brought(id: number): void {
    this.heard.push(`brought ${id}`);
  }
}

let timers: FakeTimers;
let watch: TwinWatch;
/** What all processes have told, and the calls of this one. */
let known: Map<string, number>;
let calls: { told: string[]; asked: string[] }[];
let answer: 'well' | 'away' | 'unsure';
let leave: (() => void)[];
beforeEach(() => {
  timers = new FakeTimers();
  [known, calls, leave, answer] = [new Map(), [], [], 'well'];
  const brought: BroughtEvents = {
    exchange: async (told, asked) => {
      calls.push({ told: [...told.keys()], asked: [...asked] });
      if (answer === 'away') throw new Error('Redis is away');
      if (answer === 'unsure') return undefined;
      for (const [stream, atMs] of told) known.set(stream, Math.max(atMs, known.get(stream) ?? 0));
      return new Map([...known].filter(([stream]) => asked.has(stream)));
    },
  };
  watch = new TwinWatch({ brought, timers, limitedLog: { warn: () => {} } });
});

function join(stream: string, readSinceMs = 0): FakeTwin {
  const slot = new FakeTwin(stream, readSinceMs);
  leave.push(watch.join(slot));
  return slot;
}
/** Another process tells of an event that it brings now. */
const twinBrings = (stream: string): unknown => known.set(stream, timers.monotonicMs());

describe('the watch over the sockets of a process', () => {
  it('tells in one call every 10 s which streams brought events, and asks for those that brought none', async () => {
    const slots = ['T1', 'T2', 'T3'].map((stream) => join(stream));
    await timers.advance(3 * exchangeMs);
    for (let n = 0; n < 50; n += 1) {
      for (const slot of slots.slice(0, 2)) slot.bring(timers.monotonicMs());
      await timers.advance(exchangeMs / 50);
    }
    expect(calls).toHaveLength(4);
    expect(calls.at(-1)).toEqual({ told: ['T1', 'T2'], asked: ['T3'] });
    await timers.advance(exchangeMs);
    expect(calls.at(-1)).toEqual({ told: [], asked: ['T3'] });
  });

  it('finds a socket that is kept from events, and says so until one has brought some again', async () => {
    const deaf = join('T1');
    const quiet = join('T2');
    await timers.advance(60_000);
    twinBrings('T1');
    await timers.advance(exchangeMs + graceMs + 2 * beatMs);
    expect(deaf.heard).toContain('withheld 1');
    deaf.heard.length = 0;
    deaf.held = { id: 2, stream: 'T1', readSinceMs: timers.monotonicMs(), broughtAtMs: Number.NEGATIVE_INFINITY };
    await timers.advance(exchangeMs);
    expect(deaf.heard).toEqual([]);
    deaf.bring(timers.monotonicMs());
    await timers.advance(2 * exchangeMs);
    // What it brings at first may be what happened before it was live.
    expect(deaf.heard).toEqual([]);
    deaf.bring(timers.monotonicMs());
    await timers.advance(2 * exchangeMs);
    expect(deaf.heard).toEqual(['brought 2']);
    expect(quiet.heard).toEqual([]);
  });

  it('looks as soon as an event can no longer be on its way, not only at the next exchange', async () => {
    const deaf = join('T1');
    await timers.advance(6 * exchangeMs - beatMs);
    twinBrings('T1');
    await timers.advance(graceMs - beatMs);
    expect(deaf.heard).toEqual([]);
    await timers.advance(3 * beatMs);
    expect(deaf.heard).toEqual(['withheld 1']);
  });

  it('judges no socket that is not read', async () => {
    const paused = join('T1');
    await timers.advance(60_000);
    twinBrings('T1');
    paused.held = undefined;
    await timers.advance(60_000);
    expect(paused.heard).toEqual([]);
    expect(calls.at(-1)).toEqual({ told: [], asked: [] });
  });

  it('blames no socket for what came while this process was suspended', async () => {
    const slot = join('T1');
    await timers.advance(60_000);
    timers.sleepThrough(5_000);
    twinBrings('T1');
    timers.sleepThrough(60_000);
    await timers.advance(60_000);
    expect(slot.heard).toEqual([]);
  });

  it('tells nobody of events that it read late because it was suspended', async () => {
    const slot = join('T1');
    await timers.advance(60_000);
    timers.sleepThrough(60_000);
    slot.bring(timers.monotonicMs());
    await timers.advance(60_000);
    expect(known.size).toBe(0);
  });

  it('judges nothing while Redis is away, and tells afterwards what was brought meanwhile', async () => {
    const [busy, silent] = [join('T1'), join('T2')];
    await timers.advance(60_000);
    twinBrings('T2');
    answer = 'away';
    busy.bring(timers.monotonicMs());
    await timers.advance(60_000);
    expect([...busy.heard, ...silent.heard]).toEqual([]);
    expect([...known.keys()]).toEqual(['T2']);
    answer = 'well';
    await timers.advance(exchangeMs);
    expect([...known.keys()].sort()).toEqual(['T1', 'T2']);
  });

  it('asks again within seconds when its clock was not good enough', async () => {
    join('T1');
    await timers.advance(2 * exchangeMs + beatMs);
    answer = 'unsure';
    await timers.advance(exchangeMs);
    const before = calls.length;
    answer = 'well';
    await timers.advance(exchangeMs / 2);
    expect(calls.length).toBeGreaterThan(before);
  });

  it('has no timer without members', async () => {
    join('T1');
    join('T2');
    expect(timers.pending).toBe(1);
    for (const leaves of leave) leaves();
    expect(timers.pending).toBe(0);
    await timers.advance(60_000);
    expect(calls).toEqual([]);
    join('T3');
    await timers.advance(exchangeMs + beatMs);
    expect(calls).toHaveLength(1);
  });
});
