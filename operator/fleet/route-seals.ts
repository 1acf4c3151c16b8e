import { decodeRoute, type Route } from '../../core/protocol/route.ts';
import { type FleetKey, seal } from '../../core/protocol/seal.ts';
import type { Desired, RoutedBot } from './desired.ts';
import { sealedWith } from './sealer.ts';

type Secrets = Pick<Route, 'token' | 'tokenDigest'>;

interface Sealed {
  from: RoutedBot;
  keyID: string;
  row: RoutedBot;
}

/**
 * Seals the bot tokens of SlackBots that an app carries into their rows. Each is sealed once per key: a seal is random, and a row
 * whose text changed for nothing would have the whole table read again everywhere. Holds sealed tokens only beside what is
 * desired.
 */
export class RouteSeals {
  readonly #cluster: string;
  readonly #sealed = new Map<string, Sealed>();

  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  /**
   * @param rowOf JSON of the row that an app's table has for a team
   * @param key to seal with; asked only if there is a token
   * @returns the rows, complete; the same objects as long as nothing changes
   */
  complete(
    routed: Desired['routed'],
    rowOf: (appUid: string, teamID: string) => string | undefined,
    key: () => FleetKey,
  ): Desired['routed'] {
    if ([...routed.values()].every(({ token }) => token === undefined)) {
      this.#sealed.clear();
      return routed;
    }
    for (const uid of this.#sealed.keys()) if (!routed.has(uid)) this.#sealed.delete(uid);
    const target = key();
    return new Map([...routed].map(([uid, bot]) => [uid, this.#complete(uid, bot, rowOf, target)]));
  }

  #complete(
    uid: string,
    bot: RoutedBot,
    rowOf: (appUid: string, teamID: string) => string | undefined,
    key: FleetKey,
  ): RoutedBot {
    const { appUid, teamID, route, token } = bot;
    if (token === undefined) return bot;
    const known = this.#sealed.get(uid);
    if (known?.from === bot && known.keyID === key.id) return known.row;
    const json = rowOf(appUid, teamID);
    const present = json === undefined ? undefined : decodeRoute(json);
    const before = present?.ownerUid === route.ownerUid ? present : known?.row.route;
    const secrets = this.#secretsOf(bot, before, key);
    const row = { appUid, teamID, route: { ...route, ...secrets } };
    // What is not known now may be found in the table later.
    if (token !== 'asBefore') this.#sealed.set(uid, { from: bot, keyID: key.id, row });
    return row;
  }

  #secretsOf({ teamID, route, token }: RoutedBot, before: Secrets | undefined, key: FleetKey): Secrets {
    if (token === undefined) return {};
    if (token === 'asBefore') return before?.token === undefined ? {} : pick(before);
    const isSame = before?.tokenDigest === token.digest && before.token !== undefined;
    if (isSame && sealedWith(before.token ?? '') === key.id) return pick(before);
    const context = { cluster: this.#cluster, ownerUid: route.ownerUid, teamID };
    return { token: seal(token.plain, key, context), tokenDigest: token.digest };
  }
}

const pick = ({ token, tokenDigest }: Secrets): Secrets => ({
  ...(token !== undefined && { token }),
  ...(tokenDigest !== undefined && { tokenDigest }),
});
