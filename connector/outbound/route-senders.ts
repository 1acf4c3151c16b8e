import type { RateLimitedLog } from '../../core/process/rate-limited-log.ts';
import type { FleetKeyring } from '../../core/protocol/fleet-keyring.ts';
import type { Route } from '../../core/protocol/route.ts';
import { openSeal } from '../../core/protocol/seal.ts';
import type { KnownRoutes } from '../route/route-table.ts';
import type { Addressee } from './addressee.ts';
import type { Sender } from './sender.ts';

export interface RouteSendersOptions {
  cluster: string;
  keyring: Pick<FleetKeyring, 'keys'>;
  limitedLog: Pick<RateLimitedLog, 'warn'>;
}

/** The bots in the route tables of apps, as senders. Remembers the tokens that it has opened for as long as their routes are held. */
export class RouteSenders {
  readonly #options: RouteSendersOptions;
  readonly #opened = new WeakMap<Route, string>();

  constructor(options: RouteSendersOptions) {
    this.#options = options;
  }

  /** A suspended bot sends nothing, and of a route that can't be read nobody knows whose it is. */
  addressees(routes: KnownRoutes): Addressee[] {
    return [...routes].flatMap(([teamID, route]) => {
      if (route === 'unreadable' || route.suspended) return [];
      const { ownerUid, bot } = route;
      return [{ ownerUid, bot, teamID, sender: () => this.#sender(teamID, route) }];
    });
  }

  /** Undefined while its token can't be opened here, which another fleet key may change. */
  #sender(teamID: string, route: Route): Sender | undefined {
    const { ownerUid, bot, generation, tokenDigest = '' } = route;
    const overSockets = { speaksRtm: false, overRtm: undefined };
    const sender = { ownerUid, bot, teamID, generation, credentialsDigest: tokenDigest, ...overSockets };
    if (route.token === undefined) return { ...sender, token: undefined };
    const token = this.#opened.get(route) ?? this.#open(teamID, route, route.token);
    if (token === undefined) return undefined;
    this.#opened.set(route, token);
    return { ...sender, token };
  }

  #open(teamID: string, { ownerUid, bot }: Route, sealed: string): string | undefined {
    const { cluster, keyring, limitedLog } = this.#options;
    try {
      return openSeal(sealed, keyring.keys, { cluster, ownerUid, teamID });
    } catch {
      const remedy = 'give the operator and every connector the same RELAX_FLEET_KEY_FILE';
      limitedLog.warn('route token', { bot, team: teamID, remedy }, "the bot's token can't be decrypted here");
      return undefined;
    }
  }
}
