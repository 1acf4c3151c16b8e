import { beforeEach, describe, expect, it } from 'vitest';
import type { Slot } from '#core/protocol/assignment.ts';
import { plan } from '#operator/plan/plan.ts';
import type { SocketSet } from '#operator/plan/types.ts';
import { SampleFleet, socketSet } from './sample-fleet.ts';

let fleet: SampleFleet;
beforeEach(() => {
  fleet = new SampleFleet().addPod('a0', 'a').addPod('a1', 'a').addPod('b0', 'b').addPod('b1', 'b');
});

/** One set, placed and live. */
function live(fields: Parameters<typeof socketSet>[1] = {}): { mine: string[]; others: string[] } {
  fleet.addSets(socketSet('u', fields));
  fleet.converge();
  const mine = fleet.podsOf('u');
  return { mine, others: [...fleet.pods.keys()].filter((name) => !mine.includes(name)) };
}

function someSlot(): Slot {
  const [slot] = [...fleet.assignments.values()].flatMap((slots) => [...slots.values()]);
  if (slot === undefined) throw new Error('no slot is assigned');
  return slot;
}

const pendingOf = (made: ReturnType<typeof plan>): string[] =>
  made.pending.map(({ slot, reason }) => `${slot} ${reason}`);

describe('placement', () => {
  it('gives each slot an active place of its own, in as many zones as there are', () => {
    fleet.addSets(socketSet('u'));
    const { writes, pending } = fleet.step();
    const slots = writes.flatMap(({ set }) => [...set.values()]);
    expect(slots.map(({ role, epoch, cause }) => [role, epoch, cause])).toEqual([
      ['active', 1, 'place'],
      ['active', 1, 'place'],
    ]);
    expect(new Set(fleet.podsOf('u').map((pod) => pod[0]))).toEqual(new Set(['a', 'b']));
    expect(pending).toEqual([]);
  });

  it('asks nothing of a team: the set of an app has none, nor have its slots, and then it is steady', () => {
    const events = { include: [], exclude: [], own: false };
    const kind = { kind: 'app', appID: 'A1', replies: 'wait', delayedEvents: false, unknownTeams: 'deliver' } as const;
    const shared = { ...kind, bot: 'bots/app', generation: 1, queueNamespace: '', events, tokenDigest: 'digest' };
    fleet.addSets({ ...shared, ownerUid: 'app', replicas: 2 });
    const slots = fleet.step().writes.flatMap(({ set }) => [...set.values()]);
    expect(slots).toEqual([
      { ...shared, epoch: 1, role: 'active', cause: 'place' },
      { ...shared, epoch: 1, role: 'active', cause: 'place' },
    ]);
    expect(fleet.step().writes).toEqual([]);
  });

  it('writes a slot with its fields in the order that Redis has had so far', () => {
    fleet.addSets(socketSet('u'));
    const [slot] = fleet.step().writes.flatMap(({ set }) => [...set.values()]);
    expect(Object.keys(slot ?? {}).join(' ')).toBe(
      'epoch generation role kind teamID bot queueNamespace events tokenDigest cause',
    );
  });

  it('is the same for the same fleet, in whatever order it is listed', () => {
    const sets = Array.from({ length: 50 }, (_, n) => socketSet(`u${n}`, { replicas: 1 + (n % 3) }));
    const input = fleet.addSets(...sets).observe();
    const reversed = { ...input, sets: [...input.sets].reverse(), pods: [...input.pods].reverse() };
    const sorted = (made: ReturnType<typeof plan>) =>
      made.writes.map(({ pod, set }) => [pod, [...set].sort(([a], [b]) => (a < b ? -1 : 1))]);
    expect(sorted(plan(reversed, 0))).toEqual(sorted(plan(input, 0)));
  });

  it('says why a slot has no place', () => {
    fleet.addSets(socketSet('u', { replicas: 5 }));
    expect(pendingOf(fleet.step())).toEqual(['u/4 NoEligiblePods']);
    fleet.pods.clear();
    fleet.assignments.clear();
    expect(pendingOf(fleet.step())).toContain('u/0 NoConnectors');
  });

  it('gives scarce room to sets without a socket before second sockets of others', () => {
    fleet.pods.clear();
    fleet.addPod('a0', 'a', { capacity: 2 }).addPod('b0', 'b', { capacity: 1 });
    fleet.addSets(socketSet('u'), socketSet('v'), socketSet('w'));
    const { pending } = fleet.step();
    expect(pending.map(({ slot }) => slot).sort()).toEqual(['u/1', 'v/1', 'w/1']);
  });

  it('waits a moment while the fleet gathers, and not in an established fleet', () => {
    for (const pod of fleet.pods.values()) pod.firstSeenMs = fleet.nowMs - 500;
    fleet.addSets(socketSet('u'));
    expect(pendingOf(fleet.step())).toEqual(['u/0 Observing', 'u/1 Observing']);
    fleet.pod('a0').firstSeenMs = fleet.nowMs - 60_000;
    expect(fleet.step().pending).toEqual([]);
  });

  it('passes over a pod that shares no fleet key', () => {
    fleet.pod('a0').takesSlots = false;
    fleet.pod('a1').takesSlots = false;
    fleet.addSets(socketSet('u'));
    fleet.step();
    expect(fleet.podsOf('u')).toEqual(['b0', 'b1']);
  });
});

