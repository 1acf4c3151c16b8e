/** Decides what the route tables of apps are to hold. Pure (design rules 9 and 10). */

import { createHash } from 'node:crypto';
import { decodeRoute, OTHER_TEAMS_FIELD, OTHER_TEAMS_TEXT, type Route } from '../../core/protocol/route.ts';
import { isListed } from '../plan/listed.ts';
import type { Desired } from './desired.ts';

/** Team -> JSON of its route. */
type Rows = ReadonlyMap<string, string>;

/** The table of one app, as Redis has it. */
export interface RouteTable {
  /** "namespace/name" of the SlackApp. */
  app: string;
  /** Empty: Redis has no such table (any more), so it is written whole. */
  version: string;
  rows: Rows;
}

export interface TableWrite {
  appUid: string;
  app: string;
  version: string;
  set: Rows;
  remove: readonly string[];
  /** All rows afterwards. */
  rows: Rows;
}

interface RoutePlan {
  writes: readonly TableWrite[];
  /** Apps that are gone. */
  drop: readonly string[];
}

/**
 * A table exists for each app that runs, even an empty one, since a connector takes a table that it can't find for unknown.
 * What belongs to a bot or an app of which nothing is known stays, and so does a row of a later generation than the one
 * that we know of. A new table leaves open what it lacks until everything is known.
 * @param tables App uid -> table
 * @param held owner uids of which a pod holds a slot or reports one
 */
export function planRoutes(
  tables: ReadonlyMap<string, RouteTable>,
  desired: Desired,
  held: ReadonlySet<string>,
): RoutePlan {
  const wanted = rowsByApp(desired.routed);
  const writes: TableWrite[] = [];
  const drop: string[] = [];
  const none: Omit<RouteTable, 'app'> = { version: '', rows: new Map() };
  for (const [appUid, table] of tablesOf(tables, desired, none)) {
    if (isGone(appUid, table.app, desired, held)) {
      if (tables.has(appUid)) drop.push(appUid);
      continue;
    }
    const rows = rowsAfter(isNew(table) ? LACKING : table.rows, wanted.get(appUid) ?? new Map(), desired);
    const set = new Map([...rows].filter(([team, json]) => table.rows.get(team) !== json));
    const remove = [...table.rows.keys()].filter((team) => !rows.has(team));
    if (table.version !== '' && set.size === 0 && remove.length === 0) continue;
    writes.push({ appUid, app: table.app, version: versionOf(rows), set, remove, rows });
  }
  return { writes, drop };
}

const isNew = ({ version, rows }: RouteTable): boolean => version === '' && rows.size === 0;

/** Like a row that can't be read, it stays as long as there may be bots of which nothing is known. */
const LACKING: Rows = new Map([[OTHER_TEAMS_FIELD, OTHER_TEAMS_TEXT]]);

/** Rows are never changed, so that they are decoded once. */
const OWNERS = new WeakMap<Rows, readonly string[]>();

/** Owner uids of the bots that have a row. */
export function ownersIn(tables: Iterable<Pick<RouteTable, 'rows'>>): Set<string> {
  const owners = new Set<string>();
  for (const { rows } of tables) {
    const known = OWNERS.get(rows) ?? [...rows.values()].flatMap((json) => decodeRoute(json)?.ownerUid ?? []);
    OWNERS.set(rows, known);
    for (const ownerUid of known) owners.add(ownerUid);
  }
  return owners;
}

function tablesOf(
  tables: ReadonlyMap<string, RouteTable>,
  { bots }: Desired,
  none: Omit<RouteTable, 'app'>,
): Map<string, RouteTable> {
  const all = new Map(tables);
  for (const [uid, { set }] of bots) {
    if (set.kind === 'app') all.set(uid, { ...(tables.get(uid) ?? none), app: set.bot });
  }
  return all;
}

/** Team -> row. Of two bots that are routed for one team, which no reconciler wants, each process takes the same. */
function rowsByApp(routed: Desired['routed']): Map<string, Map<string, Route>> {
  const apps = new Map<string, Map<string, Route>>();
  for (const { appUid, teamID, route } of routed.values()) {
    const rows = apps.get(appUid) ?? new Map<string, Route>();
    apps.set(appUid, rows);
    const other = rows.get(teamID);
    if (other === undefined || route.ownerUid < other.ownerUid) rows.set(teamID, route);
  }
  return apps;
}

/** While a pod may hold one of its sockets the table stays, so that late events find their bots. */
function isGone(appUid: string, app: string, desired: Desired, held: ReadonlySet<string>): boolean {
  if (desired.bots.has(appUid) || desired.kept.has(appUid) || held.has(appUid)) return false;
  const stopped = desired.stopped.get(appUid);
  return stopped === undefined ? isWhole(desired, app) : stopped.why === 'deleted';
}

function rowsAfter(before: Rows, wanted: ReadonlyMap<string, Route>, desired: Desired): Map<string, string> {
  const after = new Map<string, string>();
  for (const [team, json] of before) {
    const route = wanted.get(team);
    if (route === undefined ? stays(json, desired) : json === encoded(route) || isLater(json, route)) {
      after.set(team, json);
    }
  }
  for (const [team, route] of wanted) if (!after.has(team)) after.set(team, encoded(route));
  return after;
}

/** A row that nothing wants: it goes once it is known that its bot wants none. */
function stays(json: string, desired: Desired): boolean {
  const row = decodeRoute(json);
  if (row === undefined) return !(desired.synced && desired.unlisted.size === 0);
  const { ownerUid, bot } = row;
  if (desired.kept.has(ownerUid)) return true;
  if (desired.routed.has(ownerUid) || desired.bots.has(ownerUid) || desired.stopped.has(ownerUid)) return false;
  return !isWhole(desired, bot);
}

/** Written by a process that knows more of this bot than we do. */
function isLater(json: string, route: Route): boolean {
  const row = decodeRoute(json);
  return row?.ownerUid === route.ownerUid && row.generation > route.generation;
}

/** All objects of its namespace are known. */
const isWhole = ({ synced, unlisted }: Desired, name: string): boolean => synced && isListed(unlisted, name);

/** A route is never changed, so its text is made once. */
const TEXTS = new WeakMap<Route, string>();

function encoded(route: Route): string {
  const text = TEXTS.get(route) ?? JSON.stringify(route);
  TEXTS.set(route, text);
  return text;
}

/** Equal rows have equal versions. */
function versionOf(rows: Rows): string {
  const hash = createHash('sha256');
  for (const [team, json] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${team} ${json}\n`);
  return hash.digest('hex').slice(0, 16);
}
