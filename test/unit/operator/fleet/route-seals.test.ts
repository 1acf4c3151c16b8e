import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type FleetKey, openSeal } from '#core/protocol/seal.ts';
import type { RoutedBot } from '#operator/fleet/desired.ts';
import { RouteSeals } from '#operator/fleet/route-seals.ts';

const key = (id: string): FleetKey => ({ id, secret: randomBytes(32) });
const [K1, K2] = [key('k1'), key('k2')];
const bot = (token?: RoutedBot['token'], uid = 'b'): RoutedBot => ({
  appUid: 'app',
  teamID: 'T1',
  route: {
    ownerUid: uid,
    bot: `bots/${uid}`,
    generation: 1,
    queueNamespace: '',
    events: { include: [], exclude: [], own: false },
    replies: 'wait',
    suspended: false,
  },
  ...(token !== undefined && { token }),
});
const TOKEN = { plain: 'xoxb-1-secret', digest: 'd1' };

/** The row of bot `b`, and what the table has of team T1. */
function rowBy(seals: RouteSeals, wanted: RoutedBot, before?: RoutedBot['route'], sealingKey = K1): RoutedBot['route'] {
  const json = before && JSON.stringify(before);
  const row = seals
    .complete(
      new Map([['b', wanted]]),
      () => json,
      () => sealingKey,
    )
    .get('b');
  if (row === undefined) throw new Error('no row');
  return row.route;
}
const opened = (route: RoutedBot['route'], keys = [K1, K2]): string =>
  openSeal(route.token ?? '', keys, { cluster: 'c', ownerUid: 'b', teamID: 'T1' });

describe('the bot token of a SlackBot that an app carries', () => {
  it('is sealed for its bot and team, beside its digest', () => {
    const route = rowBy(new RouteSeals('c'), bot(TOKEN));
    expect(opened(route)).toBe(TOKEN.plain);
    expect(route.tokenDigest).toBe('d1');
    expect(JSON.stringify(route)).not.toContain('secret');
  });

  it('is sealed once: the row stays the same object, and text, until something changes', () => {
    const seals = new RouteSeals('c');
    const wanted = bot(TOKEN);
    const first = rowBy(seals, wanted);
    expect(rowBy(seals, wanted, first)).toBe(first);
    expect(rowBy(seals, bot(TOKEN), first).token).toBe(first.token);
    // Another operator, or the same one after a start, finds it in the table.
    expect(rowBy(new RouteSeals('c'), bot(TOKEN), first).token).toBe(first.token);
  });

  it('is sealed again for another token, and by another fleet key', () => {
    const seals = new RouteSeals('c');
    const first = rowBy(seals, bot(TOKEN));
    const rotated = rowBy(seals, bot({ plain: 'xoxb-2-secret', digest: 'd2' }), first);
    expect([opened(rotated), rotated.tokenDigest]).toEqual(['xoxb-2-secret', 'd2']);
    const resealed = rowBy(seals, bot(TOKEN), first, K2);
    expect(opened(resealed, [K2])).toBe(TOKEN.plain);
  });

  it('stays as the table has it while the Secret can’t be read', () => {
    const first = rowBy(new RouteSeals('c'), bot(TOKEN));
    expect(rowBy(new RouteSeals('c'), bot('asBefore'), first)).toMatchObject({ token: first.token, tokenDigest: 'd1' });
    expect(rowBy(new RouteSeals('c'), bot('asBefore')).token).toBeUndefined();
  });

  it('is never taken from the row of another bot', () => {
    const other = { ...rowBy(new RouteSeals('c'), bot(TOKEN)), ownerUid: 'other' };
    expect(rowBy(new RouteSeals('c'), bot('asBefore'), other).token).toBeUndefined();
    expect(rowBy(new RouteSeals('c'), bot(TOKEN), other).token).not.toBe(other.token);
  });

  it('goes with the Secret', () => {
    const seals = new RouteSeals('c');
    const first = rowBy(seals, bot(TOKEN));
    expect(rowBy(seals, bot(), first).token).toBeUndefined();
  });

  it('needs no fleet key where no bot has one', () => {
    const wanted = new Map([['b', bot()]]);
    const none = (): never => {
      throw new Error('no fleet key');
    };
    expect(new RouteSeals('c').complete(wanted, () => undefined, none)).toBe(wanted);
  });
});