describe('what changes of a set', () => {
  it.each([
    ['generation', { generation: 2 }],
    ['token', { tokenDigest: 'new' }],
    ['namespace', { queueNamespace: 'shop' }],
    ['filters', { events: { include: ['message'], exclude: [], own: true } }],
    ['name', { bot: 'bots/other' }],
  ])('%s: is written in place, on the same pods and with the same epoch', (_name, change) => {
    const { mine } = live();
    fleet.addSets(socketSet('u', change));
    const { writes } = fleet.step();
    expect(writes.map(({ pod, remove }) => [pod, remove])).toEqual(mine.map((pod) => [pod, []]));
    for (const { set } of writes) {
      for (const slot of set.values()) expect(slot).toMatchObject({ ...change, epoch: 1, role: 'active' });
    }
    expect(fleet.step().writes).toEqual([]);
  });

  it('fewer replicas: the socket that does not serve goes', () => {
    const { mine } = live();
    const dull = mine[0] ?? '';
    fleet.report(dull, { state: 'connecting' });
    fleet.addSets(socketSet('u', { replicas: 1 }));
    fleet.step();
    expect(fleet.podsOf('u')).toEqual(mine.slice(1));
  });

  it('fewer replicas: of equals the one in the fullest zone goes', () => {
    live({ replicas: 3 });
    fleet.addSets(socketSet('u', { replicas: 2 }));
    fleet.step();
    expect(new Set(fleet.podsOf('u').map((pod) => pod[0])).size).toBe(2);
  });

  it('no longer wanted: removed from every pod, but only by a complete list', () => {
    const { mine } = live();
    fleet.sets.clear();
    fleet.synced = false;
    expect(fleet.step().writes).toEqual([]);
    fleet.synced = true;
    expect(fleet.step().writes.map(({ pod, remove }) => [pod, remove.length])).toEqual(mine.map((pod) => [pod, 1]));
    expect(fleet.entries()).toEqual([]);
  });

  it('of a bot that is stopped: removed, also while the list is not complete', () => {
    live();
    fleet.sets.clear();
    fleet.synced = false;
    fleet.stopped.set('u', { generation: 1 });
    fleet.step();
    expect(fleet.entries()).toEqual([]);
  });

  it('of a namespace that cannot be listed: stays, while what is known to be gone elsewhere goes', () => {
    const { mine } = live();
    fleet.addSets(socketSet('gone', { bot: 'elsewhere/gone' }));
    fleet.converge();
    fleet.sets.clear();
    fleet.unlisted.add('bots');
    fleet.step();
    expect(fleet.podsOf('u')).toEqual(mine);
    expect(fleet.podsOf('gone')).toEqual([]);
    fleet.unlisted.clear();
    fleet.step();
    expect(fleet.podsOf('u')).toEqual([]);
  });

  it('of which only a report is left: stays as long as any namespace cannot be listed', () => {
    const { mine } = live();
    for (const [pod, slots] of fleet.assignments) {
      fleet.assignments.set(pod, new Map([...slots].map(([id, slot]) => [id, { ...slot, bot: '', token: '' }])));
    }
    fleet.sets.clear();
    fleet.unlisted.add('bots');
    fleet.step();
    expect(fleet.podsOf('u')).toEqual(mine);
    fleet.unlisted.clear();
    fleet.step();
    expect(fleet.podsOf('u')).toEqual([]);
  });

  it.each([
    ['an older copy of the bot than ours wrote: is brought up to date', 1, 3, 3],
    ['the same copy wrote: stays', 2, 2, 2],
    ['a later copy of the bot than ours wrote: is not written over', 3, 2, 3],
  ])('that %s', (_what, written, ours, expected) => {
    live({ generation: written, queueNamespace: `of ${written}` });
    fleet.addSets(socketSet('u', { generation: ours, queueNamespace: `of ${ours}` }));
    fleet.step();
    const held = [...fleet.assignments.values()].flatMap((of) => [...of.values()]);
    const slots = held.map(({ generation, queueNamespace }) => [generation, queueNamespace]);
    expect(slots).toEqual(slots.map(() => [expected, `of ${expected}`]));
    expect(slots.length).toBeGreaterThan(0);
  });

  it('that a later copy than ours wrote: is placed again when its pod dies, and none of them is surplus', () => {
    live({ replicas: 3, generation: 2 });
    fleet.addSets(socketSet('u', { replicas: 2, generation: 1 }));
    expect(fleet.step().writes).toEqual([]);
    const [dead = ''] = fleet.podsOf('u');
    fleet.kill(dead);
    const placed = fleet.step().writes.flatMap(({ set }) => [...set.values()]);
    expect(placed.map(({ generation }) => generation)).toEqual([2]);
  });

  it('that a later copy than ours wrote: stays though our copy says that the bot is suspended', () => {
    const { mine } = live({ generation: 6 });
    fleet.sets.clear();
    fleet.stopped.set('u', { generation: 5 });
    fleet.step();
    expect(fleet.podsOf('u')).toEqual(mine);
    fleet.stopped.set('u', { generation: 6 });
    fleet.step();
    expect(fleet.podsOf('u')).toEqual([]);
  });

  it('of a bot that cannot be judged now: stays, while what others no longer want goes', () => {
    const { mine } = live();
    fleet.addSets(socketSet('gone'));
    fleet.converge();
    fleet.sets.clear();
    fleet.kept.add('u');
    fleet.step();
    expect(fleet.podsOf('u')).toEqual(mine);
    expect(fleet.podsOf('gone')).toEqual([]);
  });

  it('of bots that cannot be judged, or not yet: count as load, so that no other moves away from them', () => {
    for (let n = 0; n < 40; n++) fleet.addSets(socketSet(`x${n}`));
    fleet.converge();
    for (let n = 0; n < 38; n++) {
      fleet.sets.delete(`x${n}`);
      fleet.kept.add(`x${n}`);
    }
    fleet.addPod('a2', 'a');
    fleet.reports.set('a2', new Map());
    expect(fleet.step(100)).toMatchObject({ writes: [], voluntaryMoves: [] });
    fleet.kept.clear();
    fleet.synced = false;
    expect(fleet.step(100)).toMatchObject({ writes: [], voluntaryMoves: [] });
  });

  it('of a bot that cannot be judged, on a pod whose hash is lost: is written with the rest, and holds up no other', () => {
    const { mine } = live();
    const [pod = ''] = mine;
    fleet.sets.clear();
    fleet.kept.add('u');
    fleet.lost.add(pod);
    for (const [id, slot] of fleet.assignments.get(pod) ?? [])
      fleet.assignments.get(pod)?.set(id, { ...slot, token: '' });
    fleet.addSets(socketSet('new', { replicas: 10 }));
    const { writes } = fleet.step();
    const whole = writes.find((write) => write.pod === pod);
    expect([...(whole?.set.keys() ?? [])].map((id) => id.slice(0, id.indexOf('/'))).sort()).toEqual(['new', 'u']);
  });
});

