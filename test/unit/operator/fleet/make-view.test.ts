import { describe, expect, it } from 'vitest';
import type { RtmSlot, Slot } from '#core/protocol/assignment.ts';
import type { SlotReport } from '#core/protocol/report.ts';
import type { Session } from '#core/protocol/session.ts';
import { changedOwners, makeView, NO_VIEW, sameFleet, type ViewInput } from '#operator/fleet/make-view.ts';
import type { PodMemory } from '#operator/fleet/pod-memory.ts';

const slot = (change: Partial<RtmSlot> = {}): Slot => ({
  epoch: 1,
  generation: 1,
  role: 'active',
  kind: 'rtm',
  teamID: 'T1',
  bot: 'bots/a',
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  token: 's',
  tokenDigest: 'd',
  assignedAtMs: 5,
  cause: 'place',
  ...change,
});
const report = (change: Partial<SlotReport> = {}): SlotReport => ({
  epoch: 1,
  incarnation: 'i',
  state: 'live',
  reason: '',
  message: '',
  tokenDigest: 'd',
  teamName: 'Acme',
  botUserID: 'U1',
  ...change,
});
const session = (change: Partial<Session> = {}): Session => ({
  pod: 'p',
  incarnation: 'i',
  zone: 'z',
  capacity: 9,
  state: 'up',
  drainingSinceMs: 0,
  version: 1,
  keyIDs: [],
  reportVersion: 1,
  faults: [],
  pid: 0,
  owner: '',
  machine: '',
  startTicks: '',
  ...change,
});
const pod = (change: Partial<PodMemory> = {}): PodMemory => ({
  session: session(),
  lastSession: session(),
  firstSeenMs: 0,
  lastSeenMs: 0,
  renewed: { redisMs: 0, atMs: 1_000 },
  returnUntilMs: 0,
  stored: 1,
  version: 1,
  fields: 0,
  slots: new Map(),
  known: true,
  lost: false,
  doubted: false,
  reports: new Map(),
  reportsRead: undefined,
  ...change,
});
const input = (pods: Record<string, PodMemory>, change: Partial<ViewInput> = {}): ViewInput => ({
  nowMs: 1_000,
  settled: true,
  pods: new Map(Object.entries(pods)),
  assignments: new Map(),
  pending: [],
  deadPods: [],
  ...change,
});
const one = (change: Partial<PodMemory> = {}, said: Partial<SlotReport> = {}): PodMemory =>
  pod({ slots: new Map([['u/0', slot()]]), reports: new Map([['u/0', report(said)]]), ...change });

