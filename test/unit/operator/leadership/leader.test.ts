import { afterEach, describe, expect, it } from 'vitest';
import { LeaderElector } from '#operator/leadership/leader.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { LeaseServer } from '#test/support/kube/lease-server.ts';
import { silentLog } from '#test/support/silent-log.ts';

const electors: LeaderElector[] = [];
afterEach(async () => {
  for (const elector of electors.splice(0)) await elector.stop();
});

function candidate(server: LeaseServer, timers: FakeTimers, identity: string, handicapMs = () => 0) {
  const seen: string[] = [];
  const elector = new LeaderElector({
    client: server.client(),
    namespace: 'n',
    name: 'l',
    identity,
    log: silentLog,
    onElected: () => seen.push('elected'),
    onLost: () => seen.push('lost'),
    handicapMs,
    timers,
    random: () => 0.5,
  });
  electors.push(elector);
  elector.start();
  return { elector, seen };
}

describe('leader elector', () => {
  it('one of two leads, and renews without a transition', async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const a = candidate(server, timers, 'a');
    await timers.advance(100);
    const b = candidate(server, timers, 'b');
    await timers.advance(120_000);
    expect([a.elector.isLeader(), b.elector.isLeader()]).toEqual([true, false]);
    expect([a.seen, b.seen]).toEqual([['elected'], []]);
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 });
    expect(b.elector.holder()).toBe('a');
  });

  it('released on stop: the other leads after one try, not after the duration', async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const a = candidate(server, timers, 'a');
    await timers.advance(100);
    const b = candidate(server, timers, 'b');
    await timers.advance(10_000);
    await a.elector.stop();
    expect(server.lease?.spec?.holderIdentity).toBe('');
    await timers.advance(2_500);
    expect(b.seen).toEqual(['elected']);
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    expect(a.seen).toEqual(['elected']);
  });

  it.each(['failing', 'hanging'] as const)(
    'with the API %s the leader steps down once, at the deadline, and stays down',
    async (mode) => {
      const [server, timers] = [new LeaseServer(), new FakeTimers()];
      const a = candidate(server, timers, 'a');
      await timers.advance(100);
      server.mode = mode;
      await timers.advance(9_000);
      expect(a.elector.isLeader()).toBe(true);
      await timers.advance(3_000);
      expect([a.elector.isLeader(), a.elector.phase]).toEqual([false, 'lost']);
      server.mode = 'ok';
      await timers.advance(60_000);
      expect(a.seen).toEqual(['elected', 'lost']);
    },
  );

  it('a short API failure costs no leadership', async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const a = candidate(server, timers, 'a');
    await timers.advance(100);
    server.mode = 'failing';
    await timers.advance(6_000);
    server.mode = 'ok';
    await timers.advance(60_000);
    expect(a.seen).toEqual(['elected']);
  });

  it('a second leader can only start after the first has stopped believing', async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const reachable = new LeaseServer();
    const a = candidate(server, timers, 'a');
    await timers.advance(100);
    // b sees a lease that is never renewed again, from the moment that a is cut off.
    reachable.lease = structuredClone(server.lease);
    server.mode = 'hanging';
    const b = candidate(reachable, timers, 'b');
    for (let ms = 0; ms < 30_000; ms += 100) {
      await timers.advance(100);
      expect(a.elector.isLeader() && b.elector.isLeader()).toBe(false);
    }
    expect(b.seen).toEqual(['elected']);
  });

  it('a lease that another took or deleted under the leader ends its time', async () => {
    for (const meddle of [
      (server: LeaseServer) => {
        const { lease } = server;
        if (lease?.spec !== undefined)
          server.lease = {
            ...lease,
            metadata: { ...lease.metadata, resourceVersion: '77' },
            spec: { ...lease.spec, holderIdentity: 'thief' },
          };
      },
      (server: LeaseServer) => {
        server.lease = undefined;
      },
    ]) {
      const [server, timers] = [new LeaseServer(), new FakeTimers()];
      const a = candidate(server, timers, 'a');
      await timers.advance(100);
      meddle(server);
      await timers.advance(6_000);
      expect(a.seen).toEqual(['elected', 'lost']);
      await a.elector.stop();
      expect(server.lease?.spec?.holderIdentity).not.toBe('');
    }
  });

  it('with a handicap it leaves a lease that is free or has run out to others, and takes it when nobody does', async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const a = candidate(server, timers, 'a');
    await timers.advance(100);
    const slow = candidate(server, timers, 'slow', () => 10_000);
    const b = candidate(server, timers, 'b');
    await timers.advance(5_000);
    await a.elector.stop();
    await timers.advance(5_000);
    expect([slow.seen, b.seen]).toEqual([[], ['elected']]);
    await b.elector.stop();
    await timers.advance(9_000);
    expect(slow.seen).toEqual([]);
    await timers.advance(4_000);
    expect(slow.seen).toEqual(['elected']);
  });

  it('a stopped candidate leaves no timer and no call behind', async () => {
    const [server, timers] = [new LeaseServer(), new FakeTimers()];
    const a = candidate(server, timers, 'a');
    await timers.advance(5_000);
    await a.elector.stop();
    expect(timers.pending).toBe(0);
  });
});