describe('a set that changes to another kind of sockets', () => {
  const socketMode = (replicas = 2): SocketSet => {
    const { bot, queueNamespace, events } = socketSet('u');
    const kind = { kind: 'socketMode', teamID: 'Tu', replies: 'wait', delayedEvents: false } as const;
    const shared = { bot, queueNamespace, events, generation: 2, tokenDigest: 'of the app' };
    return { ...kind, ...shared, ownerUid: 'u', replicas };
  };
  const kinds = (): string[] =>
    fleet.podsOf('u').map((pod) => [...(fleet.assignments.get(pod)?.values() ?? [])][0]?.kind ?? '');
  const podOf = (kind: string): string => fleet.podsOf('u')[kinds().indexOf(kind)] ?? '';

  it('changes one slot, and the others when that one is live with the new credentials', () => {
    live({ replicas: 3 });
    fleet.addSets(socketMode(3));
    // What is reported of the slot is still about the socket before.
    for (let round = 0; round < 2; round += 1) fleet.step();
    expect(kinds().toSorted()).toEqual(['rtm', 'rtm', 'socketMode']);
    fleet.report(podOf('socketMode'), { state: 'connecting' });
    fleet.step();
    expect(kinds().toSorted()).toEqual(['rtm', 'rtm', 'socketMode']);
    fleet.report(podOf('socketMode'));
    fleet.step();
    expect(kinds()).toEqual(['socketMode', 'socketMode', 'socketMode']);
    fleet.reportAll();
    expect(fleet.step(100).writes).toEqual([]);
  });

  it('keeps what it has while Slack refuses the new credentials', () => {
    live();
    fleet.addSets(socketMode());
    fleet.step();
    fleet.report(podOf('socketMode'), { state: 'failed', reason: 'TokenInvalid' });
    expect(fleet.step(100).writes).toEqual([]);
    expect(fleet.slot(podOf('rtm'), 'u/1') ?? fleet.slot(podOf('rtm'), 'u/0')).toMatchObject({
      generation: 1,
      tokenDigest: 'digest',
    });
    fleet.addSets(socketSet('u', { generation: 3 }));
    fleet.step();
    expect(kinds()).toEqual(['rtm', 'rtm']);
  });

  it('changes first the slot that is not live', () => {
    const { mine } = live();
    const [down = ''] = mine.slice(1);
    fleet.report(down, { state: 'connecting' });
    fleet.addSets(socketMode());
    fleet.step();
    expect(podOf('socketMode')).toBe(down);
  });

  it('changes the only slot at once', () => {
    live({ replicas: 1 });
    fleet.addSets(socketMode(1));
    fleet.step();
    expect(kinds()).toEqual(['socketMode']);
  });
});

