import { beforeEach, describe, expect, it } from 'vitest';
import { DefectLog } from '#core/process/defect.ts';
import { createLog } from '#core/process/log.ts';

let nowMs: number;
let logged: Record<string, unknown>[];
let defects: DefectLog;
beforeEach(() => {
  nowMs = 0;
  logged = [];
  const log = createLog({ program: 'test', level: 'info', to: { write: (line) => logged.push(JSON.parse(line)) } });
  defects = new DefectLog(log, { wallMs: () => 0, monotonicMs: () => nowMs });
});

describe('a defect', () => {
  it('is logged as an error that names the place and what it was about', () => {
    const error = new Error('of the caller');
    defects.report('the report of a slot', error, { slot: 'a/0' });
    expect(logged).toMatchObject([
      { level: 'error', part: 'the report of a slot', slot: 'a/0', error: 'of the caller', stack: error.stack },
    ]);
  });

  it('that comes every second is logged once a minute, with the number of times since', () => {
    for (; nowMs < 150_000; nowMs += 1_000) defects.report('the session', new Error('again'));
    expect(logged.map(({ count }) => count)).toEqual([1, 60, 60]);
  });

  it('in another place is logged at once', () => {
    defects.report('the session', new Error('one'));
    defects.report('the reports', new Error('other'));
    expect(logged).toMatchObject([{ part: 'the session' }, { part: 'the reports' }]);
  });

  it('of a callback stops nothing', () => {
    defects.run('the callback', () => {
      throw new Error('of the callback');
    });
    expect(logged).toMatchObject([{ part: 'the callback', error: 'of the callback' }]);
  });
});
