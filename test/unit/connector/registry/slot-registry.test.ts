import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SlotRegistry } from '#connector/registry/slot-registry.ts';
import { systemClock } from '#core/process/clock.ts';
import { createLog } from '#core/process/log.ts';
import type { Slot, SlotID } from '#core/protocol/assignment.ts';
import { type FleetKey, newFleetKey, parseFleetKeys, seal } from '#core/protocol/seal.ts';
import { slotOf } from '#test/unit/connector/assignment/slots.ts';
import { FakeRunner } from './fake-runner.ts';

const [key, otherKey] = parseFleetKeys(`${newFleetKey()}\n${newFleetKey()}`) as [FleetKey, FleetKey];
const context = { cluster: 'c1', ownerUid: 'uid-1', teamID: 'T024BE7LH' };
const sealed = (changes: Partial<Slot> = {}, token = 'xoxb-1-abc', by = key): Slot =>
  slotOf({ token: seal(token, by, context), ...changes });

let runners: FakeRunner[];
let changed: string[];
let keys: FleetKey[];
let warned: string[];
let logged: Record<string, unknown>[];
let held: Map<SlotID, Slot>;
let mayAct: boolean;
/** The call that throws of a runner which is opened for the slot; `open` is its constructor. */
let throwsAt: (id: SlotID) => string;
let onChange: (id: SlotID) => void;
let registry: SlotRegistry;
let addresseesTold: number;
const the = (index: number): FakeRunner => {
  const runner = runners[index];
  if (runner === undefined) throw new Error(`no runner ${index}`);
  return runner;
};
interface Change {
  start?: [SlotID, Slot][];
  update?: [SlotID, Slot][];
  stop?: SlotID[];
}
/** Other assignments are held from now on, and the registry is told to look. */
const apply = ({ start = [], update = [], stop = [] }: Change): void => {
  held = new Map([...held, ...start, ...update]);
  for (const id of stop) held.delete(id);
  registry.look();
};
/** As long as anything that failed waits until it is tried again. */
const RETRY_MS = 10_000;
const wait = (ms = RETRY_MS): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  logged = [];
  held = new Map();
  mayAct = true;
  throwsAt = () => '';
  onChange = (id) => changed.push(id);
  runners = [];
  changed = [];
  warned = [];
  addresseesTold = 0;
  keys = [key];
  registry = new SlotRegistry({
    cluster: 'c1',
    incarnation: 'i1',
    keyring: {
      get keys() {
        return keys;
      },
      reload: () => undefined,
    },
    held: () => (mayAct ? held : undefined),
    createRunner: (spec, onStatus) => {
      const broken = throwsAt(spec.slotID);
      if (broken === 'open') throw new Error('open is broken');
      const runner = new FakeRunner(spec, onStatus, new Set([broken]));
      runners.push(runner);
      return runner;
    },
    onChange: (id) => onChange(id),
    onAddressees: () => {
      addresseesTold += 1;
    },
    clock: systemClock,
    log: createLog({ program: 'test', level: 'info', to: { write: (line) => logged.push(JSON.parse(line)) } }),
    limitedLog: {
      warn: (kind, fields) => {
        warned.push(kind);
        logged.push({ ...fields });
      },
    },
  });
});
afterEach(async () => {
  for (const runner of runners) runner.closed();
  await registry.stopAll();
  vi.useRealTimers();
});

