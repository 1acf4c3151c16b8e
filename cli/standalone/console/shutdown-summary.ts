import { counted } from '../../terminal/counted.ts';

/** What is printed when everything has ended. */
export interface ShutdownSummary {
  queue: string;
  /** Connector processes, and sockets that were live when the stop began. */
  connectors: number;
  sockets: number;
  /** Events put onto the queue since the start. */
  queued: number;
  /** Events that were in a buffer and did not reach Redis. */
  left: number;
  /** Undefined when Redis does not say. */
  queueLength: number | undefined;
  /** Undefined also without a list of urgent events. */
  urgentLength?: number | undefined;
}

/** Printed at the first request to stop. */
export const stoppingLine = (graceMs: number): string =>
  `Stopping: closing sockets and flushing buffers, up to ${graceMs / 1000} s. Ctrl-C again exits at once and loses what is buffered.`;

/** Pure. */
export function shutdownLines(summary: ShutdownSummary): string[] {
  const { queue, connectors, sockets, queued, left, queueLength, urgentLength } = summary;
  const lost =
    left === 0 ? 'none was left in a buffer' : `${left} did not reach Redis and ${left === 1 ? 'is' : 'are'} LOST`;
  const urgent =
    urgentLength === undefined ? '' : `, and the list of urgent events holds ${counted(urgentLength, 'item')}`;
  const waiting =
    queueLength === undefined
      ? 'how many items it holds is unknown'
      : `it holds ${counted(queueLength, 'item')}${urgent}`;
  return [
    `Stopped: ${counted(connectors, 'connector')} ended, all sockets closed (${sockets} were live).`,
    `${counted(queued, 'event')} put onto the queue ${queue} since the start, ${lost}; ${waiting}.`,
    "The next start takes one of Slack's connects for each socket: over Socket Mode six at once, then one in 10 s for each app; over RTM three at once, then about one a minute for each token. After several quick starts bots wait.",
  ];
}
