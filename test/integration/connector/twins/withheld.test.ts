import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SlotDeps } from '#connector/slot/slot-deps.ts';
import type { RtmSpec } from '#connector/transport/rtm/rtm-transport.ts';
import { redisBroughtEvents } from '#connector/twins/brought-events.ts';
import { type TwinTimes, TwinWatch } from '#connector/twins/twin-watch.ts';
import { systemClock } from '#core/process/clock.ts';
import { systemTimers } from '#core/process/timers.ts';
import { RedisClock } from '#core/redis/redis-clock.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { chatter, expectAllHeard, specOf, TestSlot } from '../slot/test-slot.ts';

/** The real ones, 15 times as fast. */
const TIMES: TwinTimes = { exchangeMs: 650, beatMs: 200, graceMs: 1_000 };
/** 4 s where nothing delays this process: whenever something does, for longer than a few beats, its slots begin anew. */
const PROMISE_MS = 20_000;

const server = useRedis();
const redis = server.useClient();
let slack: Simulator;
const slots: TestSlot[] = [];
const tokenOf = (teamID: string): string => `xoxb-100-${teamID}`;
beforeAll(async () => {
  slack = await startSimulator({ connectBurst: 1_000 });
});
afterAll(async () => {
  await Promise.all(slots.splice(0).map(({ running }) => running.stop()));
  await slack.stop();
});

/** A process of a cluster of its own, with one slot. */
async function open(teamID: string, changes: Partial<SlotDeps> = {}): Promise<TestSlot & { found(): number }> {
  const clock = new RedisClock(systemClock);
  await clock.sync(redis);
  let found = 0;
  const limitedLog = { warn: () => {} };
  const brought = redisBroughtEvents(redis, systemClock, clock);
  const spec: Partial<RtmSpec> = { teamID, slotID: `uid-${teamID}/0`, ownerUid: `uid-${teamID}` };
  const slot = new TestSlot(slack, specOf(tokenOf(teamID), spec), {
    twins: new TwinWatch({ brought, timers: systemTimers, limitedLog, times: TIMES }),
    observer: { withheld: () => (found += 1) },
    ...changes,
  });
  slots.push(slot);
  await slot.live();
  return Object.assign(slot, { found: () => found });
}
const socketsOf = (teamID: string) => slack.sockets(teamID);
const stateOf = (id: string): string | undefined => slack.sockets().find((socket) => socket.id === id)?.state;

interface Pair {
  teamID: string;
  /** At Slack, of the slot that may become deaf. */
  socket: string;
  slot: TestSlot & { found(): number };
  twin: TestSlot & { found(): number };
}

let teams = 0;
async function pair(): Promise<Pair> {
  teams += 1;
  const teamID = `T${teams}`;
  slack.addTeam({ teamID, token: tokenOf(teamID) });
  const slot = await open(teamID);
  const socket = socketsOf(teamID)[0]?.id ?? '';
  const twin = await open(teamID);
  // Older than what is to be evidence against them.
  await lasts(2 * TIMES.graceMs);
  return { teamID, socket, slot, twin };
}
async function lasts(ms: number): Promise<void> {
  const sinceMs = systemClock.monotonicMs();
  await waitFor(() => systemClock.monotonicMs() - sinceMs >= ms, { timeoutMs: ms + 5_000 });
}
const deafen = ({ teamID, socket }: Pair, forMs?: number): void => {
  expect(slack.inflict({ teamID, socketID: socket }, { kind: 'deaf', forMs })).toEqual([socket]);
};
/** The slot has another socket, and the deaf one is gone. */
async function replaced({ teamID, socket, slot }: Pair): Promise<void> {
  await waitFor(() => stateOf(socket) === undefined && socketsOf(teamID).length === 2, {
    timeoutMs: PROMISE_MS,
    what: `another socket than ${socket}`,
  });
  expect(slot.status.state).toBe('live');
  expect(slot.history.every(({ state }) => state === 'live')).toBe(true);
}

