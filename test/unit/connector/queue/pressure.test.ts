import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventBuffer, type QueueEntry } from '#connector/queue/buffer.ts';
import { BufferBound } from '#connector/queue/buffer-bound.ts';
import {
  isCalm,
  isPressed,
  isRefused,
  NO_PRESSURE,
  NO_REFUSAL,
  type Pressure,
  pressureOf,
  type Refusal,
  refusalOf,
} from '#connector/queue/pressure.ts';

const share = (fill: number, bytesOf: Record<string, number>) => ({ fill, bytesOf: new Map(Object.entries(bytesOf)) });
const NOTHING = share(0, {});
/** Of events that Slack sends once. */
const load = (fill: number, bytesOf: Record<string, number>, age = 0, again = NOTHING) => ({
  age,
  once: share(fill, bytesOf),
  again,
});
const told = ({ all, bots }: Pressure): string => (all ? 'all' : [...bots].sort().join());

describe('pressure', () => {
  it.each<[string, ReturnType<typeof load>, string]>([
    ['falls on nobody below 80 %', load(0.79, { hot: 79 }), ''],
    ['falls on the one that floods', load(0.8, { hot: 70, a: 5, b: 5 }), 'hot'],
    [
      'falls on as few as leave the others half of the buffer',
      load(0.8, { hot: 25, warm: 24, a: 11, b: 10, c: 10 }),
      'hot,warm',
    ],
    ['falls on the only one there is', load(0.85, { hot: 85 }), 'hot'],
    ['falls on all at 90 %', load(0.9, { hot: 85, a: 5 }), 'all'],
    ['falls on all when the oldest event grows old: that is the doing of no bot', load(0.01, { a: 1 }, 0.8), 'all'],
  ])('%s', (_name, facts, expected) => {
    expect(told(pressureOf(facts, NO_PRESSURE))).toBe(expected);
  });

  it('is asked about no event while the buffer is calm, when it could fall on nobody and nothing could be refused', () => {
    const fill = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fill, fill, (once, again) => {
        fc.pre(isCalm({ fill: once }, { fill: again }));
        const facts = load(once, { hot: once }, 0, share(again, { hot: again }));
        expect(pressureOf(facts, NO_PRESSURE)).toBe(NO_PRESSURE);
        expect(refusalOf(facts, NO_REFUSAL)).toBe(NO_REFUSAL);
        expect(isRefused(facts, NO_REFUSAL, 'hot')).toBe(false);
      }),
    );
  });

  it('on all ends when half of the buffer is empty and the oldest event is young, not before', () => {
    const all = pressureOf(load(0.95, { hot: 95 }), NO_PRESSURE);
    expect(pressureOf(load(0.51, { hot: 51 }), all)).toBe(all);
    expect(pressureOf(load(0.1, { hot: 10 }, 0.6), all)).toBe(all);
    expect(pressureOf(load(0.5, { hot: 50 }, 0.5), all)).toBe(NO_PRESSURE);
  });

  it('on some stays as it is while little changes, follows the load, and ends at 50 %', () => {
    const first = pressureOf(load(0.8, { hot: 70, quiet: 10 }), NO_PRESSURE);
    expect(pressureOf(load(0.83, { hot: 70, quiet: 13 }), first)).toBe(first);
    expect(told(pressureOf(load(0.7, { hot: 15, other: 55 }), first))).toBe('other');
    expect(pressureOf(load(0.5, { hot: 50 }), first)).toBe(NO_PRESSURE);
  });
});

describe('what Slack sends again', () => {
  const again = (fill: number, bytesOf: Record<string, number>) => load(0, {}, 0, share(fill, bytesOf));

  it.each<[string, ReturnType<typeof load>, string]>([
    ['is taken below 75 %', again(0.74, { app: 74 }), ''],
    ['is refused of the one that floods', again(0.75, { app: 65, a: 5, b: 5 }), 'app'],
    ['is refused of all at 85 %', again(0.85, { app: 80, a: 5 }), 'a,app'],
    ['is taken beside a bot that floods over sockets', load(0.7, { rtm: 70 }, 0, share(0.1, { app: 10 })), ''],
    ['is taken however old', load(0.1, { rtm: 10 }, 5, share(0.1, { app: 10 })), ''],
  ])('%s', (_name, facts, expected) => {
    const refusal = refusalOf(facts, NO_REFUSAL);
    const bots = [...facts.again.bytesOf.keys()].sort();
    expect(bots.filter((name) => isRefused(facts, refusal, name)).join()).toBe(expected);
  });

  it('is refused of others when others flood, as the load changes', () => {
    const first = refusalOf(again(0.8, { app: 70, b: 10 }), NO_REFUSAL);
    expect(refusalOf(again(0.79, { app: 20, b: 59 }), first)).toBe(first);
    const second = refusalOf(again(0.85, { app: 20, b: 65 }), first);
    expect([...second.bots]).toEqual(['b']);
    expect(refusalOf(again(0.5, { b: 50 }), second)).toBe(NO_REFUSAL);
  });

  it('pauses nobody, whatever waits of it, but for what came over the sockets themselves', () => {
    const shares = fc.record({
      once: fc.double({ min: 0, max: 1, noNaN: true }),
      fills: fc.double({ min: 0, max: 0.88, noNaN: true }),
    });
    fc.assert(
      fc.property(shares, ({ once, fills }) => {
        // The last tenth is for nobody.
        const waits = (once * (0.9 - fills)) / 0.9;
        const beside = load(waits, { rtm: waits }, 0, share(fills, { app: fills }));
        const alone = load(once, { rtm: once });
        expect(told(pressureOf(beside, NO_PRESSURE))).toBe(told(pressureOf(alone, NO_PRESSURE)));
      }),
      { examples: [[{ once: 0.5, fills: 0.88 }]] },
    );
  });
});