describe('The view of a fleet', () => {
  it('shows each socket with its place and state, in the order of its slots', () => {
    const view = makeView(
      input({
        b: pod({ slots: new Map([['u/1', slot({ epoch: 2 })]]), reports: new Map([['u/1', report()]]) }),
        a: one({}, { state: 'failed', reason: 'TokenRevoked', message: 'm' }),
      }),
      NO_VIEW,
    );
    expect(view.bots.get('u')?.slots).toMatchObject([
      { pod: 'a', zone: 'z', state: 'failed', reason: 'TokenRevoked', message: 'm', teamName: 'Acme', assignedAtMs: 5 },
      // The pod has not answered this placement.
      { pod: 'b', state: undefined, teamName: '' },
    ]);
    expect(view.pods.map(({ pod: name, slots, live }) => [name, slots, live])).toEqual([
      ['a', 1, 0],
      ['b', 1, 0],
    ]);
  });

  it('keeps the identity of what did not change, so that changed owners are found cheaply', () => {
    const before = makeView(input({ a: one() }), NO_VIEW);
    const same = makeView(input({ a: one() }), before);
    expect(same.bots.get('u')).toBe(before.bots.get('u'));
    expect([changedOwners(before, same).size, sameFleet(before, same)]).toEqual([0, true]);
    const down = makeView(input({ a: one({}, { state: 'connecting' }) }), before);
    expect([...changedOwners(before, down)]).toEqual(['u']);
    expect([...changedOwners(before, NO_VIEW)]).toEqual(['u']);
  });

  it('has pending slots, and an owner whose socket is told to close but reported still', () => {
    const view = makeView(
      input(
        { a: pod({ reports: new Map([['gone/0', report()]]) }) },
        {
          pending: [{ slot: 'w/0', ownerUid: 'w', reason: 'NoEligiblePods' }],
        },
      ),
      NO_VIEW,
    );
    expect(view.bots.get('w')).toEqual({ slots: [], pending: ['NoEligiblePods'] });
    expect(view.bots.get('gone')).toEqual({ slots: [], pending: [] });
  });

  describe('of a pod that drains or may come back', () => {
    const draining = session({ state: 'draining', drainingSinceMs: 1 });
    const left = session({ state: 'draining', drainingSinceMs: 1, left: true });
    const returnUntilMs = 90_000;
    const before = makeView(input({ a: one() }), NO_VIEW);
    const shown = (memory: PodMemory, nowMs = 1_000, previous = before) => {
      const slot = makeView(input({ a: memory }, { nowMs }), previous).bots.get('u')?.slots[0];
      return [slot?.state, slot?.reason];
    };

    it.each<[string, PodMemory, number, (string | undefined)[]]>([
      ['its live sockets live while it runs', one({ session: draining, returnUntilMs }), 15_999, ['live', '']],
      [
        'what it reports is so while it runs',
        one({ session: draining, returnUntilMs }, { state: 'connecting', reason: 'ConnectionLost' }),
        1_000,
        ['connecting', 'ConnectionLost'],
      ],
      [
        'nothing lives once it has closed them',
        one({ session: left, returnUntilMs }),
        1_000,
        [undefined, 'PodReturning'],
      ],
      [
        'nothing lives once it was killed, though its key is there',
        one({ session: draining, returnUntilMs }),
        16_000,
        [undefined, 'PodReturning'],
      ],
      [
        'nothing lives once it is gone without a key',
        one({ session: undefined, lastSession: left, returnUntilMs }),
        1_000,
        [undefined, 'PodReturning'],
      ],
      [
        'nothing lives before its new life has reported',
        one({ session: session({ incarnation: 'j' }), returnUntilMs }),
        1_000,
        [undefined, ''],
      ],
      [
        'its new life is heard, and nothing else',
        one({ returnUntilMs }, { state: 'waiting', reason: 'WaitingForBudget' }),
        1_000,
        ['waiting', 'WaitingForBudget'],
      ],
      [
        'it is lost when it was up again and its lease ran out',
        one({ session: undefined, returnUntilMs }),
        16_000,
        [undefined, 'ConnectorLost'],
      ],
      [
        'it is lost when it may not come back any more',
        one({ session: draining, returnUntilMs: 16_000 }),
        16_000,
        [undefined, 'ConnectorLost'],
      ],
    ])('%s', (_what, memory, nowMs, expected) => {
      expect(shown(memory, nowMs)).toEqual(expected);
      // What an earlier view said, or that there is none, is no matter.
      expect(shown(memory, nowMs, NO_VIEW)).toEqual(expected);
    });

    it('is shown as a pod that has left', () => {
      const states = [draining, left].map(
        (s) => makeView(input({ a: one({ session: s, returnUntilMs }) }), NO_VIEW).pods,
      );
      expect(states.map(([pod]) => [pod?.state, pod?.live])).toEqual([
        ['draining', 1],
        ['left', 0],
      ]);
    });
  });

  it('does not wait for a pod that has left to close what it was told to close', () => {
    const left = session({ state: 'draining', drainingSinceMs: 1, left: true });
    const memory = pod({ session: left, returnUntilMs: 90_000, reports: new Map([['gone/0', report()]]) });
    expect(makeView(input({ a: memory }), NO_VIEW).bots.has('gone')).toBe(false);
  });

  it('counts the socket of a pod whose lease Redis has lost as live until the lease would have run out', () => {
    const stateAt = (nowMs: number) =>
      makeView(input({ a: one({ session: undefined }) }, { nowMs }), NO_VIEW).bots.get('u')?.slots[0]?.state;
    expect([stateAt(15_999), stateAt(16_000)]).toEqual(['live', undefined]);
  });

  it('knows nothing of a pod that this planner has never seen', () => {
    const view = makeView(
      input({ a: one({ session: undefined, lastSession: undefined, renewed: undefined }) }),
      NO_VIEW,
    );
    expect(view.bots.get('u')?.slots).toMatchObject([{ state: undefined, reason: '' }]);
  });

  it('shows no socket of a pod that the plan calls dead, though its entries stay until another is live', () => {
    const there = pod({ slots: new Map([['u/0', slot({ epoch: 2 })]]), reports: new Map() });
    const view = makeView(input({ a: one({ session: undefined }), b: there }, { deadPods: ['a'] }), NO_VIEW);
    expect(view.bots.get('u')?.slots).toMatchObject([{ pod: 'b', state: undefined }]);
    expect(view.pods[0]).toMatchObject({ pod: 'a', state: 'dead', slots: 1, live: 0 });
  });

  it('calls a pod without a lease dead only in a settled fleet', () => {
    const memory = one({ session: undefined });
    const states = [true, false].map((settled) => makeView(input({ a: memory }, { settled }), NO_VIEW).pods[0]?.state);
    expect(states).toEqual(['dead', 'up']);
  });
});
