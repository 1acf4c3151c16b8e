import { expect, it } from 'vitest';
import { measure } from '#bench/load/measure.ts';
import { SUBJECTS } from '#bench/performance/run-plans.ts';

// It measures nothing worth knowing in so short a time. That it counts each event exactly once, `measure` checks itself.
it.each(SUBJECTS)(
  'a load is carried by a $program on $runtime, idle and busy, and over a drop of all sockets',
  async (subject) => {
    const measured = await measure({
      subject,
      source: 'sources',
      teams: 10,
      pods: 1,
      idleSeconds: 0.2,
      certificate: subject.runtime === 'bun' ? 'chain' : 'small',
      loads: [{ perSecond: 500, bytes: 1_024, costSeconds: 0.5, latencySeconds: 0.5 }],
      drop: subject.program === 'connector',
    });
    expect(measured.startToFirstHelloMs).toBeGreaterThan(0);
    expect(measured.idle?.rssMB).toBeGreaterThan(10);
    expect(measured.loads).toMatchObject([{ perSecond: 500, latencyMs: { p99: expect.any(Number) } }]);
    expect(measured.droppedBackMs === undefined).toBe(subject.program === 'baseline');
  },
  120_000,
);
