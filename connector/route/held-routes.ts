import { decodeRoute, ROUTE_VERSION_FIELD, type Route } from '../../core/protocol/route.ts';
import type { KnownRoutes } from './route-table.ts';

/** One app's table as it was last read. */
export interface HeldRoutes {
  version: string;
  routes: KnownRoutes;
  /** Team -> the text that was read, so that only changed entries are decoded again. */
  texts: ReadonlyMap<string, string>;
}

export interface RoutesVerdict {
  /** What is held from now on; undefined: still nothing is known. */
  held: HeldRoutes | undefined;
  /** Teams whose entries can't be read. */
  unreadable: string[];
}

/** Whether the whole table must be read. A missing version is unknown: Redis lost the table, or it is not written yet. */
export const isNews = (held: HeldRoutes | undefined, version: string | null): version is string =>
  version !== null && version !== held?.version;

/**
 * What a read of the whole hash changes (design rule 10). A hash without a version is unknown and changes nothing. An entry that
 * can't be read leaves its team's route as it was, and makes a team that had none `unreadable`.
 */
export function routesAfterRead(held: HeldRoutes | undefined, fields: Readonly<Record<string, string>>): RoutesVerdict {
  const version = fields[ROUTE_VERSION_FIELD];
  if (version === undefined) return { held, unreadable: [] };
  const routes = new Map<string, Route | 'unreadable'>();
  const texts = new Map<string, string>();
  const unreadable: string[] = [];
  for (const [team, text] of Object.entries(fields)) {
    if (team === ROUTE_VERSION_FIELD) continue;
    const before = held?.routes.get(team);
    const isSame = before !== undefined && before !== 'unreadable' && held?.texts.get(team) === text;
    const route = isSame ? before : decodeRoute(text);
    if (route === undefined) unreadable.push(team);
    else texts.set(team, text);
    routes.set(team, route ?? before ?? 'unreadable');
  }
  return { held: { version, routes, texts }, unreadable };
}