const bot = fc.constantFrom('hot', 'hot', 'hot', 'warm', 'a', 'b', 'c');

describe('whatever bots and Redis do', () => {
  it('no bot is paused that has less in the buffer than one that is not, and those not paused have half of it at most', () => {
    const shares = fc.dictionary(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 1_000 }), { minKeys: 1 });
    fc.assert(
      fc.property(shares, fc.double({ min: 0.8, max: 0.89, noNaN: true }), (bytesOf, fill) => {
        const facts = load(fill, bytesOf);
        const { bots } = pressureOf(facts, NO_PRESSURE);
        const [paused, read] = [true, false].map((isIn) =>
          [...facts.once.bytesOf].filter(([name]) => bots.has(name) === isIn).map(([, bytes]) => bytes),
        );
        const sum = (list: readonly number[] = []): number => list.reduce((total, bytes) => total + bytes, 0);
        expect(Math.min(...(paused ?? []))).toBeGreaterThanOrEqual(Math.max(0, ...(read ?? [])));
        expect((fill * sum(read)) / (sum(read) + sum(paused))).toBeLessThanOrEqual(0.5 + 1e-9);
      }),
    );
  });

  /** A buffer of 1,000 bytes; a bot sends unless it is paused, Redis takes some now and then. */
  class World {
    readonly bound = new BufferBound({ maxBytes: 1_000, maxAgeMs: 1_000 });
    readonly buffer = new EventBuffer(this.bound);
    pressure = NO_PRESSURE;
    #refusal: Refusal = NO_REFUSAL;

    send(name: string, bytes: number): void {
      if (this.pressure.all || this.pressure.bots.has(name)) return;
      expect(this.#push(name, bytes, false), 'room').toBe(true);
    }

    /** Unless it is acknowledged. */
    sendAgain(name: string, bytes: number): void {
      if (!isRefused(this.bound.load(0), this.#refusal, name)) this.#push(name, bytes, true);
    }

    #push(fenceField: string, bytes: number, isSentAgain: boolean): boolean {
      const mark = { buckets: [], field: 'f', spread: 0, ttlSeconds: 1 };
      const entry: QueueEntry = {
        fenceField,
        generation: 1,
        mark,
        payload: '',
        bytes,
        urgent: false,
        isSentAgain,
        lane: 0,
        offeredAtMs: 0,
        settled: undefined,
      };
      const isTaken = this.buffer.push(entry);
      this.#weigh();
      return isTaken;
    }

    take(count: number): void {
      this.buffer.release(Math.min(count, this.buffer.length));
      this.#weigh();
    }

    #weigh(): void {
      const load = this.bound.load(Math.max(0, -this.buffer.headAtMs));
      this.#refusal = refusalOf(load, this.#refusal);
      this.pressure = pressureOf(load, this.pressure);
    }
  }

  it('the buffer never overflows, its shares add up, and nobody is paused when it is empty', () => {
    const turn = fc.record({
      sent: fc.array(fc.tuple(bot, fc.integer({ min: 1, max: 20 }))),
      taken: fc.integer({ min: 0, max: 12 }),
    });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 80 }), (turns) => {
        const world = new World();
        for (const { sent, taken } of turns) {
          for (const [name, bytes] of sent) world.send(name, bytes);
          world.take(taken);
          const sum = [...world.bound.load(0).once.bytesOf.values()].reduce((total, bytes) => total + bytes, 0);
          expect(sum).toBe(world.bound.bytes);
        }
        while (world.buffer.length > 0) world.take(1);
        expect(isPressed(world.pressure)).toBe(false);
        expect(world.bound.load(0).once.bytesOf.size).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('what comes over sockets finds room as long as they are read, however much apps send: up to a tenth of the buffer at once', () => {
    const event = fc.record({ app: fc.boolean(), bot, bytes: fc.integer({ min: 1, max: 100 }) });
    const turn = fc.record({ sent: fc.array(event), taken: fc.integer({ min: 0, max: 4 }) });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 40 }), (turns) => {
        const world = new World();
        for (const { sent, taken } of turns) {
          for (const { app, bot: name, bytes } of sent) {
            if (app) world.sendAgain(`app ${name}`, bytes);
            else world.send(name, bytes);
          }
          world.take(taken);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a quiet bot keeps being read beside one that floods, as long as Redis accepts something', () => {
    const world = new World();
    let quiet = 0;
    for (let turn = 0; turn < 2_000; turn++) {
      for (let n = 0; n < 20; n++) world.send('hot', 10);
      if (!world.pressure.all && !world.pressure.bots.has('quiet')) quiet += 1;
      world.send('quiet', 1);
      world.take(3);
    }
    expect(quiet).toBe(2_000);
  });
});
