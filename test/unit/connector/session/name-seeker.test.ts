import { beforeEach, describe, expect, it } from 'vitest';
import { type NameLook, NameSeeker } from '#connector/session/name-seeker.ts';
import type { NameHolder } from '#connector/session/name-verdict.ts';

const holder: NameHolder = { incarnation: 'i1', state: 'up', owner: '', machine: 'm', pid: 7, startTicks: '1' };

let nowMs: number;
let redis: NameLook | Error;
let process: 'lives' | 'gone';
let seeker: NameSeeker;

beforeEach(() => {
  nowMs = 1_000_000;
  process = 'lives';
  redis = { scopeOwner: '', holder, renewedAt: '100' };
  seeker = new NameSeeker({
    look: async () => {
      if (redis instanceof Error) throw redis;
      return redis;
    },
    cluster: 'relax.relax',
    self: { pod: 'c-0', incarnation: 'i2', owner: 'uid-2/relax' },
    clock: { monotonicMs: () => nowMs, wallMs: () => 0 },
    processOf: () => process,
  });
});

/** A look each second for so long. @returns the last answer */
async function watch(seconds: number) {
  let last = await seeker.seek();
  for (let passed = 0; passed < seconds && last.kind === 'barred'; passed += 1) {
    nowMs += 1_000;
    last = await seeker.seek();
  }
  return last;
}

describe('A connector whose name another process renews', () => {
  it('says who that is and what to do', async () => {
    const sought = await seeker.seek();
    expect(sought).toMatchObject({ kind: 'barred', by: 'waiting' });
    const words = 'words' in sought ? sought.words : '';
    for (const part of ['i1', 'owner unknown', 'c-0', '"relax.relax"', 'RELAX_POD', 'RELAX_CLUSTER']) {
      expect(words).toContain(part);
    }
  });

  it('waits as long as the other process renews', async () => {
    for (let renewal = 0; renewal < 20; renewal += 1) {
      redis = { scopeOwner: '', holder, renewedAt: String(renewal) };
      expect(await watch(5)).toMatchObject({ by: 'waiting' });
    }
  });

  it('takes the name from exactly the session that it watched, 7.5 s after its last renewal', async () => {
    await watch(3);
    redis = { scopeOwner: '', holder, renewedAt: '104' };
    const fromMs = nowMs;
    expect(await watch(30)).toEqual({ kind: 'claim', claim: { incarnation: 'i1', renewedAt: '104' } });
    expect(nowMs - fromMs).toBe(8_000);
  });

  it('does not take it when Redis was away and the holder could not renew either', async () => {
    await watch(5);
    redis = new Error('ECONNREFUSED');
    await expect(seeker.seek()).rejects.toThrow('ECONNREFUSED');
    seeker.broke();
    nowMs += 60_000;
    redis = { scopeOwner: '', holder: undefined, renewedAt: '' };
    expect(await watch(7)).toMatchObject({ by: 'waiting' });
    redis = { scopeOwner: '', holder, renewedAt: '200' };
    expect(await watch(7)).toMatchObject({ by: 'waiting' });
  });

  it('does not take it when Redis was emptied and the holder has not renewed yet', async () => {
    await watch(2);
    redis = { scopeOwner: '', holder: undefined, renewedAt: '' };
    expect(await watch(5)).toMatchObject({ by: 'waiting' });
    redis = { scopeOwner: '', holder, renewedAt: '300' };
    expect(await watch(7)).toMatchObject({ by: 'waiting' });
  });

  it('does not take it when both were stopped together, such as with their machine', async () => {
    await watch(5);
    nowMs += 60_000;
    expect(await watch(5)).toMatchObject({ by: 'waiting' });
    redis = { scopeOwner: '', holder, renewedAt: '400' };
    expect(await watch(7)).toMatchObject({ by: 'waiting' });
  });

  it('leaves it to the successor of a holder that was killed, and takes it if none comes', async () => {
    await watch(2);
    process = 'gone';
    expect(await watch(4)).toMatchObject({ by: 'waiting' });
    redis = { scopeOwner: '', holder: { ...holder, incarnation: 'i3' }, renewedAt: '101' };
    process = 'lives';
    expect(await watch(7)).toMatchObject({ by: 'waiting' });
    process = 'gone';
    expect(await watch(30)).toMatchObject({ claim: { incarnation: 'i3' } });
  });

  it('learns who owns the scope when it is not its own', async () => {
    redis = { scopeOwner: 'uid-1/relax', holder: undefined, renewedAt: '' };
    const sought = await watch(20);
    expect(sought).toMatchObject({ kind: 'barred', by: 'foreign' });
    const words = 'words' in sought ? sought.words : '';
    for (const part of ['uid-1/relax', 'uid-2/relax', 'RELAX_CLUSTER', '--take-over']) expect(words).toContain(part);
  });
});
