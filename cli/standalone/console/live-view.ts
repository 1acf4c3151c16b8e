import type { BotSummary } from '../../../core/protocol/bot-summary.ts';
import type { FleetView } from '../../../operator/fleet/fleet-view.ts';
import { appLineOf, appTable } from '../../terminal/app-table.ts';
import { botTable, span } from '../../terminal/bot-table.ts';
import { columns, hanging } from '../../terminal/columns.ts';
import { counted } from '../../terminal/counted.ts';
import { totalsOf } from '../../terminal/totals.ts';
import type { EventSummary } from '../connectors/event-totals.ts';

export interface LiveView {
  /** Of SlackBots and SlackApps. */
  lines: readonly BotSummary[];
  pods: FleetView['pods'];
  /** What is wrong with the fleet, and with the files. */
  faults: readonly string[];
  queue: string;
  events: EventSummary;
  /** Redis time, in which the waits of bots are given. */
  nowMs: number;
  /** Of the terminal. */
  size: { columnCount: number; rowCount: number };
}

const LEAST_BOT_LINES = 4;

/** What a terminal shows: pods, apps, bots, events and problems, as much as there is room for. Pure. */
export function liveViewLines(view: LiveView): string[] {
  const { lines, pods, faults, nowMs, size } = view;
  // The last column and the last line stay free, because some terminals scroll when they are written to.
  const [columnCount, lineCount] = [size.columnCount - 1, size.rowCount - 1];
  const podLines = few(podTable(pods), Math.max(3, Math.floor(lineCount / 4)), 'connectors');
  const appLines = appsOf(lines, nowMs, columnCount, Math.max(3, Math.floor(lineCount / 6)));
  const faultLines = faults.flatMap((fault) => hanging(`! ${fault}`, columnCount));
  const totalLines = totals(view, columnCount);
  const table = botTable(inOrder(botsOf(lines)), nowMs, columnCount);
  const taken = podLines.length + appLines.length + totalLines.length + ['', '', table.head, ''].length;
  const room = lineCount - taken;
  const faultRoom = Math.max(1, Math.min(Math.floor(lineCount / 3), room - LEAST_BOT_LINES));
  const tail = [...totalLines, ...few(faultLines, faultRoom, 'lines')];
  const botRoom = Math.max(LEAST_BOT_LINES, room - (tail.length - totalLines.length));
  return ['', ...podLines, ...appLines, '', table.head, ...fitting(table.rows, botRoom), '', ...tail];
}

/** None where there is no app; otherwise they begin with an empty one. */
function appsOf(lines: readonly BotSummary[], nowMs: number, columnCount: number, most: number): string[] {
  const apps = inOrder(lines).flatMap((line) => appLineOf(line) ?? []);
  if (apps.length === 0) return [];
  const { head, rows } = appTable(apps, nowMs, columnCount);
  return ['', ...few([head, ...rows.flat()], most, 'lines of apps')];
}

/** The status of a bot that an app carries does not say where the sockets are; the app's does. */
function botsOf(lines: readonly BotSummary[]): BotSummary[] {
  const zones = new Map(
    lines.flatMap(({ bot, appID, zones: of }) => (appID === undefined ? [] : [[bot, of] as const])),
  );
  return lines
    .filter(({ appID }) => appID === undefined)
    .map((bot) => ({ ...bot, zones: (bot.live > 0 ? zones.get(bot.app ?? '') : undefined) ?? bot.zones }));
}

function podTable(pods: FleetView['pods']): string[] {
  return columns(
    ['CONNECTOR', 'ZONE', 'STATE', 'SOCKETS'],
    pods.map((pod) => [pod.pod, pod.zone, pod.state, `${pod.live}/${pod.slots}`]),
  );
}

/** Bots that need attention first. */
const inOrder = (bots: readonly BotSummary[]): BotSummary[] =>
  [...bots].sort((a, b) => Number(a.ready) - Number(b.ready) || (a.bot < b.bot ? -1 : 1));

function totals({ lines, queue, events }: LiveView, columnCount: number): string[] {
  const { apps, bots, live, desired } = totalsOf(lines);
  const appWords = apps.total === 0 ? '' : `${apps.ready} of ${apps.total} apps and `;
  return [
    ...hanging(`${appWords}${bots.ready} of ${bots.total} bots ready, ${live} of ${desired} sockets live`, columnCount),
    ...hanging(eventWords(queue, events), columnCount),
  ];
}

/** "queue relax:events: 12 items and 1 urgent item; 3.4 events/s, last event 2 s ago". */
function eventWords(queue: string, events: EventSummary): string {
  const { queueLength, urgentLength, queued, perSecond, lastEventAgoMs, pending, failed } = events;
  const length = queueLength === undefined ? 'length unknown' : counted(queueLength, 'item');
  const last = lastEventAgoMs === undefined ? 'no event so far' : `last event ${span(lastEventAgoMs)} ago`;
  const urgent = urgentLength === undefined ? '' : ` and ${counted(urgentLength, 'urgent item')}`;
  return [
    `queue ${queue}: ${length}${urgent}; ${rate(perSecond)} events/s, ${last}, ${queued} since the start`,
    ...(pending > 0 ? [`${counted(pending, 'event')} waiting for Redis`] : []),
    ...(failed > 0 ? [`${counted(failed, 'event')} LOST, see the metric relax_events_total`] : []),
  ].join('; ');
}

const rate = (perSecond: number): string =>
  perSecond === 0 ? '0' : perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));

/** Whole rows as long as they fit, then as much of the next row as fits. */
function fitting(rows: readonly string[][], lineCount: number): string[] {
  const all = rows.flat();
  if (all.length <= lineCount) return all;
  const shown: string[] = [];
  let count = 0;
  for (const row of rows) {
    if (shown.length + row.length > lineCount - 1) break;
    shown.push(...row);
    count += 1;
  }
  const rest = lineCount - 1 - shown.length;
  if (count === 0) return [...all.slice(0, rest), `... and ${counted(rows.length - 1, 'more bot')}`];
  return [...shown, `... and ${counted(rows.length - count, 'more bot')}: "relax status" lists them`];
}

const few = (lines: readonly string[], most: number, what: string): string[] =>
  lines.length <= most ? [...lines] : [...lines.slice(0, most - 1), `... and ${lines.length - most + 1} more ${what}`];
