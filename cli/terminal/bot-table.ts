import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import { columnGroups } from './columns.ts';

/** How long something takes or is ago, for people: "42 s", "5 min", "3 h". */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/**
 * What a bot that misses a socket waits for: "waits for Slack's connect budget, 42 s". Empty when it waits for nothing that
 * has a known end. Pure.
 * @param nowMs Redis time
 */
export function waitWords(
  { waitUntilMs = 0, waitsFor }: Pick<BotSummary, 'waitUntilMs' | 'waitsFor'>,
  nowMs: number,
): string {
  const leftMs = waitUntilMs - nowMs;
  if (leftMs <= 0) return '';
  switch (waitsFor) {
    case 'budget':
      return `waits for Slack's connect budget, ${span(leftMs)}`;
    case 'rateLimit':
      return `waits for the end of Slack's rate limit, ${span(leftMs)}`;
    default:
      return `retries in ${span(leftMs)}`;
  }
}

type Reasoned = Pick<BotSummary, 'ready' | 'reason' | 'message' | 'missing' | 'waitUntilMs' | 'waitsFor'>;

/** Why a bot or an app is as it is, and what to do. */
export function reasonWords(bot: Reasoned, nowMs: number): string {
  const wait = waitWords(bot, nowMs);
  if (bot.ready) {
    const more = wait === '' ? '' : `one more socket ${wait}`;
    const missing = [bot.missing?.reason ?? '', more].filter((words) => words !== '');
    return missing.length === 0 ? bot.reason : `${bot.reason}; ${missing.join(': ')}`;
  }
  return `${bot.reason}: ${wait === '' ? '' : `${wait}. `}${bot.message}`;
}

/** The app whose sockets these are, by its name alone where it is in the bot's own namespace. */
function carrierWords({ bot, app }: Pick<BotSummary, 'bot' | 'app'>): string {
  if (app === undefined) return '';
  const [namespace, name] = app.split('/');
  return ` of ${bot.startsWith(`${namespace}/`) ? name : app}`;
}

/** The same table in the live view and in `relax status`: a head, and the lines of each bot. */
export function botTable(
  bots: readonly BotSummary[],
  nowMs: number,
  columnCount: number,
): { head: string; rows: string[][] } {
  return columnGroups(
    ['BOT', 'TEAM', 'READY', 'SOCKETS', 'ZONES', 'REASON'],
    bots.map((bot) => [
      bot.bot,
      bot.teamID,
      bot.ready ? 'yes' : 'no',
      `${bot.live}/${bot.desired}${carrierWords(bot)}`,
      bot.zones.join(','),
      reasonWords(bot, nowMs),
    ]),
    columnCount,
  );
}