describe('a pod without a session', () => {
  it('that is dead loses its slots to others at once, as active, with a higher epoch; its own entry goes at hello', () => {
    const { mine } = live();
    const [dead = '', other = ''] = mine;
    fleet.kill(dead);
    const made = fleet.step();
    expect(made.deadPods).toEqual([dead]);
    const moved = made.writes.flatMap(({ set }) => [...set.values()]);
    expect(moved).toMatchObject([{ role: 'active', epoch: 2, cause: 'place' }]);
    expect(fleet.step().writes).toEqual([]);
    fleet.reportAll();
    expect(fleet.step().writes).toMatchObject([{ pod: dead, set: new Map() }]);
    expect(fleet.podsOf('u')).toContain(other);
    expect(fleet.podsOf('u')).not.toContain(dead);
  });

  it('that was only cut off and returns with its socket open before the new one said hello keeps it', () => {
    const { mine } = live({ replicas: 1 });
    const [cut = ''] = mine;
    fleet.kill(cut);
    fleet.step();
    fleet.pod(cut).state = 'up';
    fleet.report(cut);
    fleet.step();
    expect(fleet.podsOf('u')).toEqual(mine);
  });

  it.each([
    ['while the fleet is not settled', 60_000, false],
    ['within a renewal of the end of its lease', 3_000, true],
  ])('keeps what it has %s', (_when, absentMs, settled) => {
    const { mine } = live();
    fleet.kill(mine[0] ?? '');
    fleet.pod(mine[0] ?? '').lastSeenMs = fleet.nowMs - absentMs;
    fleet.settled = settled;
    const made = fleet.step();
    expect(made).toMatchObject({ writes: [], deadPods: [], pending: [] });
  });

  it('keeps, for its return, what has no place elsewhere, and says so', () => {
    for (const name of ['a1', 'b0', 'b1']) fleet.pods.delete(name);
    live({ replicas: 1 });
    fleet.kill('a0');
    const made = fleet.step();
    expect(made.writes).toEqual([]);
    expect(pendingOf(made)).toEqual(['u/0 NoConnectors']);
    fleet.restart('a0');
    expect(fleet.step()).toMatchObject({ writes: [], pending: [] });
  });

  it('that comes back under its name, as another incarnation, moves nothing', () => {
    const { mine } = live();
    for (const pod of mine) fleet.restart(pod);
    expect(fleet.step(100)).toMatchObject({ writes: [], voluntaryMoves: [], pending: [] });
  });
});

