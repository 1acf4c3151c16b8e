import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type HeldSlots, heldAfterRead, NOTHING_HELD } from '#connector/assignment/held-slots.ts';
import { SlotRegistry } from '#connector/registry/slot-registry.ts';
import { createLog } from '#core/process/log.ts';
import { encodeSlot, parseSlotID, type SlotID } from '#core/protocol/assignment.ts';
import { type FleetKey, newFleetKey, parseFleetKeys, seal } from '#core/protocol/seal.ts';
import { slotOf } from '#test/unit/connector/assignment/slots.ts';
import { FakeRunner } from './fake-runner.ts';

const IDS: readonly SlotID[] = ['uid-1/0', 'uid-1/1', 'uid-2/0'];
/** Longer than anything that failed waits for its next try. */
const QUIET_MS = 10_000;

const [known, unknown] = parseFleetKeys(`${newFleetKey()}\n${newFleetKey()}`) as [FleetKey, FleetKey];
const sealOf = (id: SlotID, key: FleetKey): string =>
  seal('xoxb-1-abc', key, { cluster: 'c1', ownerUid: parseSlotID(id).ownerUid, teamID: 'T024BE7LH' });
/** Sealed once: to seal takes most of the time otherwise. */
const SEALS = new Map(
  IDS.flatMap((id) => [known, unknown].map((key) => [`${id} ${key.id}`, sealOf(id, key)] as const)),
);

type Field = { generation: number; readable: boolean; kind: 'rtm' | 'socketMode' } | '{';
type Step =
  | { do: 'read'; version: number | undefined; fields: Partial<Record<SlotID, Field>> }
  | { do: 'break'; id: SlotID; method: 'open' | 'start' | 'update' | 'pressure' | 'stop' }
  | { do: 'press'; all: boolean }
  | { do: 'look'; afterMs: number }
  /** Sockets that were told to close are gone, or the runner says something. */
  | { do: 'settle' };

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({
    generation: fc.integer({ min: 1, max: 3 }),
    readable: fc.boolean(),
    kind: fc.constantFrom('rtm' as const, 'rtm' as const, 'socketMode' as const),
  }),
  fc.constant('{' as const),
);
const id = fc.constantFrom(...IDS);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('read' as const),
    version: fc.option(fc.nat(8), { nil: undefined }),
    fields: fc.dictionary(id, field),
  }),
  fc.record({
    do: fc.constant('break' as const),
    id,
    method: fc.constantFrom('open', 'start', 'update', 'pressure', 'stop'),
  }),
  fc.record({ do: fc.constant('press' as const), all: fc.boolean() }),
  fc.record({ do: fc.constant('look' as const), afterMs: fc.integer({ min: 0, max: 3_000 }) }),
  fc.constant({ do: 'settle' as const }),
);

/** A registry with what it reads and opens; which of its slots are broken, the steps say. */
class Bench {
  readonly #runners: FakeRunner[] = [];
  readonly #broken = new Map<SlotID, Set<string>>();
  readonly #registry: SlotRegistry;
  #keys = [known];
  #held: HeldSlots = NOTHING_HELD;
  #nowMs = 0;

  constructor() {
    const bench = this;
    this.#registry = new SlotRegistry({
      cluster: 'c1',
      incarnation: 'i1',
      keyring: {
        get keys() {
          return bench.#keys;
        },
        reload: () => undefined,
      },
      held: () => this.#held.slots,
      createRunner: (spec, onStatus) => {
        const broken = this.#brokenOf(spec.slotID);
        if (broken.has('open')) throw new Error('open is broken');
        const runner = new FakeRunner(spec, onStatus, broken);
        this.#runners.push(runner);
        return runner;
      },
      onChange: () => undefined,
      clock: { wallMs: () => 0, monotonicMs: () => this.#nowMs },
      log: createLog({ program: 'test', level: 'silent' }),
      limitedLog: { warn: () => undefined },
    });
  }

  async take(each: Step): Promise<void> {
    switch (each.do) {
      case 'read':
        this.#read(each);
        return;
      case 'break':
        this.#brokenOf(each.id).add(each.method);
        for (const one of this.#runners) if (one.spec.slotID === each.id) one.throwsAt.add(each.method);
        return;
      case 'press':
        this.#registry.setPressure({ all: each.all, bots: new Set() });
        return;
      case 'look':
        this.#nowMs += each.afterMs;
        this.#registry.look();
        return;
      case 'settle':
        for (const one of this.#runners) if (one.ended) one.closed();
        for (const one of this.#runners) if (!one.ended) one.becomes({ state: 'live' });
        await Promise.resolve();
        return;
      default:
        each satisfies never;
    }
  }

  /** Nothing is broken any more, and time passes. */
  quietLook(): void {
    this.#keys = [known, unknown];
    this.#broken.clear();
    for (const { throwsAt } of this.#runners) throwsAt.clear();
    this.#nowMs += QUIET_MS;
    this.#registry.look();
  }

  held(): string[] {
    return [...this.#held.slots].map(([slotID, { generation }]) => `${slotID} of ${generation}`).toSorted();
  }

  running(): string[] {
    return this.#runners
      .filter(({ ended }) => !ended)
      .map(({ spec }) => `${spec.slotID} of ${spec.generation}`)
      .toSorted();
  }

  async end(): Promise<void> {
    for (const one of this.#runners) one.closed();
    await this.#registry.stopAll();
  }

  #read({ version, fields }: Extract<Step, { do: 'read' }>): void {
    const hash: Record<SlotID, string> = {};
    for (const [slotID, each] of Object.entries(fields)) {
      if (each !== undefined) hash[slotID] = each === '{' ? each : this.#json(slotID, each);
    }
    this.#held = heldAfterRead(this.#held, { version, fields: hash }).held;
    this.#registry.look();
  }

  #json(slotID: SlotID, { generation, readable, kind }: Exclude<Field, '{'>): string {
    const token = SEALS.get(`${slotID} ${(readable ? known : unknown).id}`) ?? '';
    return encodeSlot(slotOf({ generation, token, kind }));
  }

  #brokenOf(slotID: SlotID): Set<string> {
    const broken = this.#broken.get(slotID) ?? new Set();
    this.#broken.set(slotID, broken);
    return broken;
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('after any reads, exceptions and closings', () => {
  it('exactly what is held runs after one undisturbed pass', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const bench = new Bench();
        for (const each of steps) await bench.take(each);
        bench.quietLook();
        expect(bench.running()).toEqual(bench.held());
        await bench.end();
      }),
      { numRuns: 300 },
    );
  });
});
