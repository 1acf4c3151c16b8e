import { beforeEach, describe, expect, it } from 'vitest';
import { Outage } from '#connector/budget/outage.ts';
import { probeGapMs } from '#connector/budget/outage-state.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { silentLog } from '#test/support/silent-log.ts';

let timers: FakeTimers;
let outage: Outage;
let gone: number[];
beforeEach(() => {
  timers = new FakeTimers();
  outage = new Outage(timers, silentLog);
  gone = [];
});

const join = (count: number): (() => void)[] =>
  Array.from({ length: count }, (_, n) => outage.pass(`T${n + 10}`, () => gone.push(n)));
const failThree = (): void => {
  for (const team of ['T1', 'T2', 'T3']) outage.failed(team, 'SlackUnavailable');
};

describe('an outage', () => {
  it('is declared when three teams in a row fail', () => {
    join(2);
    expect(gone).toEqual([0, 1]);
    outage.failed('T1', 'ConnectionLost');
    outage.failed('T1', 'ConnectionRefused');
    outage.failed('T2', 'SlackUnavailable');
    expect(outage.isDeclared).toBe(false);
    outage.failed('T3', 'HelloTimeout');
    expect(outage.isDeclared).toBe(true);
  });

  it('is not declared for one team however often, for old failures, for what concerns one team, or after a hello in between', async () => {
    for (let n = 0; n < 9; n += 1) outage.failed('T1', 'SlackUnavailable');
    outage.failed('T2', 'SlackUnavailable');
    await timers.advance(30_000);
    outage.failed('T3', 'SlackUnavailable');
    for (const team of ['T4', 'T5', 'T6']) outage.failed(team, 'MigrationInProgress');
    outage.failed('T4', 'SlackUnavailable');
    outage.succeeded();
    outage.failed('T5', 'SlackUnavailable');
    expect(outage.isDeclared).toBe(false);
  });

  it('allows a probe now and then, of another team each time, at least one in 3 s', async () => {
    failThree();
    join(100);
    await timers.advance(0);
    expect(gone).toEqual([0]);
    await timers.advance(30_000);
    expect(gone.length).toBeGreaterThanOrEqual(9);
    expect(gone.length).toBeLessThanOrEqual(12);
    expect(gone).toEqual(gone.map((_, n) => n));
    expect(probeGapMs(1_000)).toBeLessThanOrEqual(3_000);
  });

  it('soon allows another probe when one had no connect left', async () => {
    failThree();
    join(100);
    await timers.advance(20_000);
    const before = gone.length;
    outage.unused(`T${before + 9}`);
    await timers.advance(100);
    expect(gone.length).toBe(before + 1);
    await timers.advance(1_000);
    expect(gone.length).toBe(before + 1);
  });

  it('has its probes leave each team the last connect, unless none had another for 6 s', async () => {
    failThree();
    const spared: boolean[] = [];
    for (let n = 0; n < 200; n += 1) {
      outage.pass(`T${n + 10}`, (sparing) => {
        spared.push(sparing);
        if (sparing) outage.unused(`T${n + 10}`);
        else outage.failed('T1', 'SlackUnavailable');
      });
    }
    await timers.advance(5_900);
    expect(spared.length).toBeGreaterThan(20);
    expect(new Set(spared)).toEqual(new Set([true]));
    await timers.advance(5_900);
    expect(spared.filter((sparing) => !sparing)).toHaveLength(1);
  });

  it('prefers a team that was healthy so far to those that keep failing', async () => {
    failThree();
    let waiting = 0;
    for (let n = 0; n < 50; n += 1) {
      const join = (): void => {
        waiting += 1;
        outage.pass(`T${n}`, fail);
      };
      const fail = (): void => {
        waiting -= 1;
        outage.failed(`T${n}`, 'HelloTimeout');
        timers.after(10_000, join);
      };
      join();
    }
    await timers.advance(300_000);
    expect(waiting).toBeGreaterThan(40);
    let went = false;
    outage.pass('T99', () => {
      went = true;
    });
    await timers.advance(3_000);
    expect(went).toBe(true);
  });

  it('ends for all with one hello, and notifies those that wait elsewhere', async () => {
    failThree();
    const places = join(10);
    places[4]?.();
    let told = 0;
    const leave = outage.onRecovered(() => {
      told += 1;
    });
    await timers.advance(0);
    outage.succeeded();
    expect(gone).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9]);
    expect([told, timers.pending]).toEqual([1, 0]);
    outage.succeeded();
    leave();
    failThree();
    outage.succeeded();
    expect(told).toBe(1);
  });

  it('runs no timer when nobody waits', async () => {
    failThree();
    const [leave] = join(1);
    leave?.();
    await timers.advance(60_000);
    expect([timers.pending, gone]).toEqual([0, []]);
    join(1);
    await timers.advance(0);
    expect(gone).toEqual([0]);
  });
});
