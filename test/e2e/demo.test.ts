import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { waitFor } from '#test/support/wait.ts';

const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('relax-demo-'));

/** What it starts has the demo's folder, or a free port that it was given, on its command line; all of it is our child. */
describe('relax demo', () => {
  it('exits by itself within a minute, with a verdict counted by event id, and leaves nothing behind', async () => {
    const before = folders();
    const startMs = performance.now();
    const demo = new RelaxProgram('demo', ['demo'], {});
    const code = await demo.ended();
    expect({ code, tookS: (performance.now() - startMs) / 1000, text: demo.text }).toMatchObject({
      code: 0,
      text: expect.stringMatching(/sent +6000\n +received +6000\n +lost +0\n +duplicated +0\n/),
    });
    expect(performance.now() - startMs).toBeLessThan(60_000);
    for (const part of ['killed connector-0 in zone a', 'cut every connection to Redis', 'Each event exactly once.']) {
      expect(demo.text).toContain(part);
    }
    const [, typed, answered] = /Slash commands: (\d+) typed, (\d+) answered/.exec(demo.text) ?? [];
    expect(Number(typed)).toBeGreaterThan(10);
    // One may have reached the connector that is killed, some come while Redis is cut off.
    expect(Number(answered)).toBeGreaterThan(Number(typed) / 2);
    expect(demo.text).toContain('Messages to Slack: 12 sent, 12 posted, 0 refused because they came too fast');
    const [, suppressed] = /\((\d+) second copies were suppressed/.exec(demo.text) ?? [];
    expect(Number(suppressed)).toBeGreaterThan(1_000);
    expect(folders()).toEqual(before);
  });

  it('ends with all that it started when it is interrupted, and when it is killed', async () => {
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const before = folders();
      const demo = new RelaxProgram('demo', ['demo'], {});
      await waitFor(() => demo.text.includes('sockets are live'), { timeoutMs: 30_000, what: 'the demo is under way' });
      demo.signal(signal);
      expect(await demo.ended()).toBe(signal === 'SIGINT' ? 130 : null);
      // The folder goes with the Redis process, which goes with the demo.
      await waitFor(() => folders().every((name) => before.includes(name)), { what: 'the folder is gone' });
    }
  });
});