describe('a slot', () => {
  it('becomes a runner with its token opened', () => {
    apply({ start: [['uid-1/0', sealed({ cause: 'rebalance', queueNamespace: 'q' })]] });
    const expected = {
      slotID: 'uid-1/0',
      ownerUid: 'uid-1',
      token: 'xoxb-1-abc',
      rebalance: true,
      queueNamespace: 'q',
    };
    expect(the(0).spec).toMatchObject(expected);
    expect(the(0).calls).toEqual(['start']);
  });

  it('is reported as its runner says, under the epoch of its assignment and this incarnation', () => {
    apply({ start: [['uid-1/0', sealed({ epoch: 7 })]] });
    the(0).becomes({ state: 'live', teamName: 'Acme', botUserID: 'U1' });
    expect(registry.report('uid-1/0')).toMatchObject({
      kind: 'report',
      report: { epoch: 7, incarnation: 'i1', state: 'live', reason: '', teamName: 'Acme', botUserID: 'U1' },
    });
    expect(changed).toEqual(['uid-1/0', 'uid-1/0']);
  });

  it('hands a new generation to the runner that it has', () => {
    apply({ start: [['uid-1/0', sealed()]] });
    apply({ update: [['uid-1/0', sealed({ generation: 2, epoch: 2 }, 'xoxb-2-new')]] });
    expect(runners).toHaveLength(1);
    expect(the(0).calls).toEqual(['start', 'update 2 xoxb-2-new']);
    expect(registry.report('uid-1/0')).toMatchObject({ report: { epoch: 2 } });
  });

  it('keeps its report until its socket is gone', async () => {
    apply({ start: [['uid-1/0', sealed()]] });
    apply({ stop: ['uid-1/0'] });
    expect(the(0).calls).toEqual(['start', 'stop']);
    expect(registry.report('uid-1/0')).toEqual({ kind: 'keep' });
    changed = [];
    the(0).closed();
    await expect.poll(() => changed).toEqual(['uid-1/0']);
    expect(registry.report('uid-1/0')).toEqual({ kind: 'none' });
  });

  it('that comes back while it closes gets a new runner, whose report counts', async () => {
    apply({ start: [['uid-1/0', sealed()]] });
    apply({ stop: ['uid-1/0'] });
    apply({ start: [['uid-1/0', sealed({ epoch: 3 })]] });
    expect(runners).toHaveLength(2);
    the(0).becomes({ state: 'failed' });
    the(0).closed();
    await expect.poll(() => changed.length).toBeGreaterThan(2);
    expect(registry.report('uid-1/0')).toMatchObject({ report: { epoch: 3, state: 'connecting' } });
  });

  it('that has come back is marked as live again when its earlier runner, which takes the mark along, has closed', async () => {
    apply({ start: [['uid-1/0', sealed()]] });
    apply({ stop: ['uid-1/0'] });
    apply({ start: [['uid-1/0', sealed({ epoch: 3 })]] });
    expect(the(1).calls).toEqual(['start']);
    the(0).closed();
    await expect.poll(() => the(1).calls).toEqual(['start', 'markAgain']);
  });

  it('whose seal no key here opens is reported with the remedy, and runs as soon as the key is there', async () => {
    apply({ start: [['uid-1/0', sealed({}, 'xoxb-1-abc', otherKey)]] });
    expect(runners).toHaveLength(0);
    expect(registry.report('uid-1/0')).toMatchObject({
      report: {
        state: 'connecting',
        reason: 'SealUnreadable',
        message: expect.stringContaining('RELAX_FLEET_KEY_FILE'),
      },
    });
    await wait();
    expect(runners).toHaveLength(0);
    expect(warned).toEqual(['SealUnreadable']);
    keys = [key, otherKey];
    await wait();
    expect(the(0).spec.token).toBe('xoxb-1-abc');
    expect(registry.report('uid-1/0')).toMatchObject({ report: { reason: '' } });
  });

  it('whose new seal cannot be opened keeps its old token', async () => {
    apply({ start: [['uid-1/0', sealed()]] });
    apply({ update: [['uid-1/0', sealed({ generation: 2 }, 'xoxb-2-new', otherKey)]] });
    expect(the(0).calls).toEqual(['start']);
    keys = [otherKey];
    await wait();
    expect(the(0).calls).toEqual(['start', 'update 2 xoxb-2-new']);
  });

  it('whose new seal cannot be opened says so beside what its old socket does', async () => {
    apply({ start: [['uid-1/0', sealed({ tokenDigest: 'old' })]] });
    the(0).becomes({ state: 'live', tokenDigest: 'old', botUserID: 'U1' });
    apply({ update: [['uid-1/0', sealed({ tokenDigest: 'new', epoch: 2 }, 'xoxb-2-new', otherKey)]] });
    expect(registry.report('uid-1/0')).toMatchObject({
      report: { epoch: 2, state: 'live', reason: 'SealUnreadable', tokenDigest: 'old', botUserID: 'U1' },
    });
    // What Slack said of the old token is no news of the new one.
    the(0).becomes({ state: 'failed', reason: 'TokenRevoked' });
    expect(registry.report('uid-1/0')).toMatchObject({
      report: { state: 'connecting', reason: 'SealUnreadable', tokenDigest: 'new' },
    });
    keys = [otherKey];
    await wait();
    expect(registry.report('uid-1/0')).toMatchObject({ report: { reason: 'TokenRevoked' } });
  });

  it('runs with what only slots of its kind have', () => {
    const ofNoTeam = seal('xapp-1-A1-2-c', key, { ...context, teamID: '' });
    apply({
      start: [
        ['uid-1/0', sealed({ kind: 'socketMode', replies: 'off', delayedEvents: true })],
        [
          'uid-1/1',
          sealed({
            kind: 'app',
            appID: 'A1',
            replies: 'wait',
            delayedEvents: false,
            unknownTeams: 'drop',
            token: ofNoTeam,
          }),
        ],
      ],
    });
    expect(the(0).spec).toMatchObject({
      kind: 'socketMode',
      teamID: 'T024BE7LH',
      replies: false,
      delayedEvents: true,
    });
    expect(the(1).spec).toMatchObject({
      kind: 'app',
      appID: 'A1',
      replies: true,
      delayedEvents: false,
      unknownTeams: 'drop',
      token: 'xapp-1-A1-2-c',
    });
  });

  it('that is of another kind now is closed for good, and a socket of the new kind takes its place', () => {
    apply({ start: [['uid-1/0', sealed()]] });
    the(0).becomes({ state: 'live' });
    apply({ update: [['uid-1/0', sealed({ kind: 'socketMode', epoch: 2 })]] });
    expect(the(0).calls).toEqual(['start', 'stop']);
    expect(the(1).calls).toEqual(['start']);
    expect(the(1).spec.kind).toBe('socketMode');
    the(0).becomes({ state: 'live' });
    expect(registry.report('uid-1/0')).toMatchObject({ report: { epoch: 2, state: 'connecting', reason: '' } });
  });

  it('of another bot does not open with this one’s seal', () => {
    apply({ start: [['uid-2/0', sealed()]] });
    expect(runners).toHaveLength(0);
    expect(registry.report('uid-2/0')).toMatchObject({ report: { reason: 'SealUnreadable' } });
  });
});

