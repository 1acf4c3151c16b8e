import type { BotSummary } from '../../core/protocol/bot-summary.ts';
import type { BotView } from '../fleet/fleet-view.ts';
import { conditionOf } from '../status/conditions.ts';
import { whyMissing } from './socket-conditions.ts';
import type { SocketStatus } from './socket-status.ts';
import { firstWait, withoutWait } from './wait.ts';

/** What the line of `relax status` says of sockets, from the status and the slots. */
export function socketSummary(
  status: SocketStatus,
  view: BotView | undefined,
): Omit<BotSummary, 'bot' | 'teamID' | 'teamName'> {
  const ready = conditionOf(status, 'Ready');
  const missing = (status.liveConnections ?? 0) < (status.desiredConnections ?? 0);
  const wait = missing ? firstWait(view?.slots ?? []) : undefined;
  return {
    desired: status.desiredConnections ?? 0,
    live: status.liveConnections ?? 0,
    zones: [...new Set((status.connections ?? []).map(({ zone }) => zone))].sort(),
    ready: ready?.status === 'True',
    reason: ready?.reason ?? '',
    message: withoutWait(ready?.message ?? ''),
    missing: missing && status.liveConnections !== 0 ? whyMissing(view?.slots ?? []) : undefined,
    waitUntilMs: wait?.untilMs,
    waitsFor: wait?.for,
  };
}
