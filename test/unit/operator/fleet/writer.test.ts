import { describe, expect, it } from 'vitest';
import type { Slot } from '#core/protocol/assignment.ts';
import { openSeal, parseFleetKeys } from '#core/protocol/seal.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { Sealer } from '#operator/fleet/sealer.ts';
import { sealWrite } from '#operator/fleet/writer.ts';
import type { PlannedSlot, SetSpec } from '#operator/plan/types.ts';

const keyOf = (byte: number) => {
  const [key] = parseFleetKeys(Buffer.alloc(32, byte).toString('base64'));
  if (key === undefined) throw new Error('no key');
  return key;
};
const key = keyOf(1);
const TOKEN = 'xoxb-secret-1';
const planned = (change: Partial<Extract<PlannedSlot, { kind: 'rtm' }>> = {}): PlannedSlot => ({
  epoch: 1,
  generation: 1,
  role: 'active',
  kind: 'rtm',
  teamID: 'T1',
  bot: 'bots/u',
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  tokenDigest: tokenDigest(TOKEN),
  cause: 'place',
  ...change,
});
const bots = (token = TOKEN) => {
  const set = { ...planned(), ownerUid: 'u', replicas: 2, tokenDigest: tokenDigest(token) };
  return new Map([['u', { token, set }]]);
};
const write = (set: Record<string, PlannedSlot>, remove: string[] = []) => ({
  pod: 'a',
  remove,
  set: new Map(Object.entries(set)),
});
const round = { bots: bots(), key, wallMs: 77 };
const none = new Map<string, Slot>();

describe('A sealed write', () => {
  it('has each slot with a token that only this bot, team and cluster can open, and the time of its placement', () => {
    const sealer = new Sealer('c');
    const sealed = sealWrite(write({ 'u/0': planned() }), none, false, sealer, round);
    const slot = sealed?.set.get('u/0');
    expect(slot?.assignedAtMs).toBe(77);
    expect(openSeal(slot?.token ?? '', [key], { cluster: 'c', ownerUid: 'u', teamID: 'T1' })).toBe(TOKEN);
  });

  it('of an app is sealed for no team', () => {
    const app: SetSpec = {
      kind: 'app',
      appID: 'A1',
      replies: 'wait',
      delayedEvents: false,
      unknownTeams: 'deliver',
      generation: 1,
      bot: 'bots/app',
      queueNamespace: '',
      events: { include: [], exclude: [], own: false },
      tokenDigest: tokenDigest(TOKEN),
    };
    const slot: PlannedSlot = { ...app, epoch: 1, role: 'active', cause: 'place' };
    const wanted = new Map([['u', { token: TOKEN, set: { ...app, ownerUid: 'u', replicas: 1 } }]]);
    const sealed = sealWrite(write({ 'u/0': slot }), none, false, new Sealer('c'), { ...round, bots: wanted });
    const token = sealed?.set.get('u/0')?.token ?? '';
    expect(openSeal(token, [key], { cluster: 'c', ownerUid: 'u', teamID: '' })).toBe(TOKEN);
  });

  it('seals a token once, and again for another token or key', () => {
    const sealer = new Sealer('c');
    const token = (change = round) =>
      sealWrite(
        write({ 'u/0': planned({ tokenDigest: change.bots.get('u')?.set.tokenDigest ?? '' }) }),
        none,
        false,
        sealer,
        change,
      )?.set.get('u/0')?.token;
    const first = token();
    expect(token()).toBe(first);
    const other = token({ ...round, bots: bots('xoxb-other-2') });
    expect(other).not.toBe(first);
    expect(token({ ...round, key: keyOf(2) })).toMatch(`v1.${keyOf(2).id}.`);
  });

  it('keeps seal and time of a placement that stays, and takes a new time for a new epoch', () => {
    const first = sealWrite(write({ 'u/0': planned() }), none, false, new Sealer('c'), round);
    const held = new Map(first?.after);
    const later = { ...round, wallMs: 99 };
    const again = sealWrite(write({ 'u/0': planned({ generation: 2 }) }), held, false, new Sealer('c'), later);
    expect(again?.set.get('u/0')).toEqual({ ...held.get('u/0'), generation: 2 });
    const moved = sealWrite(write({ 'u/0': planned({ epoch: 2 }) }), held, false, new Sealer('c'), later);
    expect(moved?.set.get('u/0')?.assignedAtMs).toBe(99);
  });

  it('leaves out a slot without a token, but not of a pod that holds it and is to be written whole', () => {
    const set = { 'u/0': planned(), 'x/0': planned({ tokenDigest: 'unknown' }) };
    const some = sealWrite(write(set), none, false, new Sealer('c'), round);
    expect([...(some?.set.keys() ?? [])]).toEqual(['u/0']);
    const reported: Slot = { ...planned({ tokenDigest: 'unknown' }), token: '', assignedAtMs: 0 };
    const whole = sealWrite(write(set), new Map([['x/0', reported]]), true, new Sealer('c'), round);
    expect([...(whole?.set.keys() ?? [])]).toEqual(['u/0', 'x/0']);
    expect(whole?.set.get('x/0')).toEqual(reported);
  });

  it('says what the pod holds afterwards', () => {
    const held = new Map(
      sealWrite(write({ 'u/0': planned(), 'u/1': planned() }), none, false, new Sealer('c'), round)?.after,
    );
    const sealed = sealWrite(write({ 'u/2': planned() }, ['u/0', 'never/0']), held, false, new Sealer('c'), round);
    expect([...(sealed?.after.keys() ?? [])]).toEqual(['u/1', 'u/2']);
    expect(sealed?.remove).toEqual(['u/0']);
  });
});
