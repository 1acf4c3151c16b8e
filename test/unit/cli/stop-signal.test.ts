import { describe, expect, it } from 'vitest';
import { StopRequests, type StopSource } from '#cli/stop-signal.ts';

const steps = (...requests: [StopSource, number][]) => {
  const taken = new StopRequests();
  return requests.map(([source, atMs]) => taken.take(source, atMs));
};

describe('requests to stop', () => {
  it('stop gracefully at the first, and at once at the second', () => {
    expect(steps(['signal', 0], ['signal', 50])).toEqual(['begin', 'end-now']);
    expect(steps(['launcher', 0], ['launcher', 50])).toEqual(['begin', 'end-now']);
  });

  it('count once when Ctrl-C reaches both the launcher and the program', () => {
    expect(steps(['signal', 0], ['launcher', 3])).toEqual(['begin', 'ignore']);
    expect(steps(['launcher', 0], ['signal', 3], ['signal', 2_000])).toEqual(['begin', 'ignore', 'end-now']);
  });

  it('do not count twice when the parent exits after it has told us to stop', () => {
    expect(steps(['signal', 0], ['parent', 5_000])).toEqual(['begin', 'ignore']);
    expect(steps(['parent', 0])).toEqual(['begin']);
  });
});
