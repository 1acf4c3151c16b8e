import { beforeEach, describe, expect, it } from 'vitest';
import { ReplyFaults } from '#connector/reply/reply-faults.ts';
import type { ReplyFault } from '#core/protocol/reply.ts';
import type { Redis } from '#core/redis/redis.ts';

const fault = (reason: string): ReplyFault => ({ outcome: 'late', reason, at: '2026-11-26T00:00:00.000Z' });

let written: Map<string, string>;
let warned: string[];
/** Redis answers when this is called. */
let release: () => void;
let atOnce: number;
let faults: ReplyFaults;

beforeEach(() => {
  written = new Map();
  warned = [];
  atOnce = 0;
  const released = Promise.withResolvers<void>();
  release = released.resolve;
  let open = 0;
  const set = async (key: string, value: string): Promise<'OK'> => {
    open += 1;
    atOnce = Math.max(atOnce, open);
    await released.promise;
    open -= 1;
    if (key === 'relax:reply:refused') throw new Error('OOM command not allowed');
    written.set(key, (JSON.parse(value) as ReplyFault).reason);
    return 'OK';
  };
  const limitedLog = {
    warn: (_kind: string, fields: Readonly<Record<string, unknown>>) => warned.push(`${fields.error}`),
  };
  faults = new ReplyFaults({ set } as Pick<Redis, 'set'>, limitedLog);
});

describe('why answers went nowhere', () => {
  it('is written, the last reason of each', async () => {
    for (const id of ['e0', 'e1']) faults.record(id, fault('first'));
    faults.record('e1', fault('second'));
    release();
    await faults.written();
    expect(Object.fromEntries(written)).toEqual({ 'relax:reply:e0': 'first', 'relax:reply:e1': 'second' });
  });

  it('waits for Redis within bounds, and the rest is given up', async () => {
    for (let n = 0; n < 1_500; n += 1) faults.record(`e${n}`, fault('late'));
    release();
    await faults.written();
    expect(written.size).toBeGreaterThanOrEqual(1_000);
    expect(written.size).toBeLessThanOrEqual(1_020);
    expect(atOnce).toBe(20);
    expect(warned).toHaveLength(1_500 - written.size);
    expect(new Set(warned)).toEqual(new Set(['too many at once']));
  });

  it('that Redis does not take is given up, and others are written', async () => {
    faults.record('refused', fault('late'));
    faults.record('e1', fault('late'));
    release();
    await faults.written();
    expect([...written.keys()]).toEqual(['relax:reply:e1']);
    expect(warned).toEqual(['OOM command not allowed']);
  });
});