describe('drain', () => {
  it('of a team with a live socket elsewhere moves nothing and lets the pod go', () => {
    const { mine } = live();
    fleet.pod(mine[0] ?? '').state = 'draining';
    expect(fleet.step(100)).toMatchObject({ writes: [], drainedPods: [mine[0]], pending: [], voluntaryMoves: [] });
  });

  it('of the only live socket opens another first, and lets the pod go when that one said hello', () => {
    const { mine } = live({ replicas: 1 });
    const [old = ''] = mine;
    fleet.pod(old).state = 'draining';
    const first = fleet.step();
    expect(first.drainedPods).toEqual([]);
    const to = fleet.podsOf('u').find((pod) => pod !== old) ?? '';
    expect(fleet.slot(to, 'u/0')).toMatchObject({ role: 'incoming', epoch: 2, cause: 'drain' });
    expect(fleet.slot(old, 'u/0')).toMatchObject({ role: 'active', epoch: 1 });

    fleet.report(to, { state: 'connecting' });
    expect(fleet.step()).toMatchObject({ writes: [], drainedPods: [] });

    fleet.report(to);
    expect(fleet.step().drainedPods).toEqual([old]);
    expect(fleet.podsOf('u')).toEqual([to]);
    expect(fleet.slot(to, 'u/0')).toMatchObject({ role: 'active', epoch: 2, cause: 'place' });
  });

  it('of two pods that hold all of a team moves one socket only', () => {
    const { mine } = live();
    for (const pod of mine) fleet.pod(pod).state = 'draining';
    expect(fleet.step().writes.flatMap(({ set }) => [...set.keys()])).toEqual(['u/0']);
    fleet.reportAll();
    const made = fleet.step();
    expect(made.drainedPods).toEqual(mine);
    expect(fleet.step().writes).toEqual([]);
  });

  it('without a pod to move to lets the pod go, and says what is pending', () => {
    for (const name of ['a1', 'b0', 'b1']) fleet.pods.delete(name);
    live({ replicas: 1 });
    fleet.pod('a0').state = 'draining';
    const made = fleet.step();
    expect(made).toMatchObject({ writes: [], drainedPods: ['a0'] });
    expect(pendingOf(made)).toEqual(['u/0 PodReturning']);
  });

  it('waits for a socket that is on its way on the only other pod', () => {
    for (const name of ['a1', 'b1']) fleet.pods.delete(name);
    live();
    fleet.report('b0', { state: 'connecting' });
    fleet.pod('a0').state = 'draining';
    expect(fleet.step()).toMatchObject({ writes: [], drainedPods: [], pending: [] });
    fleet.report('b0');
    expect(fleet.step().drainedPods).toEqual(['a0']);
  });

  it('of a socket whose token Slack refuses moves nothing', () => {
    const { mine } = live({ replicas: 1 });
    fleet.report(mine[0] ?? '', { state: 'failed', reason: 'TokenRevoked' });
    fleet.pod(mine[0] ?? '').state = 'draining';
    expect(fleet.step()).toMatchObject({ writes: [], drainedPods: mine });
  });
});

