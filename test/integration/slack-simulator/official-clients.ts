import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { LogLevel, RTMClient } from '@slack/rtm-api';
import { WebClient } from '@slack/web-api';
import type { Frame } from '#slack-simulator/frames.ts';

/** Slack's own RTM client on a simulator, with its defaults but for the address. */
export type OfficialClient = {
  rtm: RTMClient;
  /** Every frame it told its listeners of. */
  frames: Frame[];
  /** Pings it sent. */
  pings: Frame[];
};

/** Starts the client and waits until it is ready, about two seconds after hello. */
export async function startRtm(url: string, token: string, caFile?: string): Promise<OfficialClient> {
  const rtm = new RTMClient(token, {
    slackApiUrl: url,
    logLevel: LogLevel.ERROR,
    retryConfig: { retries: 0 },
    ...(caFile === undefined ? {} : { agent: new Agent({ ca: readFileSync(caFile) }) }),
  });
  const frames: Frame[] = [];
  const pings: Frame[] = [];
  rtm.on('slack_event', (_type: string, frame: Frame) => frames.push(frame));
  rtm.on('outgoing_message', (frame: Frame) => {
    if (frame.type === 'ping') pings.push(frame);
  });
  const ready = new Promise<void>((resolve, reject) => {
    rtm.once('ready', resolve);
    rtm.once('unable_to_rtm_start', reject);
  });
  await Promise.all([rtm.start(), ready]);
  return { rtm, frames, pings };
}

/** Ends the client. After a sendMessage its own list has holes, over which it would stumble: rtm-api 7.0.4. */
export async function stopRtm({ rtm }: OfficialClient): Promise<void> {
  Object.assign(rtm, { awaitingReplyList: [] });
  await rtm.disconnect();
}

export const webClient = (url: string, token?: string, retryConfig = { retries: 0 }): WebClient =>
  new WebClient(token, {
    slackApiUrl: url,
    logLevel: LogLevel.ERROR,
    retryConfig,
    allowAbsoluteUrls: false,
  });
