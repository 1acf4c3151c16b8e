import fc from 'fast-check';
import { expect, it } from 'vitest';
import { redisConnectBudget } from '#connector/budget/redis-connect-budget.ts';
import { appBudgetKey, appSocketsKey } from '#core/protocol/keys.ts';
import { type TestRedis, useRedis } from '#test/support/redis-fixture.ts';
import { passTime } from './pass-time.ts';

/**
 * Slots of one app in two clusters, each of which may run in two processes, do what slots do in any order: the script must
 * never admit more than nine of them, nor two connects at once, and must never end in a state where nobody gets on.
 */
const BUCKET = { key: appBudgetKey('A1'), sockets: appSocketsKey('A1') };
const MARK_MS = 300_000;
const OPENING_MS = 15_000;
/** The script goes by the clock of Redis, on which a busy machine's own time passes, too. */
const OWN_TIME_MS = 3_000;
const ATTEMPT_MS = 45_000;
const SLOTS_OF_CLUSTER = 6;

const server = useRedis();
const redis = server.useClient();

/** One slot in one process. */
interface Runner {
  process: string;
  slotID: string;
  attemptSinceMs: number | undefined;
  markedAtMs: number | undefined;
}

type Action =
  | { do: 'ask' | 'hello' | 'fail' | 'giveBack' | 'stop'; who: number }
  | { do: 'kill'; process: number }
  | { do: 'pass'; ms: number };

class World {
  readonly #redis: TestRedis;
  readonly #budgets: ReadonlyMap<string, ReturnType<typeof redisConnectBudget>>;
  readonly runners: readonly Runner[];
  #nowMs = 0;

  constructor(using: TestRedis) {
    this.#redis = using;
    const processes = ['east', 'west'].flatMap((cluster) => ['p', 'q'].map((name) => ({ cluster, name })));
    const nameOf = ({ cluster, name }: { cluster: string; name: string }): string => `${cluster}-${name}`;
    this.#budgets = new Map(processes.map((p) => [nameOf(p), redisConnectBudget(using, nameOf(p), p.cluster)]));
    this.runners = processes.flatMap((p) =>
      Array.from({ length: SLOTS_OF_CLUSTER }, (_, n) => ({
        process: nameOf(p),
        slotID: `${p.cluster}/${n}`,
        attemptSinceMs: undefined,
        markedAtMs: undefined,
      })),
    );
  }