describe('a pod that will not return', () => {
  it('is left at once, make before break, also by a team with another live socket', () => {
    const { mine } = live();
    const [gone = '', other = ''] = mine;
    fleet.pod(gone).returns = false;
    const first = fleet.step();
    const to = fleet.podsOf('u').find((pod) => !mine.includes(pod)) ?? '';
    const [id = ''] = [...(fleet.assignments.get(to)?.keys() ?? [])];
    expect(fleet.slot(to, id)).toMatchObject({ role: 'incoming', epoch: 2, cause: 'drain' });
    expect(fleet.slot(gone, id)).toMatchObject({ role: 'active', epoch: 1 });
    expect(first).toMatchObject({ drainedPods: [], pending: [], voluntaryMoves: [] });
    expect(fleet.step().writes).toEqual([]);

    fleet.report(to);
    fleet.step();
    expect(fleet.podsOf('u')).toEqual([other, to].sort());
    expect(fleet.slot(to, id)).toMatchObject({ role: 'active', epoch: 2, cause: 'place' });
  });

  it('may end once what moves is live elsewhere, and not before', () => {
    const { mine } = live();
    const [gone = ''] = mine;
    Object.assign(fleet.pod(gone), { returns: false, state: 'draining' });
    expect(fleet.step().drainedPods).toEqual([]);
    const to = fleet.podsOf('u').find((pod) => !mine.includes(pod)) ?? '';
    fleet.report(to, { state: 'waiting', reason: 'WaitingForBudget' });
    expect(fleet.step()).toMatchObject({ writes: [], drainedPods: [] });
    fleet.report(to);
    expect(fleet.step().drainedPods).toEqual([gone]);
  });

  it.each([
    ['its session still stands, though its process was killed', { state: 'up' } as const],
    ['its session has just run out', { state: 'gone', lastSeenMs: 999_000 } as const],
    ['it left in an orderly way and is within its time', { state: 'draining' } as const],
  ])('is not waited for when %s', (_how, change) => {
    const { mine } = live();
    Object.assign(fleet.pod(mine[0] ?? ''), { returns: false, ...change });
    fleet.reports.delete(mine[0] ?? '');
    fleet.step();
    expect(fleet.podsOf('u').filter((pod) => !mine.includes(pod))).toHaveLength(1);
  });

  it('is left by a planner that has just started, too', () => {
    const { mine } = live();
    Object.assign(fleet.pod(mine[0] ?? ''), { returns: false, state: 'gone' });
    fleet.settled = false;
    fleet.step();
    expect(fleet.podsOf('u').filter((pod) => !mine.includes(pod))).toHaveLength(1);
  });

  it('is not left to the first pod of a fleet that gathers', () => {
    const { mine } = live();
    const [gone = ''] = mine;
    Object.assign(fleet.pod(gone), { returns: false, state: 'draining' });
    for (const [name, pod] of fleet.pods) if (name !== gone) pod.firstSeenMs = fleet.nowMs - 500;
    expect(fleet.step()).toMatchObject({ writes: [], drainedPods: [] });
  });

  it('gets no new slots', () => {
    for (const name of ['a0', 'a1']) fleet.pod(name).returns = false;
    fleet.addSets(socketSet('u'));
    fleet.step();
    expect(fleet.podsOf('u')).toEqual(['b0', 'b1']);
  });

  it('without a place for what it has keeps it, may end, and says what is pending', () => {
    fleet.addSets(socketSet('u', { replicas: 4 }));
    fleet.converge();
    Object.assign(fleet.pod('b1'), { returns: false, state: 'draining' });
    const made = fleet.step();
    expect(made).toMatchObject({ writes: [], drainedPods: ['b1'] });
    expect(made.pending.map(({ reason }) => reason)).toEqual(['NoEligiblePods']);
  });

  it('moves nothing that Slack refuses, and is not held up by it', () => {
    const { mine } = live({ replicas: 1 });
    fleet.report(mine[0] ?? '', { state: 'failed', reason: 'TokenRevoked' });
    Object.assign(fleet.pod(mine[0] ?? ''), { returns: false, state: 'draining' });
    expect(fleet.step()).toMatchObject({ writes: [], drainedPods: mine });
  });

  it('together with another: every slot of both moves, and nobody closes before', () => {
    fleet.addPod('c0', 'c').addPod('c1', 'c');
    const { mine } = live();
    for (const pod of mine) Object.assign(fleet.pod(pod), { returns: false, state: 'draining' });
    const made = fleet.step();
    expect(made.writes.flatMap(({ remove }) => remove)).toEqual([]);
    expect(made.drainedPods).toEqual([]);
    expect(fleet.podsOf('u')).toHaveLength(4);
    fleet.reportAll();
    fleet.step();
    expect(fleet.podsOf('u').filter((pod) => mine.includes(pod))).toEqual([]);
  });

  it('stays as long as it can when the only other pod is that which was to take over, and restarts', () => {
    fleet.pods.clear();
    fleet.addPod('a0', 'a').addPod('b0', 'b');
    fleet.addSets(socketSet('u', { replicas: 1 }));
    fleet.converge();
    const [gone = ''] = fleet.podsOf('u');
    const other = gone === 'a0' ? 'b0' : 'a0';
    Object.assign(fleet.pod(gone), { returns: false, state: 'draining' });
    fleet.step();
    fleet.pod(other).state = 'draining';
    const made = fleet.step();
    expect(made.drainedPods).not.toContain(gone);
    expect(pendingOf(made)).toEqual(['u/0 PodReturning']);
    fleet.restart(other);
    fleet.report(other);
    expect(fleet.step().drainedPods).toEqual([gone]);
    expect(fleet.podsOf('u')).toEqual([other]);
  });

  it('goes before a team that has another socket when room is scarce and it holds the only one', () => {
    fleet.pods.clear();
    fleet.addPod('a0', 'a').addPod('b0', 'b');
    fleet.addSets(socketSet('t'), socketSet('u', { replicas: 1 }));
    fleet.converge();
    const [gone = ''] = fleet.podsOf('u');
    fleet.addPod('c0', 'c', { capacity: 1 });
    const other = gone === 'a0' ? 'b0' : 'a0';
    fleet.pod(other).capacity = 1;
    fleet.pod(gone).returns = false;
    fleet.step();
    expect(fleet.podsOf('u')).toContain('c0');
  });

  it('that is wanted after all keeps what has not moved yet', () => {
    const { mine } = live();
    fleet.pod(mine[0] ?? '').returns = false;
    fleet.step();
    fleet.pod(mine[0] ?? '').returns = true;
    fleet.converge();
    expect(fleet.podsOf('u')).toHaveLength(2);
  });
});

