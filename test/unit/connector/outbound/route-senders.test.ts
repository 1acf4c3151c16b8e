import { beforeEach, expect, it } from 'vitest';
import { RouteSenders } from '#connector/outbound/route-senders.ts';
import type { Route } from '#core/protocol/route.ts';
import { type FleetKey, newFleetKey, parseFleetKeys, seal } from '#core/protocol/seal.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { routeOf } from '#test/unit/connector/route/routes.ts';

const [key, otherKey] = parseFleetKeys(`${newFleetKey()}\n${newFleetKey()}`) as [FleetKey, FleetKey];
const TOKEN = 'xoxb-1-abc';
const context = { cluster: 'c1', ownerUid: 'bot-uid', teamID: 'T1' };
const sealed = (changes: Partial<Route> = {}): Route =>
  routeOf({ token: seal(TOKEN, key, context), tokenDigest: tokenDigest(TOKEN), ...changes });

let keys: FleetKey[];
let warned: unknown[];
let senders: RouteSenders;
beforeEach(() => {
  [keys, warned] = [[key], []];
  senders = new RouteSenders({
    cluster: 'c1',
    keyring: {
      get keys() {
        return keys;
      },
    },
    limitedLog: { warn: (...words) => warned.push(words) },
  });
});
const inTable = (route: Route | 'unreadable', teamID = 'T1') => senders.addressees(new Map([[teamID, route]]));
const senderIn = (route: Route) => inTable(route)[0]?.sender();

it('a bot in the table of an app sends with the token of its route', () => {
  expect(inTable(sealed())).toMatchObject([{ ownerUid: 'bot-uid', bot: 'bots/acme', teamID: 'T1' }]);
  expect(senderIn(sealed())).toEqual({
    ownerUid: 'bot-uid',
    bot: 'bots/acme',
    teamID: 'T1',
    generation: 7,
    token: TOKEN,
    credentialsDigest: tokenDigest(TOKEN),
    speaksRtm: false,
    overRtm: undefined,
  });
});

it('a bot whose route has no token is known, and known to have none', () => {
  expect(senderIn(routeOf())).toMatchObject({ bot: 'bots/acme', token: undefined, credentialsDigest: '' });
});

it('a suspended bot sends nothing, and neither does one whose route can not be read', () => {
  expect(inTable(sealed({ suspended: true }))).toEqual([]);
  expect(inTable('unreadable')).toEqual([]);
});

it('a token that can not be opened here makes no sender, until the key is there', () => {
  keys = [otherKey];
  const route = sealed();
  expect(senderIn(route)).toBeUndefined();
  expect(warned).toHaveLength(1);
  expect(JSON.stringify(warned)).not.toContain('xoxb');
  keys = [otherKey, key];
  expect(senderIn(route)?.token).toBe(TOKEN);
});

it('a token that was sealed for another team is not opened', () => {
  expect(inTable(sealed(), 'T2')[0]?.sender()).toBeUndefined();
});
