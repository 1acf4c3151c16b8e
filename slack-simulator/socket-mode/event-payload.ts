import { randomUUID } from 'node:crypto';
import type { Installation } from '../app.ts';
import type { Frame } from '../frames.ts';

/** Fields of Slack's wrapper around an event. */
export type EventWrapping = {
  /** The workspace that the event happened in; differs from the installation's where an organisation installed the app. */
  teamID: string;
  nowMs: number;
  /** Overrides fields of the wrapper, for example `team_id` and `is_ext_shared_channel` for Slack Connect. */
  outer?: Frame | undefined;
};

/** The deprecated verification token: a secret, which a program should keep out of what it passes on. */
export const verificationToken = 'verification-token-of-the-simulator';

/** An event in the wrapper of the Events API (docs.slack.dev/apis/events-api). */
export function wrapEvent(event: Frame, installation: Installation, wrapping: EventWrapping): Frame {
  const { teamID, nowMs, outer = {} } = wrapping;
  const enterpriseID = installation.enterpriseID ?? null;
  return {
    token: verificationToken,
    team_id: teamID,
    enterprise_id: enterpriseID,
    context_team_id: teamID,
    context_enterprise_id: enterpriseID,
    api_app_id: installation.appID,
    event: event.type === 'message' ? { channel_type: channelType(event.channel), ...event } : event,
    type: 'event_callback',
    event_id: `Ev${randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()}`,
    event_time: Math.floor(nowMs / 1000),
    authorizations: [
      {
        enterprise_id: enterpriseID,
        team_id: installation.isEnterpriseInstall ? null : installation.teamID,
        user_id: installation.botUserID,
        is_bot: true,
        is_enterprise_install: installation.isEnterpriseInstall,
      },
    ],
    is_ext_shared_channel: false,
    event_context: `4-${Buffer.from(JSON.stringify({ et: event.type, tid: teamID, aid: installation.appID })).toString('base64url')}`,
    ...outer,
  };
}

/** Only the Events API says what kind of channel a message is in. */
function channelType(channel: unknown): string {
  switch (String(channel).charAt(0)) {
    case 'D':
      return 'im';
    case 'G':
      return 'group';
    default:
      return 'channel';
  }
}