describe.concurrent('a socket that answers pings and is kept from events, with a twin in another cluster', () => {
  it('is replaced by the evidence of a single event in an otherwise silent team', async () => {
    const two = await pair();
    deafen(two);
    slack.emitMessage(two.teamID);
    await waitFor(() => two.slot.status.reason === 'EventsWithheld', { timeoutMs: PROMISE_MS });
    await replaced(two);
    expect([two.slot.found(), two.twin.found()]).toEqual([1, 0]);
    // What comes at once may be what happened before it was live, and takes nothing back.
    await lasts(2 * TIMES.graceMs);
    expect(two.slot.status.reason).toBe('EventsWithheld');
    slack.emitMessage(two.teamID);
    await waitFor(() => two.slot.status.reason === '', { timeoutMs: PROMISE_MS });
  });

  it('is replaced in a team that talks all the time, and no event is lost meanwhile', async () => {
    const two = await pair();
    const talk = chatter(slack, two.teamID, 100);
    await lasts(TIMES.graceMs);
    deafen(two);
    await replaced(two);
    await waitFor(() => two.slot.status.reason === '', { timeoutMs: PROMISE_MS });
    await expectAllHeard({ ids: () => new Set([...two.slot.ids(), ...two.twin.ids()]) }, talk.stop());
    expect(two.twin.history.map(({ reason }) => reason)).toEqual(['']);
    expect(two.slot.history.map(({ reason }) => reason)).toEqual(['', 'EventsWithheld', '']);
    expect(slack.stats().connects[two.teamID]?.ok).toBe(3);
  });

  it('is replaced once, and then says what is the matter, if the next one is kept from them too', async () => {
    const two = await pair();
    const talk = chatter(slack, two.teamID, 100);
    slack.setFault({ at: 'hello', teamID: two.teamID, answer: { kind: 'deaf' } });
    deafen(two);
    await replaced(two);
    await lasts(6 * TIMES.graceMs);
    talk.stop();
    expect(two.slot.found()).toBe(2);
    expect(two.slot.status).toMatchObject({ state: 'live', reason: 'EventsWithheld' });
    expect(slack.stats().connects[two.teamID]?.ok).toBe(3);
  });
});

describe.concurrent('no socket is replaced', () => {
  const unharmed = ({ teamID, socket, slot, twin }: Pair): void => {
    expect([slot.found(), twin.found()]).toEqual([0, 0]);
    expect(stateOf(socket)).toBe('live');
    expect(slack.stats().connects[teamID]?.ok).toBe(2);
  };

  it('for events that not every socket gets', async () => {
    const two = await pair();
    const { botUserID } = slack.team(two.teamID);
    deafen(two, 1_500);
    const ts = String(Date.now() / 1_000);
    const message = { type: 'message', channel: 'C1', user: 'U2', text: 'hi', ts };
    slack.emit(two.teamID, { ...message, is_ephemeral: true });
    slack.emit(two.teamID, { ...message, user: botUserID });
    slack.emit(two.teamID, { type: 'user_typing', channel: 'C1', user: 'U2' });
    slack.emit(two.teamID, { type: 'presence_change', user: 'U2', presence: 'away' });
    await lasts(4 * TIMES.graceMs);
    unharmed(two);
  });

  it('for an event that Slack repeats over one of two sockets', async () => {
    const two = await pair();
    slack.emitMessage(two.teamID);
    await lasts(2 * TIMES.graceMs);
    const other = socketsOf(two.teamID).find(({ id }) => id !== two.socket)?.id ?? '';
    slack.inflict({ teamID: two.teamID, socketID: other }, { kind: 'duplicate' });
    await lasts(4 * TIMES.graceMs);
    unharmed(two);
  });

  it('for a pause, in which events wait, on either side', async () => {
    const two = await pair();
    for (const paused of [two.slot, two.twin]) {
      paused.running.setPressure(true);
      slack.emitMessage(two.teamID);
      await lasts(2 * TIMES.graceMs);
      paused.running.setPressure(false);
      await lasts(2 * TIMES.graceMs);
    }
    unharmed(two);
  });

  it('for a twin that starts again and gets what happened since it asked for its socket', async () => {
    const two = await pair();
    await two.twin.running.stop();
    slack.emitMessage(two.teamID);
    const again = await open(two.teamID);
    slack.emitMessage(two.teamID);
    await lasts(4 * TIMES.graceMs);
    expect([two.slot.found(), again.found()]).toEqual([0, 0]);
    expect(stateOf(two.socket)).toBe('live');
  });
});

it('no socket is replaced for a restart of Redis, after which those that are kept from events are found as before', async () => {
  const [well, deaf] = await Promise.all([pair(), pair()]);
  const talk = chatter(slack, well.teamID, 100);
  await server.restart();
  await waitFor(() => redis.isReady, { timeoutMs: 10_000 });
  deafen(deaf);
  slack.emitMessage(deaf.teamID);
  await replaced(deaf);
  talk.stop();
  expect([well.slot.found(), well.twin.found()]).toEqual([0, 0]);
});
