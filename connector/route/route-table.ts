import type { Route } from '../../core/protocol/route.ts';

/**
 * Team (T... or E...), or OTHER_TEAMS_FIELD for all that are not in it -> its route. `unreadable`: the table has an entry for the team which this version of Relax can't read,
 * so nobody may conclude that the team is unknown.
 */
export type KnownRoutes = ReadonlyMap<string, Route | 'unreadable'>;

/** Who the teams of an app belong to, as far as is known. */
export interface RouteTable {
  /** @returns undefined when the app's table was never read: events are delivered as the app's own, whatever their team */
  routesOf(appUid: string): KnownRoutes | undefined;
  /**
   * For whoever opens a socket of the app, whose first events should find the table: resolves when Redis has been asked for it,
   * at once if it was before, and after `withinMs` at the latest.
   */
  whenRead(appUid: string, withinMs: number): Promise<void>;
}
