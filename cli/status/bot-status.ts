import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import { isLiveState } from '../../core/protocol/presence.ts';
import type { SlotReport } from '../../core/protocol/report.ts';
import { explain, isSocketReason, type Reason } from '../../operator/kinds/reasons.ts';
import { whyMissing, whyNotLive } from '../../operator/kinds/socket-conditions.ts';
import { firstWait } from '../../operator/kinds/wait.ts';

/** A slot of a bot, or of an app, as sessions, assignments and reports have it now. */
export interface BotSocket {
  /** Which of the bot's sockets; in a handover two pods have the same one. */
  index: number;
  zone: string;
  bot: string;
  teamID: string;
  /** Undefined: it is none of an app's. */
  appID?: string | undefined;
  /** Undefined: no process that runs now has reported it. */
  state: SlotReport['state'] | undefined;
  reason: string;
  message: string;
  /** Redis time until which it waits; absent: for nothing that has a known end. */
  waitUntilMs?: number | undefined;
}

/** What the cluster has that a bot needs. */
interface Surroundings {
  planner: boolean;
  connectors: boolean;
}

/**
 * A bot, or an app, as it is now. Pure. Whatever its sockets prove is taken from them. The planner's summary, which may be old, adds
 * what they can't show (what is wanted, the verdict on the token, suspension), and its reason applies only as long as no
 * socket contradicts it.
 */
export function botStatus(
  line: BotSummary | undefined,
  sockets: readonly BotSocket[],
  around: Surroundings,
): BotSummary {
  const live = sockets.filter(({ state }) => isLiveState(state));
  const count = live.length;
  const desired = line?.desired ?? new Set(sockets.map(({ index }) => index)).size;
  const first = sockets.find(({ bot }) => bot !== '');
  const wait = count < desired ? firstWait(sockets) : undefined;
  const now: BotSummary = {
    bot: line?.bot ?? first?.bot ?? '',
    teamID: line?.teamID ?? first?.teamID ?? '',
    teamName: line?.teamName ?? '',
    desired,
    // A socket that is being closed is shown as long as it is live, as in the status of a SlackBot.
    live: desired === 0 ? count : Math.min(count, desired),
    zones: [...new Set(live.map(({ zone }) => zone))].sort(),
    ready: count > 0,
    ...(count > 0 ? said('Live') : why(sockets, around)),
    missing: count > 0 && count < desired ? whyMissing(sockets) : undefined,
    waitUntilMs: wait?.untilMs,
    waitsFor: wait?.for,
    app: line?.app,
    appID: line === undefined ? first?.appID : line.appID,
    teams: line?.teams,
  };
  return line === undefined || isRefuted(line, count, around)
    ? now
    : { ...now, ready: line.ready, reason: line.reason, message: line.message };
}

/** Reasons that the sockets disprove, or that nobody keeps up to date. */
function isRefuted({ ready, reason }: BotSummary, live: number, { planner }: Surroundings): boolean {
  if (ready) return live === 0;
  return isSocketReason(reason) && (live > 0 || !planner);
}

function why(sockets: readonly BotSocket[], { connectors }: Surroundings): { reason: Reason; message: string } {
  if (!connectors) return said('NoConnectors');
  return sockets.length === 0 ? said('Placing') : whyNotLive(sockets);
}

const said = (reason: Reason): { reason: Reason; message: string } => ({ reason, message: explain(reason) });