describe('a handover under way', () => {
  let old: string;
  let to: string;
  beforeEach(() => {
    [old = ''] = live({ replicas: 1 }).mine;
    fleet.pod(old).state = 'draining';
    fleet.step();
    to = fleet.podsOf('u').find((pod) => pod !== old) ?? '';
  });

  it('is moved to a third pod when the new one dies', () => {
    fleet.kill(to);
    fleet.step();
    expect(fleet.podsOf('u')).toContain(old);
    const third = fleet.podsOf('u').find((pod) => pod !== old && pod !== to) ?? '';
    expect(fleet.slot(third, 'u/0')).toMatchObject({ role: 'incoming', epoch: 3 });
    fleet.reportAll();
    fleet.step();
    expect(fleet.podsOf('u')).toEqual([third]);
  });

  it('goes to a third pod when the new one drains as well, and keeps both entries until that one is live', () => {
    fleet.pod(to).state = 'draining';
    const made = fleet.step();
    expect(made.writes.flatMap(({ remove }) => remove)).toEqual([]);
    expect(made.drainedPods).toEqual([]);
    const third = fleet.podsOf('u').find((pod) => pod !== old && pod !== to) ?? '';
    expect(fleet.slot(third, 'u/0')).toMatchObject({ role: 'incoming', epoch: 3 });
    fleet.report(third);
    expect(fleet.step().drainedPods).toEqual([old, to].sort());
    expect(fleet.podsOf('u')).toEqual([third]);
  });

  it('is over when the old pod dies: the new entry is the active one, where it is', () => {
    fleet.kill(old);
    fleet.step();
    expect(fleet.slot(to, 'u/0')).toMatchObject({ role: 'active', epoch: 2, cause: 'place' });
  });

  it('keeps the old socket when Slack refuses the token at the new pod, and does not hold the old pod up', () => {
    fleet.report(to, { state: 'failed', reason: 'TokenRevoked' });
    expect(fleet.step()).toMatchObject({ writes: [], drainedPods: [old] });
    fleet.addSets(socketSet('u', { replicas: 1, generation: 2, tokenDigest: 'new' }));
    fleet.step();
    fleet.report(to);
    fleet.step();
    expect(fleet.podsOf('u')).toEqual([to]);
  });

  it('takes no notice of a report that answers an earlier epoch', () => {
    fleet.report(to, { epoch: 1 });
    expect(fleet.step().writes).toEqual([]);
  });
});

describe('balance', () => {
  it('evens out zones make before break, once a zone has room again', () => {
    fleet.pods.delete('b0');
    fleet.pods.delete('b1');
    live();
    fleet.addPod('b0', 'b');
    const made = fleet.step();
    expect(made.voluntaryMoves).toEqual(['u']);
    expect(made.writes).toMatchObject([{ pod: 'b0', remove: [] }]);
    expect(fleet.slot('b0', [...(fleet.assignments.get('b0')?.keys() ?? [])][0] ?? '')).toMatchObject({
      role: 'incoming',
      cause: 'spread',
    });
    fleet.reportAll();
    fleet.step();
    expect(fleet.podsOf('u')).toHaveLength(2);
    expect(fleet.podsOf('u')).toContain('b0');
  });

  it.each([
    ['p0', 'p1'],
    ['p1', 'p0'],
  ])('takes from any pod of a set that is above the bound, not from the first alone', (alone, crowded) => {
    // Only what is on the crowded one may go to the pod that joins: the other is the only one of its zone.
    fleet.pods.clear();
    fleet.addPod(alone, 'a').addPod(crowded, 'b');
    fleet.addSets(...Array.from({ length: 20 }, (_, n) => socketSet(`u${n}`)));
    fleet.converge();
    fleet.addPod('p2', 'b');
    expect(fleet.step(5).voluntaryMoves).toHaveLength(3);
  });

  it('takes no more than the budget from a pod above the bound, and nothing of a team moved within two minutes', () => {
    fleet.pods.delete('a1');
    fleet.pods.delete('b1');
    fleet.addSets(...Array.from({ length: 40 }, (_, n) => socketSet(`u${n}`)));
    fleet.converge();
    fleet.addPod('a1', 'a').addPod('b1', 'b');
    const first = fleet.step(3);
    expect(first.voluntaryMoves).toHaveLength(3);
    fleet.reportAll();
    const second = fleet.step(100);
    for (const owner of first.voluntaryMoves) expect(second.voluntaryMoves).not.toContain(owner);
    fleet.converge();
    expect(Math.max(...fleet.loads())).toBeLessThanOrEqual(25);
  });

  it('levels no load while a pod drains, is away, or nothing is settled', () => {
    fleet.pods.delete('a1');
    fleet.pods.delete('b1');
    fleet.addSets(...Array.from({ length: 40 }, (_, n) => socketSet(`u${n}`)));
    fleet.converge();
    fleet.addPod('a1', 'a').addPod('b1', 'b').addPod('b2', 'b');
    fleet.settled = false;
    expect(fleet.step(100).voluntaryMoves).toEqual([]);
    fleet.settled = true;
    fleet.pod('b1').state = 'draining';
    fleet.addSets(socketSet('v', { replicas: 1 }));
    fleet.assignments.set('b1', new Map([['v/0', { ...someSlot(), bot: 'bots/v', teamID: 'Tv' }]]));
    expect(fleet.step(100).voluntaryMoves).toEqual([]);
    fleet.restart('b1');
    expect(fleet.step(100).voluntaryMoves).not.toEqual([]);
  });

  describe('of zones, for a set that is whole in one of them', () => {
    beforeEach(() => {
      fleet.pods.delete('b0');
      fleet.pods.delete('b1');
      live();
      fleet.addPod('b0', 'b');
    });

    it.each([
      ['drains', { state: 'draining' } as const],
      ['is away', { state: 'gone', lastSeenMs: 999_000 } as const],
    ])('waits for no other pod that %s', (_how, change) => {
      fleet.addPod('b1', 'b', change).addSets(socketSet('v', { replicas: 1 }));
      fleet.assignments.set('b1', new Map([['v/0', { ...someSlot(), bot: 'bots/v', teamID: 'Tv' }]]));
      expect(fleet.step(0).voluntaryMoves).toEqual(['u']);
    });

    it.each([
      ['a move for load', 31_000, ['u']],
      ['another such repair', 29_000, []],
    ])('waits half a minute and no longer after %s', (_what, agoMs, moves) => {
      fleet.lastMoveMs.set('u', fleet.nowMs - agoMs);
      expect(fleet.step(0).voluntaryMoves).toEqual(moves);
    });

    it('waits until the fleet is settled and every bot is known', () => {
      fleet.settled = false;
      expect(fleet.step(100).voluntaryMoves).toEqual([]);
      fleet.settled = true;
      fleet.synced = false;
      expect(fleet.step(100).voluntaryMoves).toEqual([]);
    });
  });

  it('evens out zones of ten sets at a time, whatever other moves are under way', () => {
    fleet.pods.delete('b0');
    fleet.pods.delete('b1');
    fleet.addPod('a2', 'a');
    fleet.addSets(...Array.from({ length: 30 }, (_, n) => socketSet(`u${n}`, { replicas: 2 })));
    fleet.converge();
    fleet.pod('a2').returns = false;
    fleet.addPod('b0', 'b');
    const first = fleet.step(0);
    const forced = first.writes.flatMap(({ set }) => [...set.values()]).filter(({ cause }) => cause === 'drain').length;
    expect(forced).toBeGreaterThan(10);
    expect(first.voluntaryMoves.length).toBeGreaterThan(0);
    expect(first.voluntaryMoves.length).toBeLessThanOrEqual(10);
    const second = fleet.step(0);
    expect(first.voluntaryMoves.length + second.voluntaryMoves.length).toBeLessThanOrEqual(10);
  });

  it('evens out zones of further sets while some only wait for the connect budgets of their teams', () => {
    fleet.pods.delete('b0');
    fleet.pods.delete('b1');
    fleet.addSets(...Array.from({ length: 30 }, (_, n) => socketSet(`u${n}`)));
    fleet.converge();
    fleet.addPod('b0', 'b');
    expect(fleet.step(0).voluntaryMoves).toHaveLength(10);
    expect(fleet.step(0).voluntaryMoves).toHaveLength(0);
    fleet.report('b0', { state: 'waiting', reason: 'WaitingForBudget' });
    expect(fleet.step(0).voluntaryMoves).toHaveLength(10);
  });
});

