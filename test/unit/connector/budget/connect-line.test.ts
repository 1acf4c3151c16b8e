import { beforeEach, expect, it } from 'vitest';
import { joinLine } from '#connector/budget/connect-line.ts';
import { DialSemaphore } from '#connector/budget/dial-semaphore.ts';
import { Outage } from '#connector/budget/outage.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { silentLog } from '#test/support/silent-log.ts';

let timers: FakeTimers;
let outage: Outage;
let dialSemaphore: DialSemaphore;
let gone: string[];
let leave: Map<string, () => void>;
beforeEach(() => {
  timers = new FakeTimers();
  outage = new Outage(timers, silentLog);
  dialSemaphore = new DialSemaphore(3);
  gone = [];
  leave = new Map();
});

const join = (team: string): void => {
  leave.set(
    team,
    joinLine({ outage, dialSemaphore }, team, () => gone.push(team)),
  );
};
const TEAMS = Array.from({ length: 5_000 }, (_, n) => `T${n}`);
const fail = (team: string): void => {
  outage.failed(team, 'SlackUnavailable');
  leave.get(team)?.();
};

it('teams that wait for a dial when an outage is declared spend no connect on it, but for the probes', async () => {
  for (const team of TEAMS) join(team);
  expect(gone).toEqual(['T0', 'T1', 'T2']);
  for (const team of ['T0', 'T1', 'T2']) fail(team);
  // The first two turns that were given back went on before the outage was declared.
  expect(gone).toHaveLength(5);
  for (const team of ['T3', 'T4']) fail(team);
  await timers.advance(9_000);
  expect(gone.length - 5).toBeGreaterThanOrEqual(3);
  expect(gone.length - 5).toBeLessThanOrEqual(6);
});

it('and all of them go on when it is over, as many at once as there are dials', async () => {
  for (const team of TEAMS) join(team);
  for (const team of ['T0', 'T1', 'T2', 'T3', 'T4']) fail(team);
  await timers.advance(0);
  outage.succeeded();
  for (let n = 0; n < gone.length; n += 1) leave.get(gone[n] ?? '')?.();
  expect(new Set(gone)).toEqual(new Set(TEAMS));
});

it('whoever leaves the line gets no turn, wherever it waits', () => {
  for (const team of TEAMS.slice(0, 10)) join(team);
  leave.get('T7')?.();
  for (const team of ['T0', 'T1', 'T2', 'T3', 'T4']) fail(team);
  leave.get('T8')?.();
  outage.succeeded();
  for (let n = 0; n < gone.length; n += 1) leave.get(gone[n] ?? '')?.();
  expect(TEAMS.slice(0, 10).filter((team) => !gone.includes(team))).toEqual(['T7', 'T8']);
});