  #budgetOf({ process }: Runner) {
    return this.#budgets.get(process) ?? redisConnectBudget(this.#redis);
  }

  /** Slots with a socket, or with an attempt that may have one. */
  slots(): Set<string> {
    const busy = this.runners.filter(({ attemptSinceMs, markedAtMs }) => (attemptSinceMs ?? markedAtMs) !== undefined);
    return new Set(busy.map(({ slotID }) => slotID));
  }

  /**
   * Attempts for which the others have to wait. One that replaces a socket which happens to be marked meanwhile, as every 5
   * minutes, is taken for live then: two connects at once, and at worst Slack refuses one.
   */
  openings(): number {
    const isOpening = ({ attemptSinceMs, markedAtMs }: Runner): boolean =>
      attemptSinceMs !== undefined &&
      this.#nowMs - attemptSinceMs < OPENING_MS - OWN_TIME_MS &&
      (markedAtMs === undefined || markedAtMs <= attemptSinceMs);
    return this.runners.filter(isOpening).length;
  }

  async play(action: Action): Promise<void> {
    if (action.do === 'pass') return this.pass(action.ms);
    if (action.do === 'kill') {
      const process = [...this.#budgets.keys()][action.process];
      for (const runner of this.runners.filter((one) => one.process === process)) this.#forget(runner);
      return;
    }
    const isAnswer = action.do === 'hello' || action.do === 'fail' || action.do === 'giveBack';
    const able = isAnswer ? this.runners.filter(({ attemptSinceMs }) => attemptSinceMs !== undefined) : this.runners;
    const runner = able[action.who % able.length];
    if (runner !== undefined) await this.act(runner, action.do);
  }

  /** So many slots get their sockets, before anything happens. */
  async open(count: number): Promise<void> {
    const { length } = this.runners;
    for (let n = 0; n < length && this.slots().size < count; n += 1) {
      const runner = this.runners[n];
      if (runner !== undefined && (await this.act(runner, 'ask'))) await this.act(runner, 'hello');
      await this.pass(20_000);
    }
  }

  async act(runner: Runner, what: 'ask' | 'hello' | 'fail' | 'giveBack' | 'stop'): Promise<boolean> {
    const budget = this.#budgetOf(runner);
    const isTrying = runner.attemptSinceMs !== undefined;
    switch (what) {
      case 'ask': {
        if (isTrying) return false;
        const purpose = runner.markedAtMs === undefined ? 'needed' : 'refresh';
        const { granted } = await budget.take(BUCKET, purpose, {
          slotID: runner.slotID,
          unspaced: false,
          sparing: false,
        });
        if (granted) runner.attemptSinceMs = this.#nowMs;
        return granted;
      }
      case 'hello':
        if (!isTrying) return false;
        runner.attemptSinceMs = undefined;
        await this.#mark(runner);
        return true;
      case 'fail':
      case 'giveBack':
        if (!isTrying) return false;
        runner.attemptSinceMs = undefined;
        if (what === 'giveBack') await budget.giveBack(BUCKET, runner.slotID);
        return true;
      case 'stop':
        this.#forget(runner);
        await budget.release(BUCKET, runner.slotID);
        return true;
      default:
        return what satisfies never;
    }
  }

  /** In steps, so that sockets are marked and attempts end when they should. */
  async pass(ms: number): Promise<void> {
    await passTime(this.#redis, BUCKET, ms);
    this.#nowMs += ms;
    for (const runner of this.runners) {
      const { attemptSinceMs, markedAtMs } = runner;
      if (attemptSinceMs !== undefined && this.#nowMs - attemptSinceMs > ATTEMPT_MS) runner.attemptSinceMs = undefined;
      if (markedAtMs !== undefined && this.#nowMs - markedAtMs >= MARK_MS) await this.#mark(runner);
    }
  }

  async #mark(runner: Runner): Promise<void> {
    runner.markedAtMs = this.#nowMs;
    await this.#budgetOf(runner).markLive(BUCKET, runner.slotID);
  }

  #forget(runner: Runner): void {
    runner.attemptSinceMs = undefined;
    runner.markedAtMs = undefined;
  }
}

const who = fc.nat(4 * SLOTS_OF_CLUSTER - 1);
const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('ask' as const), who }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom('hello' as const, 'fail' as const, 'giveBack' as const), who }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const), who }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), process: fc.nat(3) }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 100, max: 40_000 }) }),
    },
  ),
  { minLength: 20, maxLength: 100 },
);

it('never more than nine slots have a socket, nor are two connects under way, whatever happens in which order', async () => {
  let most = 0;
  await fc.assert(
    fc.asyncProperty(actions, async (played) => {
      await redis.flushall();
      const world = new World(redis);
      await world.open(7);
      for (const action of played) {
        await world.play(action);
        most = Math.max(most, world.slots().size);
        expect(world.slots().size).toBeLessThanOrEqual(9);
        expect(world.openings()).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 25 },
  );
  // The limit was reached, so it was the script that kept it.
  expect(most).toBe(9);
});

it('nine slots get their sockets in the end, whatever happened before', async () => {
  await fc.assert(
    fc.asyncProperty(actions, async (played) => {
      await redis.flushall();
      const world = new World(redis);
      for (const action of played) await world.play(action);
      // Until places of killed processes have expired.
      for (let round = 0; round < 80 && world.slots().size < 9; round += 1) {
        for (const runner of world.runners) {
          if (runner.markedAtMs === undefined && (await world.act(runner, 'ask'))) await world.act(runner, 'hello');
        }
        await world.pass(10_000);
      }
      expect(world.slots().size).toBe(9);
    }),
    { numRuns: 12 },
  );
});
