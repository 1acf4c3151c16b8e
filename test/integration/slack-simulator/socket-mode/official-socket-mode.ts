import { App, type Logger, LogLevel } from '@slack/bolt';
import { SocketModeClient } from '@slack/socket-mode';
import type { Frame } from '#slack-simulator/frames.ts';

/** What Slack's client hands to its listeners. */
export type Heard = {
  ack: (response?: Frame) => Promise<void>;
  envelope_id: string;
  type: string;
  body: Frame;
  retry_num?: number;
  retry_reason?: string;
  accepts_response_payload?: boolean;
};

export type OfficialSocketMode = {
  client: SocketModeClient;
  heard: Heard[];
  /** What it said of itself, in order: connected, reconnecting, ... */
  states: string[];
};

/** What goes wrong in these tests is meant to. */
const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => LogLevel.ERROR,
  setName: () => undefined,
};

/**
 * Slack's own Socket Mode client on a simulator. It waits for `pauseMs` before it connects again (5 s by default, a
 * shorter time here) and pings three times as often.
 */
export function socketModeClient(url: string, appToken: string, pauseMs = 1_000): OfficialSocketMode {
  const client = new SocketModeClient({
    appToken,
    logger: quiet,
    clientPingTimeout: pauseMs,
    clientOptions: { slackApiUrl: url, allowAbsoluteUrls: false, retryConfig: { retries: 0 } },
  });
  const heard: Heard[] = [];
  const states: string[] = [];
  client.on('slack_event', (one: Heard) => heard.push(one));
  for (const state of ['connected', 'reconnecting', 'disconnected']) client.on(state, () => states.push(state));
  return { client, heard, states };
}

/** A Bolt app as its user writes it, with the simulator's address. */
export const boltApp = (url: string, appToken: string, token: string): App =>
  new App({
    socketMode: true,
    appToken,
    token,
    logger: quiet,
    clientOptions: { slackApiUrl: url, allowAbsoluteUrls: false, retryConfig: { retries: 0 } },
  });
