import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Measured } from '#bench/load/measure.ts';
import type { Subject } from '#bench/load/subject.ts';
import { linearTicks, logTicks, renderChart } from '#bench/performance/chart.ts';
import { HELD_BY } from '#bench/performance/held-by.ts';
import { fitLine } from '#bench/performance/line-fit.ts';
import { PAGE, renderPage } from '#bench/performance/page.ts';
import { renderPlots } from '#bench/performance/plots.ts';
import { type Results, runKey } from '#bench/performance/results.ts';
import { fullPlan, SUBJECTS } from '#bench/performance/run-plans.ts';
import { judgeSoak } from '#bench/performance/soak-results.ts';
import { missedList, targetTable } from '#bench/performance/tables.ts';
import { TARGET_ROWS } from '#bench/performance/target-rows.ts';

const page = readFileSync(join(import.meta.dirname, '../../..', PAGE), 'utf8');

/** As if everything had been measured, and each figure were what `scale` says of its subject. */
function results(scale: (subject: Subject) => number): Results {
  const runs = Object.fromEntries(
    fullPlan().map((plan): [string, Measured] => {
      const factor = scale(plan.subject);
      return [
        runKey(plan.run, plan.subject),
        {
          subject: plan.subject,
          teams: plan.teams,
          certificate: plan.certificate,
          pods: plan.pods,
          startToFirstHelloMs: factor,
          startToAllLiveMs: factor,
          idle: plan.idleSeconds > 0 ? { rssMB: factor, cpuMsPerSecond: factor } : undefined,
          droppedBackMs: plan.drop ? factor * 1_000 : undefined,
          loads: plan.loads.map(({ perSecond, bytes }) => ({
            perSecond,
            bytes,
            rssMB: factor,
            cpuMicros: factor,
            redisCpuMicros: factor,
            redisCommandMicros: factor,
            queuedPerSecond: perSecond,
            sentLateMs: 1,
            slackCpuMicros: 1,
            latencyMs: { p50: factor, p99: factor, max: factor },
          })),
        },
      ];
    }),
  );
  const machine = {
    cpu: 'a CPU',
    cores: 2,
    memoryGB: 8,
    kernel: '6',
    node: '24',
    bun: '1',
    redis: '7',
    commit: 'c',
    load: 0,
  };
  const starts = ['sources, Bun', 'sources, Node', 'bare program, Bun', 'bare program, Node'].map((name) => ({
    name,
    helloMs: 5,
    cpuMs: 5,
    rssMB: 5,
  }));
  return { machine, source: 'sources', quick: false, measuredAt: '2026-11-26T00:00:00Z', runs, starts };
}

describe('the page of what a connector takes', () => {
  const measured = results(({ runtime }) => (runtime === 'bun' ? 5 : 10));

  it('is the same for the same results, however often it is written', () => {
    const once = renderPage(page, measured, undefined);
    expect(renderPage(once, measured, undefined)).toBe(once);
    expect(once).toContain('**5**');
    expect(renderPlots(measured)).toEqual(renderPlots(structuredClone(measured)));
  });

  it('must have a place for everything measured, and no other', () => {
    expect(() => renderPage('nothing', measured, undefined)).toThrow(/lacks machine/);
    expect(() => renderPage('<!-- measured: weather -->\n<!-- end -->', measured, undefined)).toThrow(/weather/);
  });

  it('says of each target that is missed by how much, and what holds it', () => {
    const slow = results(() => 1_000);
    expect(missedList(measured)).toBe('Every target is met.');
    expect(missedList(slow).split('\n')).toHaveLength(TARGET_ROWS.length - 1);
    expect(missedList(slow)).toContain('1,000.0 µs instead of 45, 2,122 % more');
  });

  it('has a figure for each row of the targets on each runtime', () => {
    for (const each of TARGET_ROWS) {
      for (const subject of SUBJECTS.filter(({ program }) => program === 'connector')) {
        expect(each.valueOf(measured, subject), `${each.key} on ${subject.runtime}`).toBeTypeOf('number');
      }
    }
    expect(targetTable(measured)).not.toContain('NaN');
  });

  it('shows what was not measured as such', () => {
    const nothing = { ...measured, runs: {}, starts: [] };
    expect(targetTable(nothing)).toContain('| - | - | - | - | - | - |');
    expect(missedList(nothing)).toContain('not measured');
  });

  it('explains rows that there are', () => {
    const keys = TARGET_ROWS.map(({ key }) => key);
    expect(Object.keys(HELD_BY).filter((key) => !keys.includes(key))).toEqual([]);
  });
});

describe('a chart', () => {
  it.each([
    [
      [83, 240],
      [0, 50, 100, 150, 200, 250],
    ],
    [[0.7], [0, 0.2, 0.4, 0.6, 0.8]],
    [[5], [0, 1, 2, 3, 4, 5]],
  ])('of %j has round ticks from 0', (values, ticks) => {
    expect(linearTicks(values)).toEqual(ticks);
  });

  it('over powers of ten has all of them', () => {
    expect(logTicks([0.5, 70])).toEqual([0.1, 1, 10, 100]);
  });

  it('escapes what it writes', () => {
    const axis = { label: 'x', scale: 'linear', ticks: [0, 1] } as const;
    const svg = renderChart({ title: 'a < b & "c"', x: axis, y: axis, series: [] });
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
  });
});

describe('memory over time', () => {
  const samples = (rssMB: (minute: number) => number) =>
    Array.from({ length: 360 }, (_, at) => ({ minute: at / 4, rssMB: rssMB(at / 4), live: 5_000 }));

  it.each([
    ['stays', () => 150, true],
    ['jumps up and down', (minute: number) => 150 + 5 * Math.sin(minute), true],
    ['grows at first only', (minute: number) => 150 - 40 * Math.exp(-minute / 5), true],
    ['grows by 20 MB an hour', (minute: number) => 150 + minute / 3 + Math.sin(minute), false],
  ] as const)('that %s is judged so', (_what, rssMB, isFlat) => {
    expect(judgeSoak(samples(rssMB)).isFlat).toBe(isFlat);
  });

  it('has a trend with a margin', () => {
    const line = fitLine([0, 1, 2, 3, 4, 5].map((x) => ({ x, y: 2 * x + (x % 2) / 10 })));
    expect(line.slope).toBeCloseTo(2, 1);
    expect(line.halfWidth).toBeLessThan(0.1);
  });
});
