import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NameClaim, Sought } from '#connector/session/name-seeker.ts';
import type { Renew, Renewal } from '#connector/session/renewal.ts';
import { type SessionContent, SessionKeeper, sessionTtlMs } from '#connector/session/session-keeper.ts';
import { systemClock } from '#core/process/clock.ts';
import { createLog } from '#core/process/log.ts';
import type { Session } from '#core/protocol/session.ts';

const T0 = 1_800_000_000_000;

interface Sent {
  session: Session;
  ttlMs: number;
  claim: NameClaim | undefined;
}

const FREE: NameClaim = { incarnation: '', renewedAt: '' };

let sent: Sent[];
let answer: Partial<Renewal> | Error;
let content: SessionContent;
let keeper: SessionKeeper;
let news: number;
let named: number;
let sought: Sought | Error;
let breaks: number;
let logged: string[];
/** Callbacks that throw from now on. */
let broken: Set<string>;
const told = (callback: string): void => {
  if (broken.has(callback)) throw new Error(`${callback} is broken`);
};
const renew: Renew = async (session, ttlMs, claim) => {
  sent.push({ session, ttlMs, claim });
  if (answer instanceof Error) throw answer;
  const nothing = { version: undefined, drained: undefined, reportsExist: false };
  return { redisMs: T0, rival: undefined, foreign: undefined, ...nothing, ...answer };
};

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  news = 0;
  named = 0;
  breaks = 0;
  logged = [];
  broken = new Set();
  sought = { kind: 'claim', claim: FREE };
  answer = {};
  content = { version: 0, keyIDs: ['k1'], reportVersion: 0, faults: [] };
  const log = createLog({ program: 'test', level: 'info', to: { write: (line: string) => logged.push(line) } });
  const seeker = {
    seek: async (): Promise<Sought> => {
      if (sought instanceof Error) throw sought;
      return sought;
    },
    broke: () => {
      breaks += 1;
    },
    foreignWords: (owner: string) => `it belongs to ${owner}`,
  };
  keeper = new SessionKeeper({
    seeker,
    renew,
    log,
    onNamed: () => {
      named += 1;
      told('onNamed');
    },
    identity: {
      pod: 'c-0',
      incarnation: 'i1',
      zone: 'a',
      capacity: 10,
      pid: 1,
      owner: '',
      machine: '',
      startTicks: '',
    },
    content: () => {
      told('content');
      return content;
    },
    onRenewed: () => told('onRenewed'),
    onNews: () => {
      news += 1;
      told('onNews');
    },
    onResult: () => told('onResult'),
    clock: systemClock,
  });
});
afterEach(async () => {
  answer = {};
  await keeper.leave();
  vi.useRealTimers();
});

