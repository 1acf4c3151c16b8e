import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import { reasonWords } from './bot-table.ts';
import { columnGroups } from './columns.ts';

/** A SlackApp, for people and in `relax status -o json`. */
export interface AppLine
  extends Pick<
    BotSummary,
    'desired' | 'live' | 'zones' | 'ready' | 'reason' | 'message' | 'missing' | 'waitUntilMs' | 'waitsFor'
  > {
  /** "namespace/name" */
  app: string;
  appID: string;
  /** Teams that have a SlackBot over it. */
  teams: number;
}

/** Undefined for the line of a bot. Pure. */
export function appLineOf({ bot, appID, teams = 0, ...line }: BotSummary): AppLine | undefined {
  if (appID === undefined) return undefined;
  const { desired, live, zones, ready, reason, message, missing, waitUntilMs, waitsFor } = line;
  return { app: bot, appID, teams, desired, live, zones, ready, reason, message, missing, waitUntilMs, waitsFor };
}

/** As `botTable`. */
export function appTable(
  apps: readonly AppLine[],
  nowMs: number,
  columnCount: number,
): { head: string; rows: string[][] } {
  return columnGroups(
    ['APP', 'ID', 'READY', 'SOCKETS', 'ZONES', 'TEAMS', 'REASON'],
    apps.map((app) => [
      app.app,
      app.appID,
      app.ready ? 'yes' : 'no',
      `${app.live}/${app.desired}`,
      app.zones.join(','),
      app.teams,
      reasonWords(app, nowMs),
    ]),
    columnCount,
  );
}