describe('a pod whose hash Redis lost', () => {
  it('is not written before all could report, and whole then', () => {
    const { mine } = live();
    const [pod = ''] = mine;
    fleet.addSets(socketSet('new'));
    fleet.lost.add(pod);
    fleet.settled = false;
    const waiting = fleet.step();
    expect(waiting.writes).toEqual([]);
    expect(pendingOf(waiting)).toEqual(['new/0 Observing', 'new/1 Observing']);
    fleet.settled = true;
    const { writes } = fleet.step();
    expect(writes.find((write) => write.pod === pod)?.set.size).toBeGreaterThan(0);
    expect(fleet.podsOf('u')).toEqual(mine);
    expect(fleet.step().writes).toEqual([]);
  });

  it('may end up with a slot on two pods: the one that serves stays, none closes before', () => {
    const { mine, others } = live({ replicas: 1 });
    const [here = ''] = mine;
    const [there = ''] = others;
    fleet.assignments.set(there, new Map(fleet.assignments.get(here)));
    fleet.reports.clear();
    expect(fleet.step().writes).toEqual([]);
    fleet.report(there);
    fleet.step();
    expect(fleet.podsOf('u')).toEqual([there]);
  });

  it('may end up with two slots of a set on one pod: they part make before break', () => {
    const { mine } = live();
    const [here = '', there = ''] = mine;
    const moved = [...(fleet.assignments.get(there) ?? [])];
    fleet.assignments.set(here, new Map([...(fleet.assignments.get(here) ?? []), ...moved]));
    fleet.assignments.delete(there);
    fleet.report(here);
    fleet.converge();
    expect(new Set(fleet.podsOf('u')).size).toBe(2);
    expect(fleet.entries('u')).toHaveLength(2);
  });
});
