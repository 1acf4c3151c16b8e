import { beforeEach, describe, expect, it } from 'vitest';
import { SlotRegistry } from '#connector/registry/slot-registry.ts';
import type { Slot } from '#core/protocol/assignment.ts';
import { RETRY_REASONS } from '#core/protocol/report.ts';
import { type FleetKey, newFleetKey, parseFleetKeys, seal } from '#core/protocol/seal.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { slotOf } from '#test/unit/connector/assignment/slots.ts';
import { FakeSlot } from './fake-slot.ts';

const [key, otherKey] = parseFleetKeys(`${newFleetKey()}\n${newFleetKey()}`) as [FleetKey, FleetKey];
const context = { cluster: 'c1', ownerUid: 'uid-1', teamID: 'T024BE7LH' };
const sealed = (changes: Partial<Slot> = {}, token = 'xoxb-1-abc', by = key): Slot =>
  slotOf({ token: seal(token, by, context), ...changes });

let connections: FakeSlot[];
let changed: string[];
let keys: FleetKey[];
let warned: string[];
let registry: SlotRegistry;
const the = (index: number): FakeSlot => {
  const connection = connections[index];
  if (connection === undefined) throw new Error(`no connection ${index}`);
  return connection;
};
const apply = (change: Partial<Parameters<SlotRegistry['apply']>[0]>): void =>
  registry.apply({ start: [], update: [], stop: [], ...change });

beforeEach(() => {
  connections = [];
  changed = [];
  warned = [];
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
    openConnection: (spec, onStatus) => {
      const connection = new FakeSlot(spec, onStatus);
      connections.push(connection);
      return connection;
    },
    onChange: (id) => changed.push(id),
    log: silentLog,
    limitedLog: { warn: (kind) => warned.push(kind) },
  });
});

describe('a slot', () => {
  it('becomes a connection with its token opened', () => {
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

  it('is reported as its connection says, under the epoch of its assignment and this incarnation', () => {
    apply({ start: [['uid-1/0', sealed({ epoch: 7 })]] });
    the(0).becomes({ state: 'live', teamName: 'Acme', botUserID: 'U1' });
    expect(registry.report('uid-1/0')).toMatchObject({
      kind: 'report',
      report: { epoch: 7, incarnation: 'i1', state: 'live', reason: '', teamName: 'Acme', botUserID: 'U1' },
    });
    expect(changed).toEqual(['uid-1/0', 'uid-1/0']);
  });

  it('hands a new generation to the connection that runs', () => {
    apply({ start: [['uid-1/0', sealed()]] });
    apply({ update: [['uid-1/0', sealed({ generation: 2, epoch: 2 }, 'xoxb-2-new')]] });
    expect(connections).toHaveLength(1);
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

  it('that comes back while it closes gets a new connection, whose report counts', async () => {
    apply({ start: [['uid-1/0', sealed()]] });
    apply({ stop: ['uid-1/0'] });
    apply({ start: [['uid-1/0', sealed({ epoch: 3 })]] });
    expect(connections).toHaveLength(2);
    the(0).becomes({ state: 'failed' });
    the(0).closed();
    await expect.poll(() => changed.length).toBeGreaterThan(2);
    expect(registry.report('uid-1/0')).toMatchObject({ report: { epoch: 3, state: 'connecting' } });
  });

  it('whose seal no key here opens is reported with the remedy, and runs as soon as the key is there', () => {
    apply({ start: [['uid-1/0', sealed({}, 'xoxb-1-abc', otherKey)]] });
    expect(connections).toHaveLength(0);
    expect(registry.report('uid-1/0')).toMatchObject({
      report: {
        state: 'connecting',
        reason: 'SealUnreadable',
        message: expect.stringContaining('RELAX_FLEET_KEY_FILE'),
      },
    });
    registry.retryFaulty();
    expect(connections).toHaveLength(0);
    expect(warned).toEqual(['SealUnreadable']);
    keys = [key, otherKey];
    registry.retryFaulty();
    expect(the(0).spec.token).toBe('xoxb-1-abc');
    expect(registry.report('uid-1/0')).toMatchObject({ report: { reason: '' } });
  });

  it('whose new seal cannot be opened goes on with its old token', () => {
    apply({ start: [['uid-1/0', sealed()]] });
    apply({ update: [['uid-1/0', sealed({ generation: 2 }, 'xoxb-2-new', otherKey)]] });
    expect(the(0).calls).toEqual(['start']);
    keys = [otherKey];
    registry.retryFaulty();
    expect(the(0).calls).toEqual(['start', 'update 2 xoxb-2-new']);
  });

  it('whose new seal cannot be opened says so beside what its old socket does', () => {
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
    registry.retryFaulty();
    expect(registry.report('uid-1/0')).toMatchObject({ report: { reason: 'TokenRevoked' } });
  });

  it('of a kind that this version does not serve is reported with a reason that the operator knows', () => {
    apply({ start: [['uid-1/0', sealed({ kind: 'socketMode' })]] });
    expect(connections).toHaveLength(0);
    const wish = registry.report('uid-1/0');
    expect(wish).toMatchObject({ report: { state: 'connecting', reason: 'TransportNotServed' } });
    expect(RETRY_REASONS).toContain(wish.kind === 'report' ? wish.report.reason : '');
  });

  it('of another bot does not open with this one’s seal', () => {
    apply({ start: [['uid-2/0', sealed()]] });
    expect(connections).toHaveLength(0);
    expect(registry.report('uid-2/0')).toMatchObject({ report: { reason: 'SealUnreadable' } });
  });
});

describe('pressure', () => {
  it('reaches every connection, and those that come while it lasts', () => {
    apply({ start: [['uid-1/0', sealed()]] });
    registry.setPressure({ all: true, bots: new Set() });
    apply({ start: [['uid-1/1', sealed()]] });
    registry.setPressure({ all: false, bots: new Set() });
    expect(the(0).calls).toEqual(['start', 'pressure true', 'pressure false']);
    expect(the(1).calls).toEqual(['pressure true', 'start', 'pressure false']);
  });

  it('of one bot reaches its connections only, those that come later too', () => {
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
    expect(connections).toHaveLength(2);
    expect(changed).toEqual([]);
  });
});
