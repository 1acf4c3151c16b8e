import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ConnectBudget } from '#connector/budget/connect-budget.ts';
import { redisConnectBudget } from '#connector/budget/redis-connect-budget.ts';
import type { SlotDeps } from '#connector/slot/slot-deps.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '#slack-simulator/simulator.ts';
import { connectTo } from '#test/support/redis-fixture.ts';
import { type RedisServer, startRedis } from '#test/support/redis-server.ts';
import { waitFor } from '#test/support/wait.ts';
import { expectAllHeard, specOf, TestSlot } from './test-slot.ts';

const TOKEN = 'xoxb-100-one';

interface Stage {
  slack: Simulator;
  open(deps?: Partial<SlotDeps>): TestSlot;
  connects(): number;
}

/** Each test has a Slack of its own, since they run at the same time: all of them wait for seconds. */
async function onStage(play: (stage: Stage) => Promise<void>, options: SimulatorOptions = { connectBurst: 1_000 }) {
  const slack = await startSimulator(options);
  slack.addTeam({ teamID: 'T1', token: TOKEN });
  const slots: TestSlot[] = [];
  try {
    await play({
      slack,
      open: (deps) => {
        const slot = new TestSlot(slack, specOf(TOKEN, { slotID: `uid-1/${slots.length}` }), deps);
        slots.push(slot);
        return slot;
      },
      connects: () => slack.stats().connects.T1?.ok ?? 0,
    });
  } finally {
    await Promise.all(slots.map(({ running }) => running.stop()));
    await slack.stop();
  }
}

/** The same with a Redis of its own, since all of them connect as the same team. */
async function withBudget(play: (budget: ConnectBudget, server: RedisServer) => Promise<void>): Promise<void> {
  const server = await startRedis();
  try {
    const redis = await connectTo(server);
    try {
      await play(redisConnectBudget(redis), server);
    } finally {
      redis.disconnect();
    }
  } finally {
    await server.stop();
  }
}

const pings = (slack: Simulator): number => slack.sockets('T1')[0]?.received.ping ?? 0;

describe.concurrent('a socket', () => {
  it.each(['halfOpen', 'silence'] as const)('that ends by %s is noticed within 12 s and replaced', (kind) =>
    onStage(async ({ slack, open }) => {
      const slot = await open().live();
      slack.inflict({ teamID: 'T1' }, { kind });
      const startedAtMs = performance.now();
      await waitFor(() => slot.states.includes('connecting'), { timeoutMs: 12_000 });
      expect(performance.now() - startedAtMs).toBeGreaterThan(5_000);
      expect(slot.history[1]).toMatchObject({ state: 'connecting', reason: 'ConnectionLost' });
      await slot.until('live');
      await expectAllHeard(slot, [slack.emitMessage('T1').id]);
    }),
  );

  it('is not considered dead while nobody talks', () =>
    onStage(async ({ slack, open }) => {
      const slot = await open().live();
      await waitFor(() => pings(slack) >= 3, { timeoutMs: 20_000 });
      expect(slot.states).toEqual(['live']);
    }));

  it('that gets no hello is given up after 10 s', () =>
    onStage(async ({ slack, open }) => {
      slack.setFault({ at: 'hello', answer: { kind: 'never' }, times: 1 });
      const slot = open();
      slot.running.start();
      await waitFor(() => slot.status.reason === 'HelloTimeout', { timeoutMs: 13_000 });
      await slot.until('live');
      await waitFor(() => slack.sockets('T1').length === 1);
    }));

  it('is neither read nor pinged under pressure, and then delivers what came in the meantime', () =>
    onStage(async ({ slack, open, connects }) => {
      const slot = await open().live();
      slot.running.setPressure(true);
      expect(slot.status.state).toBe('paused');
      const ids = Array.from({ length: 200 }, () => slack.emitMessage('T1').id);
      const before = pings(slack);
      // Longer than a socket that is read may be silent.
      await sleep(11_000);
      expect([pings(slack), slot.events().length]).toEqual([before, 0]);
      slot.running.setPressure(false);
      await expectAllHeard(slot, ids);
      expect(slot.states).toEqual(['live', 'paused', 'live']);
      expect([slack.sockets('T1').length, connects()]).toEqual([1, 1]);
    }));

  it('that Slack closes under pressure delivers all that came before the close, and is replaced', () =>
    onStage(async ({ slack, open }) => {
      const slot = await open().live();
      slot.running.setPressure(true);
      const ids = Array.from({ length: 4_000 }, () => slack.emitMessage('T1').id);
      slack.inflict({ teamID: 'T1' }, { kind: 'drop' });
      // Twice as long as a socket that is read may be silent.
      await sleep(21_000);
      slot.running.setPressure(false);
      await expectAllHeard(slot, ids);
      await waitFor(() => slack.sockets('T1').length === 1);
    }));

  it('that was not read for half the dedupe window is ended, and another one paused', () =>
    onStage(async ({ open, connects }) => {
      const slot = await open({ windowMs: 4_000 }).live();
      slot.running.setPressure(true);
      await waitFor(() => connects() === 2, { timeoutMs: 15_000 });
      await slot.until('paused');
    }));
});

describe.concurrent('the connect budget in Redis', () => {
  it('is shared by replicas, so that Slack never has to refuse', () =>
    onStage(async ({ slack, open }) => {
      await withBudget(async (budget) => {
        const slots = await Promise.all([1, 2, 3].map(() => open({ budget }).live()));
        slack.inflict({ teamID: 'T1', count: 1 }, { kind: 'drop' });
        const struck = await waitFor(() => slots.find(({ status }) => status.state === 'waiting'));
        expect(struck.status.reason).toBe('ConnectionLost');
        expect(struck.status.message).toContain('The websocket closed');
        expect(slack.stats().connects.T1).toEqual({ ok: 3 });
      });
    }, {}));

  it('replaces the sockets of a team one after the other, when one frame has ended them all', () =>
    onStage(async ({ slack, open, connects }) => {
      await withBudget(async (budget) => {
        const slots = await Promise.all([1, 2].map(() => open({ budget }).live()));
        slack.setFault({ at: 'hello', answer: { kind: 'late', delayMs: 1_500 } });
        slack.inflict({ teamID: 'T1' }, { kind: 'oversized', bytes: 17_000_000 });
        await waitFor(() => slots.every(({ status }) => status.state === 'connecting'));
        await waitFor(() => connects() === 3);
        // The other one asks, and asks again, until the first has said hello.
        await sleep(1_200);
        expect(connects()).toBe(3);
        await waitFor(() => slots.some(({ status }) => status.state === 'live'));
        expect(slots.flatMap(({ offered }) => offered.map(({ kind }) => kind))).toEqual(['tooLarge', 'tooLarge']);
      });
    }));

  it('leaves no team without a socket while Redis is away', () =>
    onStage(async ({ slack, open }) => {
      await withBudget(async (budget, server) => {
        await server.kill();
        const slot = await open({ budget }).live();
        slack.inflict({ teamID: 'T1' }, { kind: 'drop' });
        await slot.until('waiting');
        await server.restart();
        await slot.until('live', 20_000);
      });
    }));
});
