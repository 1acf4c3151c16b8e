import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Renew, Renewal } from '../../../../connector/session/renewal.ts';
import { type SessionContent, SessionKeeper, sessionTtlMs } from '../../../../connector/session/session-keeper.ts';
import { systemClock } from '../../../../core/clock.ts';
import { createLog } from '../../../../core/log.ts';
import type { Session } from '../../../../core/session.ts';

const T0 = 1_800_000_000_000;

interface Sent {
  session: Session;
  ttlMs: number;
  takeName: boolean;
}

let sent: Sent[];
let answer: Partial<Renewal> | Error;
let content: SessionContent;
let keeper: SessionKeeper;
let news: number;
const renew: Renew = async (session, ttlMs, takeName) => {
  sent.push({ session, ttlMs, takeName });
  if (answer instanceof Error) throw answer;
  const nothing = { version: undefined, drained: undefined, reportsExist: false, rival: undefined };
  return { redisMs: T0, ...nothing, ...answer };
};

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  news = 0;
  answer = {};
  content = { version: 0, keyIDs: ['k1'], reportVersion: 0, faults: [] };
  keeper = new SessionKeeper({
    renew,
    identity: { pod: 'c-0', incarnation: 'i1', zone: 'a', capacity: 10, pid: 1 },
    content: () => content,
    onRenewed: () => undefined,
    onNews: () => {
      news += 1;
    },
    clock: systemClock,
    log: createLog({ program: 'test', level: 'silent' }),
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
    expect(sent.map(({ takeName }) => takeName)).toEqual([true, false, false]);
    expect(sent[0]).toMatchObject({ ttlMs: 15_000, session: { pod: 'c-0', state: 'up', drainingSinceMs: 0 } });
  });

  it('is renewed 100 ms after a change that was told, within 1.1 s after one that was not, else not', async () => {
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

  it('is tried every second while Redis is away, and takes the name with the first success', async () => {
    answer = new Error('ECONNREFUSED');
    keeper.start();
    await vi.advanceTimersByTimeAsync(3_500);
    expect(sent).toHaveLength(4);
    expect(sent.every(({ takeName }) => takeName)).toBe(true);
    expect(keeper.error).toBe('ECONNREFUSED');
    expect(keeper.ageMs()).toBe(3_500);
    answer = {};
    await vi.advanceTimersByTimeAsync(500);
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

  it('tells of a younger process under the same name, and does not count its own lease as renewed', async () => {
    keeper.start();
    await vi.advanceTimersByTimeAsync(4_000);
    answer = { rival: 'i2' };
    await vi.advanceTimersByTimeAsync(8_000);
    expect(keeper.rival).toBe('i2');
    expect(keeper.ageMs()).toBe(12_000);
    expect(await keeper.renewNow()).toBe(false);
    answer = {};
    expect(await keeper.renewNow()).toBe(true);
    expect(keeper.rival).toBeUndefined();
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

  it('is news for the planner when it begins and when it starts to drain, once Redis has it', async () => {
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