describe('the session lease', () => {
  it('is taken at once and renewed every 5 s', async () => {
    keeper.start();
    await vi.advanceTimersByTimeAsync(11_000);
    expect(sent).toHaveLength(3);
    expect(sent.map(({ claim }) => claim)).toEqual([FREE, undefined, undefined]);
    expect(sent[0]).toMatchObject({ ttlMs: 15_000, session: { pod: 'c-0', state: 'up', drainingSinceMs: 0 } });
  });

  it('is renewed 100 ms after an announced change, within 1.1 s after any other, and otherwise not', async () => {
    keeper.start();
    await vi.advanceTimersByTimeAsync(10);
    keeper.renewSoon();
    await vi.advanceTimersByTimeAsync(500);
    expect(sent).toHaveLength(1);
    content = { ...content, version: 3 };
    keeper.renewSoon();
    await vi.advanceTimersByTimeAsync(100);
    expect(sent.at(-1)?.session.version).toBe(3);
    content = { ...content, faults: ['Redis is full'] };
    await vi.advanceTimersByTimeAsync(1_100);
    expect(sent.at(-1)?.session.faults).toEqual(['Redis is full']);
    expect(sent).toHaveLength(3);
  });

  it('is tried every second while Redis is away, and with the first success the name is its own', async () => {
    answer = new Error('ECONNREFUSED');
    keeper.start();
    await vi.advanceTimersByTimeAsync(3_500);
    expect(sent).toHaveLength(4);
    expect(sent.every(({ claim }) => claim === FREE)).toBe(true);
    expect([keeper.mayAct, named]).toEqual([false, 0]);
    expect(keeper.error).toBe('ECONNREFUSED');
    expect(keeper.ageMs()).toBe(3_500);
    answer = {};
    await vi.advanceTimersByTimeAsync(500);
    expect([keeper.mayAct, named]).toEqual([true, 1]);
    expect(keeper.error).toBeUndefined();
    expect(keeper.ageMs()).toBe(0);
  });

  it('says at once that a draining process has closed its sockets, and says so once', async () => {
    keeper.start();
    await vi.advanceTimersByTimeAsync(10);
    keeper.beginDraining(() => T0);
    await vi.advanceTimersByTimeAsync(10);
    expect(sent.at(-1)?.session.left).toBeUndefined();
    const told = news;
    keeper.tellLeft();
    await vi.advanceTimersByTimeAsync(10);
    expect(sent.at(-1)?.session).toMatchObject({ state: 'draining', left: true });
    await keeper.leave();
    expect(sent.at(-1)?.session).toMatchObject({ state: 'draining', left: true });
    expect(news).toBe(told + 1);
  });

  it('reports a process that took the name, keeps running, and does not count its own lease as renewed', async () => {
    keeper.start();
    await vi.advanceTimersByTimeAsync(4_000);
    answer = { rival: 'i2' };
    await vi.advanceTimersByTimeAsync(8_000);
    expect(keeper.rival).toBe('i2');
    expect([keeper.mayAct, keeper.mayReport]).toEqual([true, false]);
    expect(keeper.ageMs()).toBe(12_000);
    expect(await keeper.renewNow()).toBe(false);
    answer = {};
    expect(await keeper.renewNow()).toBe(true);
    expect(keeper.rival).toBeUndefined();
  });

  it("writes nothing and runs nothing while the name is another's, looks each second, and says so once a minute", async () => {
    sought = { kind: 'barred', by: 'waiting', words: 'another process renews this pod name' };
    keeper.start();
    await vi.advanceTimersByTimeAsync(59_500);
    expect(sent).toEqual([]);
    expect([keeper.mayAct, keeper.mayReport, keeper.barred, keeper.error]).toEqual([
      false,
      false,
      sought.words,
      undefined,
    ]);
    expect(await keeper.renewNow()).toBe(false);
    expect(logged).toEqual([expect.stringContaining('another process renews')]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(logged).toHaveLength(2);

    sought = { kind: 'claim', claim: { incarnation: 'i2', renewedAt: '7' } };
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent.map(({ claim }) => claim)).toEqual([{ incarnation: 'i2', renewedAt: '7' }]);
    expect([keeper.mayAct, keeper.mayReport, keeper.barred, named, news]).toEqual([true, true, undefined, 1, 1]);
  });

  it('is sought again, and nothing is run, when another was faster to a free name', async () => {
    answer = { rival: 'i2' };
    keeper.start();
    await vi.advanceTimersByTimeAsync(2_500);
    expect(sent.map(({ claim }) => claim)).toEqual([FREE, FREE, FREE]);
    expect([keeper.mayAct, keeper.rival, named]).toEqual([false, undefined, 0]);
  });

  it('is sought without a gap in the watch: the seeker hears of unanswered reads, too', async () => {
    sought = new Error('ECONNREFUSED');
    keeper.start();
    await vi.advanceTimersByTimeAsync(1_500);
    expect([breaks, keeper.error, keeper.mayAct]).toEqual([2, 'ECONNREFUSED', false]);
  });

  it('may be unwritten where Redis takes no writes: what is free is run all the same', async () => {
    answer = new Error('OOM command not allowed when used memory > maxmemory');
    keeper.start();
    await vi.advanceTimersByTimeAsync(10);
    expect([keeper.mayAct, named]).toEqual([true, 1]);
    expect(keeper.error).toMatch(/OOM/);
  });

  it("is not renewed while the scope is another owner's: what runs keeps running, nothing is acted upon or reported", async () => {
    keeper.start();
    await vi.advanceTimersByTimeAsync(10);
    answer = { foreign: 'uid-1/relax' };
    await vi.advanceTimersByTimeAsync(7_000);
    expect(keeper.barred).toBe('it belongs to uid-1/relax');
    expect([keeper.mayAct, keeper.mayReport, await keeper.renewNow()]).toEqual([false, false, false]);
    expect(sent.length).toBeGreaterThan(2);
    answer = {};
    await vi.advanceTimersByTimeAsync(1_000);
    expect([keeper.mayAct, keeper.mayReport, keeper.barred]).toEqual([true, true, undefined]);
  });

  it('survives listeners that throw, which is logged as a defect and not as a fault of Redis', async () => {
    broken = new Set(['onNamed', 'onRenewed', 'onNews', 'onResult']);
    keeper.start();
    await vi.advanceTimersByTimeAsync(11_000);
    expect(sent).toHaveLength(3);
    expect([keeper.mayReport, keeper.error, keeper.ageMs(), named, news]).toEqual([true, undefined, 1_000, 1, 1]);
    expect(await keeper.renewNow()).toBe(true);
    for (const callback of broken) expect(logged.join()).toContain(`${callback} is broken`);
    expect(logged.every((line) => line.includes('a defect of Relax'))).toBe(true);
  });

  it('keeps its last known content while its content cannot be determined', async () => {
    content = { ...content, version: 7 };
    keeper.start();
    await vi.advanceTimersByTimeAsync(10);
    broken = new Set(['content']);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent.map(({ session }) => session.version)).toEqual([7, 7, 7]);
    expect(keeper.ageMs()).toBeLessThan(5_000);
  });

  it('begins as soon as its content is known', async () => {
    broken = new Set(['content']);
    keeper.start();
    await vi.advanceTimersByTimeAsync(1_500);
    expect([sent.length, keeper.error]).toEqual([0, undefined]);
    broken = new Set();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toHaveLength(1);
  });

  it('says draining from SIGTERM on, and is left behind with the rest of its time', async () => {
    keeper.start();
    await vi.advanceTimersByTimeAsync(10);
    let redisNowMs = T0;
    keeper.beginDraining(() => redisNowMs);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent.at(-1)).toMatchObject({ ttlMs: 90_000, session: { state: 'draining', drainingSinceMs: T0 } });
    redisNowMs += 30_000;
    await keeper.leave();
    const last = sent.at(-1);
    expect(last).toMatchObject({ ttlMs: 60_000, session: { state: 'draining', drainingSinceMs: T0 } });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(sent.at(-1)).toBe(last);
  });

  it('is announced to the planner when it begins and when it starts to drain, once Redis has it', async () => {
    answer = new Error('away');
    keeper.start();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(news).toBe(0);
    answer = {};
    await vi.advanceTimersByTimeAsync(20_000);
    expect(news).toBe(1);
    keeper.beginDraining(() => T0);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(news).toBe(2);
  });

  it.each([
    ['up', 0, 500_000, false, 15_000],
    ['draining', 1_000, 31_000, false, 60_000],
    ['draining for long, still running', 1_000, 90_000, false, 15_000],
    ['leaving late', 1_000, 90_000, true, 1_000],
    ['leaving after the planner stopped waiting', 1_000, 200_000, true, 1_000],
  ])('lives as long as it should: %s', (_name, sinceMs, nowMs, leaving, ttlMs) => {
    expect(sessionTtlMs(sinceMs, nowMs, leaving)).toBe(ttlMs);
  });
});
