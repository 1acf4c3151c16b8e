import { afterEach, describe, expect, it } from 'vitest';
import { Candidacy } from '#operator/leadership/candidacy.ts';
import { patienceAfterYield, patienceWithRedis, shouldYield } from '#operator/leadership/leader-patience.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { LeaseServer } from '#test/support/kube/lease-server.ts';
import { silentLog } from '#test/support/silent-log.ts';

const candidacies: { stop: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const candidacy of candidacies.splice(0)) await candidacy.stop();
});

function candidacy(server: LeaseServer, timers: FakeTimers, identity: string) {
  const seen: string[] = [];
  const redis = { awaySinceMs: undefined as number | undefined };
  const made = new Candidacy({
    client: server.client(),
    namespace: 'n',
    name: 'l',
    identity,
    timers,
    random: () => 0.5,
    log: silentLog,
    redisAwayMs: () => (redis.awaySinceMs === undefined ? 0 : timers.monotonicMs() - redis.awaySinceMs),
    onElected: () => seen.push('elected'),
    onEnded: async (isLost) => void seen.push(isLost ? 'lost' : 'ended'),
  });
  candidacies.push(made);
  made.start();
  const cut = (): void => {
    redis.awaySinceMs = timers.monotonicMs();
  };
  const heal = (): void => {
    redis.awaySinceMs = undefined;
  };
  return { made, seen, cut, heal };
}

describe('a candidacy', () => {
  it('runs again after the Lease was lost, and the same process can be elected again', async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const a = candidacy(server, timers, 'a');
    await timers.advance(100);
    server.mode = 'failing';
    await timers.advance(12_000);
    expect([a.seen, a.made.isLeader()]).toEqual([['elected', 'lost'], false]);
    server.mode = 'ok';
    await timers.advance(20_000);
    expect([a.seen, a.made.isLeader()]).toEqual([['elected', 'lost', 'elected'], true]);
  });

  it('of a process that was stopped for a while treats its Lease as lost, not as one to release', async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const a = candidacy(server, timers, 'a');
    await timers.advance(20_000);
    server.mode = 'hanging';
    a.cut();
    timers.sleepThrough(40_000);
    await timers.advance(0);
    expect(a.seen).toEqual(['elected', 'lost']);
  });

  it("that ends with a Lease which may be another's by now says so", async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const a = candidacy(server, timers, 'a');
    await timers.advance(20_000);
    timers.sleepThrough(40_000);
    await a.made.stop();
    expect(a.seen).toEqual(['elected', 'lost']);
  });

  it('of a leader that does not reach Redis gives the Lease to one that does, within 25 s', async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const a = candidacy(server, timers, 'a');
    await timers.advance(100);
    const b = candidacy(server, timers, 'b');
    await timers.advance(60_000);
    expect([a.made.hasRival(), b.made.hasRival()]).toEqual([false, true]);
    a.cut();
    await timers.advance(25_000);
    expect([a.seen, b.seen]).toEqual([['elected', 'ended'], ['elected']]);
    await timers.advance(600_000);
    expect([a.made.isLeader(), b.made.isLeader()]).toEqual([false, true]);
  });

  it('with Redis away for everybody leaves the Lease free only for seconds, and less and less often', async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const all = ['a', 'b'].map((name) => candidacy(server, timers, name));
    await timers.advance(5_000);
    for (const each of all) each.cut();
    let vacantMs = 0;
    let longestMs = 0;
    const terms = () => all.flatMap(({ seen }) => seen).filter((what) => what === 'elected').length;
    const counts: number[] = [];
    for (let ms = 0; ms < 1_200_000; ms += 500) {
      if (ms % 300_000 === 0) counts.push(terms());
      await timers.advance(500);
      vacantMs = all.some(({ made }) => made.isLeader()) ? 0 : vacantMs + 500;
      longestMs = Math.max(longestMs, vacantMs);
    }
    expect(longestMs).toBeLessThan(14_000);
    expect(terms()).toBeLessThan(16);
    const later = counts.map((count, at) => count - (counts[at - 1] ?? 0));
    expect(later.at(-1)).toBeLessThan(later[1] ?? 0);
  });

  it('releases the Lease when it ends', async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const a = candidacy(server, timers, 'a');
    await timers.advance(100);
    await a.made.stop();
    expect([a.seen, server.lease?.spec?.holderIdentity]).toEqual([['elected', 'ended'], '']);
    expect(timers.pending).toBe(0);
  });
});

it.each([
  ['Redis was read a moment ago', 0, 100_000, false],
  ['it has only just been elected', 100_000, 5_000, false],
  ['Redis has not been read for a while, and others may reach it', 17_000, 17_000, true],
])('a leader yields when %s: %s ms away, %s ms leading', (_what, awayMs, leadingMs, yields) => {
  expect(shouldYield(patienceWithRedis, { awayMs, leadingMs })).toBe(yields);
  expect(shouldYield(patienceAfterYield(patienceWithRedis), { awayMs, leadingMs })).toBe(false);
});
