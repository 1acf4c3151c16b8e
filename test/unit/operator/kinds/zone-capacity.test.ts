import { describe, expect, it } from 'vitest';
import type { PodSummary, SlotView } from '#operator/fleet/fleet-view.ts';
import { statusOf } from '#operator/kinds/slackbot/status.ts';
import { fleetFacts } from '#operator/kinds/socket-conditions.ts';
import { zoneCapacityOf } from '#operator/kinds/zone-capacity.ts';
import { conditionOf } from '#operator/status/conditions.ts';

const pod = (name: string, zone: string, more: Partial<PodSummary> = {}): PodSummary => ({
  pod: name,
  zone,
  state: 'up',
  capacity: 10,
  slots: 5,
  live: 5,
  takesSlots: true,
  faults: [],
  ...more,
});
const full = { slots: 10 };
const away = { state: 'draining' } as const;
const closed = { takesSlots: false };

describe('What a zone could take', () => {
  it.each([
    ['of one pod with room', [pod('b0', 'b')], 'room'],
    ['of full pods', [pod('b0', 'b', full), pod('b1', 'b', { slots: 11 })], 'full'],
    ['of pods that restart', [pod('b0', 'b', away)], 'away'],
    ['of pods that get no new sockets', [pod('b0', 'b', closed)], 'closed'],
    ['of a full pod and one with room', [pod('b0', 'b', full), pod('b1', 'b')], 'room'],
    ['of a full pod and one that restarts', [pod('b0', 'b', away), pod('b1', 'b', full)], 'full'],
    ['of one that restarts and one that gets none', [pod('b0', 'b', away), pod('b1', 'b', closed)], 'away'],
    ['of one that ends for good', [pod('b0', 'b', { ...away, ...closed })], 'closed'],
    ['of one that takes none at all', [pod('b0', 'b', { capacity: 0, slots: 0 })], 'full'],
  ] as const)('%s', (_what, pods, room) => {
    expect(zoneCapacityOf(pods)).toEqual({ b: room });
  });

  it('reads alike in whatever order the pods are listed', () => {
    const pods = [pod('c0', 'c'), pod('a0', 'a', full), pod('b0', 'b', away)];
    expect(JSON.stringify(zoneCapacityOf(pods))).toBe(JSON.stringify(zoneCapacityOf([...pods].reverse())));
  });
});

describe('Redundant=False SameZone names its cause', () => {
  const slot = (name: string, zone: string, more: Partial<SlotView> = {}): SlotView => ({
    pod: name,
    zone,
    assignedAtMs: 1,
    role: 'active',
    state: 'live',
    reason: '',
    message: '',
    tokenDigest: 'd',
    teamName: '',
    botUserID: '',
    ...more,
  });
  const judged = (pods: readonly PodSummary[], more: readonly SlotView[] = []) => {
    const status = statusOf({
      bot: {
        metadata: { namespace: 'bots', generation: 1 },
        spec: { teamID: 'T1', transport: 'RTM', credentials: { secretRef: { name: 's' } } },
      },
      verdict: { kind: 'valid', token: 'xoxb-1', digest: 'd', note: '' },
      duplicateOf: undefined,
      view: { slots: [slot('a0', 'a'), slot('a1', 'a'), ...more], pending: [] },
      fleet: fleetFacts({ settled: true, pods: [pod('a0', 'a'), pod('a1', 'a'), ...pods] }),
      previous: undefined,
      nowMs: 0,
    });
    const { status: value, reason, message } = conditionOf(status, 'Redundant') ?? {};
    return `${value} ${reason}: ${message}`;
  };
  const START = 'False SameZone: All sockets are live, but in one zone, a';
  const END = 'One is moved as soon as another zone has room.';

  it.each([
    [
      'the other zone is full',
      [pod('b0', 'b', full)],
      `${START}. Zone b: its connectors are full: add connectors there, or raise RELAX_CAPACITY. ${END}`,
    ],
    [
      'the other zone restarts',
      [pod('b0', 'b', away)],
      `${START}. Zone b: its connectors are restarting or unreachable. ${END}`,
    ],
    [
      'the other zone is to be removed',
      [pod('b0', 'b', closed)],
      `${START}. Zone b: its connectors take no new sockets, since they lack the fleet key or are about to be removed. ${END}`,
    ],
    [
      'one zone is full and another restarts',
      [pod('c0', 'c', away), pod('b0', 'b', full)],
      `${START}. Zone b: its connectors are full: add connectors there, or raise RELAX_CAPACITY. Zone c: its connectors are restarting or unreachable. ${END}`,
    ],
    ['a zone has room', [pod('b0', 'b', full), pod('c0', 'c')], `${START}. One is about to be moved to zone c.`],
    ['no pod of the other zone lives', [pod('b0', 'b', { state: 'dead' })], 'True SingleZone'],
  ])('when %s', (_what, pods, expected) => {
    expect(judged(pods)).toContain(expected);
  });

  it('when one is on its way, by what that waits for', () => {
    const message = 'waits for the connect budget of the team';
    const waiting = { role: 'incoming', state: 'waiting', reason: 'WaitingForBudget', message } as const;
    expect(judged([pod('b0', 'b')], [slot('b0', 'b', waiting)])).toBe(
      `${START}. One is being moved to zone b: ${message}`,
    );
    const plain = { role: 'incoming', state: undefined } as const;
    expect(judged([pod('b0', 'b')], [slot('b0', 'b', plain)])).toBe(
      `${START}. One is being moved to zone b: it is being opened`,
    );
  });
});