describe('a slot that throws', () => {
  const both: [SlotID, Slot][] = [
    ['uid-1/0', sealed()],
    ['uid-1/1', sealed()],
  ];
  const runningIDs = (): SlotID[] => runners.filter(({ ended }) => !ended).map(({ spec }) => spec.slotID);

  it.each(['open', 'start'])('at its %s keeps no other from running, and is tried again by itself', async (method) => {
    throwsAt = (id) => (id === 'uid-1/0' ? method : '');
    apply({ start: both });
    expect(runningIDs()).toEqual(['uid-1/1']);
    expect(registry.report('uid-1/0')).toMatchObject({
      report: {
        state: 'connecting',
        reason: 'TransportNotServed',
        message: expect.stringContaining(`${method} is broken`),
      },
    });
    expect(logged).toEqual([expect.objectContaining({ slot: 'uid-1/0', bot: 'bots/acme' })]);
    throwsAt = () => '';
    await wait(1_000);
    expect(runningIDs().toSorted()).toEqual(['uid-1/0', 'uid-1/1']);
    expect(registry.report('uid-1/0')).toMatchObject({ report: { reason: '' } });
  });

  it('is retried less and less often, but at least every 10 s, however often the registry converges', async () => {
    let tries = 0;
    throwsAt = () => {
      tries += 1;
      return 'open';
    };
    apply({ start: both.slice(0, 1) });
    for (let second = 0; second < 60; second++) {
      registry.look();
      await wait(1_000);
    }
    // After 1, 2, 4 and 8 s, then every 10 s.
    expect(tries).toBe(9);
    apply({ update: [['uid-1/0', sealed({ generation: 2 })]] });
    expect(tries).toBe(10);
  });

  it('at an update keeps running as it was, says so, and takes the update later; the other takes it at once', async () => {
    apply({ start: both });
    the(0).becomes({ state: 'live' });
    the(0).throwsAt.add('update');
    apply({ update: both.map(([id]) => [id, sealed({ generation: 2 })]) });
    expect(the(1).calls).toEqual(['start', 'update 2 xoxb-1-abc']);
    expect(registry.report('uid-1/0')).toMatchObject({ report: { state: 'live', reason: 'TransportNotServed' } });
    the(0).throwsAt.clear();
    await wait(1_000);
    expect(the(0).calls).toEqual(['start', 'update 2 xoxb-1-abc']);
    expect(registry.report('uid-1/0')).toMatchObject({ report: { state: 'live', reason: '' } });
  });

  it('while it closes does not keep others from closing', () => {
    apply({ start: both });
    the(0).throwsAt.add('stop');
    apply({ stop: ['uid-1/0', 'uid-1/1'] });
    expect(the(1).calls).toEqual(['start', 'stop']);
    expect(registry.size).toBe(0);
  });

  it('when notified of pressure does not keep it from others, and is notified again', () => {
    apply({ start: both });
    the(0).throwsAt.add('pressure');
    registry.setPressure({ all: true, bots: new Set() });
    expect(the(1).calls).toEqual(['start', 'pressure true']);
    the(0).throwsAt.clear();
    registry.look();
    expect(the(0).calls).toEqual(['start', 'pressure true']);
  });

  it('is not blamed when a listener of its changes throws: that is a defect elsewhere', () => {
    onChange = () => {
      throw new Error('of the board');
    };
    apply({ start: both });
    expect(runners.map(({ calls }) => calls)).toEqual([['start'], ['start']]);
    expect(registry.report('uid-1/0')).toMatchObject({ report: { reason: '' } });
    expect(logged).toContainEqual(expect.objectContaining({ error: 'of the board' }));
  });
});

