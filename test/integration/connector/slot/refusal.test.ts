import { afterEach, beforeEach, expect, it } from 'vitest';
import { Outage } from '#connector/budget/outage.ts';
import { HeartbeatWheel } from '#connector/slot/heartbeat-wheel.ts';
import { systemTimers, type Timers } from '#core/process/timers.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';
import { openBudget, specOf, TestSlot } from './test-slot.ts';

const TOKEN = 'xoxb-100-one';
/** Minutes pass in seconds. */
const HASTE = 15;
const timers: Timers = {
  wallMs: () => systemTimers.wallMs(),
  monotonicMs: () => systemTimers.monotonicMs() * HASTE,
  after: (delayMs, fire) => systemTimers.after(delayMs / HASTE, fire),
};

let slack: Simulator;
const slots: TestSlot[] = [];
beforeEach(async () => {
  slack = await startSimulator({ connectBurst: 1_000 });
  slack.addTeam({ teamID: 'T1', token: TOKEN });
});
afterEach(async () => {
  await Promise.all(slots.splice(0).map(({ running }) => running.stop()));
  await slack.stop();
});

/** Two sockets of a team, which know of each other as through Redis. */
async function openTwo(): Promise<TestSlot[]> {
  const budget = { ...openBudget, isLive: async () => slots.some(({ status }) => status.state === 'live') };
  for (const index of [0, 1]) {
    const outage = new Outage(timers, silentLog);
    const deps = { budget, timers, outage, heartbeats: new HeartbeatWheel(timers) };
    slots.push(new TestSlot(slack, specOf(TOKEN, { slotID: `uid-1/${index}` }), deps));
  }
  return Promise.all(slots.map((slot) => slot.live()));
}

const refusals = (): number => slack.stats().connects.T1?.invalid_auth ?? 0;
const refuse = (): void => {
  slack.setFault({ at: 'method', method: 'rtm.connect', answer: { kind: 'error', error: 'invalid_auth' } });
};

it('a refusal that Slack takes back ends by itself within seconds, and no app hears of it', async () => {
  const [first, second] = await openTwo();
  refuse();
  slack.inflict({ teamID: 'T1', count: 1 }, { kind: 'drop' });
  const struck = await waitFor(() => [first, second].find((slot) => slot?.status.state === 'failed'));
  expect(struck.status.reason).toBe('TokenInvalid');
  slack.clearFaults();
  const startMs = timers.monotonicMs();
  await struck.until('live', 15_000);
  expect(timers.monotonicMs() - startMs).toBeLessThan(30_000);
  expect([first?.events(), second?.events()]).toEqual([[], []]);
});

it('a refusal that lasts is reported to the app only once no socket of the token is live', async () => {
  const [first, second] = await openTwo();
  refuse();
  slack.inflict({ teamID: 'T1', count: 1 }, { kind: 'drop' });
  await waitFor(() => refusals() >= 2, { timeoutMs: 30_000 });
  const told = (): unknown[] => [first, second].flatMap((slot) => slot?.events().map(({ item }) => item.type) ?? []);
  expect(told()).toEqual([]);
  slack.inflict({ teamID: 'T1' }, { kind: 'drop' });
  await waitFor(() => told().length > 0, { timeoutMs: 50_000 });
  expect(new Set(told())).toEqual(new Set(['disable_bot']));
}, 90_000);
