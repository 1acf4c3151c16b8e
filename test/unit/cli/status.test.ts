import { describe, expect, it } from 'vitest';
import { clusterStatus, type FleetStatus, NO_SOCKETS, podStatus } from '../../../cli/status/fleet-status.ts';
import { renderFleet } from '../../../cli/status/render.ts';
import { botSummarySchema } from '../../../core/bot-summary.ts';
import { slotReportSchema } from '../../../core/report.ts';
import { sessionSchema } from '../../../core/session.ts';

const session = sessionSchema.parse({
  ...{ pod: 'c-0', incarnation: 'now', zone: 'a', capacity: 10, state: 'up', version: 1, keyIDs: [], reportVersion: 1 },
  pid: 42,
});
const report = (state: string, incarnation = 'now') =>
  slotReportSchema.parse({ epoch: 1, incarnation, state, tokenDigest: 'd' });
const bot = (name: string, ready: boolean, reason: string) =>
  botSummarySchema.parse({ bot: name, teamID: 'T1', desired: 2, live: ready ? 2 : 0, ready, reason, message: 'why' });

describe('the status of a pod', () => {
  it('counts slots by what the present incarnation reports of them', () => {
    const reports = new Map([
      ['u/0', report('live')],
      ['v/0', report('live', 'before')],
    ]);
    expect(podStatus({ pod: 'c-0', session, slotIDs: ['u/0', 'v/0', 'w/0'], reports })).toEqual({
      ...{ pod: 'c-0', zone: 'a', state: 'up', pid: 42, capacity: 10, slots: 3, faults: [] },
      sockets: { ...NO_SOCKETS, live: 1, unreported: 2 },
    });
  });

  it('calls a pod without a session gone, and forgets it when it has no slots', () => {
    const facts = { pod: 'c-0', session: undefined, reports: new Map([['u/0', report('live')]]) };
    expect(podStatus({ ...facts, slotIDs: ['u/0'] })).toMatchObject({ state: 'gone', pid: null, sockets: { live: 0 } });
    expect(podStatus({ ...facts, slotIDs: [] })).toBeUndefined();
  });
});

describe('the status of a cluster', () => {
  const pod = { pod: 'c-0', session, slotIDs: ['u/0'], reports: new Map([['u/0', report('live')]]) };
  const facts = { cluster: 'c', owner: 'o', planner: true, lastSeenMs: 1 };
  const cluster = clusterStatus(
    facts,
    [pod],
    [bot('b/z', true, 'Live'), bot('b/a', true, 'Live'), bot('b/m', false, 'X')],
  );
  const fleet: FleetStatus = {
    ...{ atMs: 61_001, redis: 'redis 7.0.0', queue: { name: 'q', length: 3, max: 3 }, contract: null },
    clusters: [cluster],
  };

  it('adds up its pods, and has the bots that need somebody first', () => {
    expect(cluster.sockets.live).toBe(1);
    expect(cluster.bots).toMatchObject({ total: 3, ready: 2, byReason: { Live: 2, X: 1 } });
    expect(cluster.bots.list.map(({ bot: name }) => name)).toEqual(['b/m', 'b/a', 'b/z']);
  });

  it('is shown with what a person must act on', () => {
    const text = renderFleet(fleet);
    expect(text).toContain('FULL: nothing is queued');
    expect(text).toContain('2 of 3 ready (2 Live, 1 X)');
    expect(text).toContain('X: why');
    expect(renderFleet({ ...fleet, clusters: [{ ...cluster, planner: false }] })).toContain(
      'NO PLANNER, last 61 s ago',
    );
  });
});
