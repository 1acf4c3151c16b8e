/** Why a websocket has ended, as the library says it. */

import type { IncomingMessage } from 'node:http';
import { systemClock } from '../../core/process/clock.ts';
import { retryAfterMs } from '../../core/slack/retry-after.ts';
import type { SocketClose } from './socket.ts';

/** Close code of a connection that ended without a close frame (RFC 6455, 7.1.5). */
export const ABNORMAL = 1006;

type Cause = Omit<SocketClose, 'code'>;

/** The upgrade was answered with another status. */
export function refusalOf({ statusCode: status = 0, headers }: IncomingMessage): Cause {
  const { date, 'retry-after': retryAfter } = headers;
  const waitMs = retryAfterMs(retryAfter, systemClock.wallMs(), date);
  return {
    kind: 'refused',
    status,
    detail: `the upgrade was answered with HTTP ${status}`,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  };
}

/** @param reason that the peer gave, fit for logs */
export const closeOf = (code: number, reason: string): Cause =>
  code === ABNORMAL
    ? { kind: 'failed', detail: 'the connection was lost' }
    : { kind: 'closed', detail: `closed by the peer with code ${code}${reason === '' ? '' : `: ${reason}`}` };