describe('while nothing may be done', () => {
  it('what runs keeps running, and nothing is opened or closed', () => {
    apply({ start: [['uid-1/0', sealed()]] });
    mayAct = false;
    apply({ start: [['uid-1/1', sealed()]], stop: ['uid-1/0'] });
    expect(runners.map(({ calls }) => calls)).toEqual([['start']]);
    mayAct = true;
    registry.look();
    expect(runners.map(({ calls }) => calls)).toEqual([['start', 'stop'], ['start']]);
  });
});

describe('pressure', () => {
  it('reaches every runner, and those that come while it lasts', () => {
    apply({ start: [['uid-1/0', sealed()]] });
    registry.setPressure({ all: true, bots: new Set() });
    apply({ start: [['uid-1/1', sealed()]] });
    registry.setPressure({ all: false, bots: new Set() });
    expect(the(0).calls).toEqual(['start', 'pressure true', 'pressure false']);
    expect(the(1).calls).toEqual(['pressure true', 'start', 'pressure false']);
  });

  it('of one bot reaches its runners only, those that come later too', () => {
    const other = seal('xoxb-1-abc', key, { ...context, ownerUid: 'uid-2' });
    apply({
      start: [
        ['uid-1/0', sealed()],
        ['uid-2/0', slotOf({ token: other })],
      ],
    });
    registry.setPressure({ all: false, bots: new Set(['c1/uid-2', 'c9/uid-1']) });
    apply({ start: [['uid-2/1', slotOf({ token: other })]] });
    expect(the(0).calls).toEqual(['start', 'pressure false']);
    expect(the(1).calls).toEqual(['start', 'pressure true']);
    expect(the(2).calls).toEqual(['pressure true', 'start']);
  });
});

it('every slot is marked as live again when Redis has lost the marks, whatever one of them throws', () => {
  throwsAt = (id) => (id === 'uid-1/0' ? 'markAgain' : '');
  apply({
    start: [
      ['uid-1/0', sealed()],
      ['uid-1/1', sealed()],
    ],
  });
  registry.markAgain();
  expect(the(1).calls).toEqual(['start', 'markAgain']);
});

describe('the end', () => {
  it('waits for every socket, those that were closing too, and changes no report', async () => {
    apply({
      start: [
        ['uid-1/0', sealed()],
        ['uid-1/1', sealed()],
      ],
    });
    apply({ stop: ['uid-1/0'] });
    changed = [];
    let ended = false;
    const end = registry.stopAll().then(() => {
      ended = true;
    });
    apply({ start: [['uid-1/2', sealed()]] });
    the(1).closed();
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(false);
    the(0).closed();
    await end;
    expect(runners).toHaveLength(2);
    expect(changed).toEqual([]);
  });
});

describe('whom messages may be addressed to', () => {
  it('is the bot of every slot that runs, and is told when slots come, change and go', () => {
    apply({ start: [['uid-1/0', sealed()]] });
    expect(registry.addressees()).toMatchObject([{ ownerUid: 'uid-1', bot: sealed().bot, teamID: 'T024BE7LH' }]);
    expect(addresseesTold).toBe(1);
    apply({});
    expect(addresseesTold).toBe(1);
    apply({ update: [['uid-1/0', sealed({ generation: 9 })]] });
    expect(addresseesTold).toBe(2);
    apply({ stop: ['uid-1/0'] });
    expect(addresseesTold).toBe(3);
    expect(registry.addressees()).toEqual([]);
  });

  it('is nobody whose slot can not be run', () => {
    apply({ start: [['uid-1/0', sealed({}, 'xoxb-1-abc', otherKey)]] });
    expect(registry.addressees()).toEqual([]);
  });
});
