import type { RetryReason, TerminalReason } from '../../core/protocol/report.ts';

/** What a reason means, and what a person does about it; empty when there is nothing to do. */
export interface ReasonText {
  meaning: string;
  remedy: string;
}

/** Those that the operator finds as well have their row with its own (`reasons.ts`). */
type ReportedReason = Exclude<TerminalReason | RetryReason, 'TokenWrongKind' | 'AppMismatch'>;

/** The reasons that only connectors report (core/protocol/report.ts). */
export const REPORTED: Readonly<Record<ReportedReason, ReasonText>> = {
  TokenInvalid: {
    meaning: 'Slack does not know the token.',
    remedy: 'Put the current token of the app in the Secret.',
  },
  TokenRevoked: {
    meaning: 'The token was revoked.',
    remedy: 'Install the app again and put the new token in the Secret.',
  },
  TokenExpired: {
    meaning: 'The token has expired.',
    remedy:
      'Put a fresh token in the Secret, with its refresh token, client id and client secret, so that Relax refreshes it.',
  },
  AccountInactive: {
    meaning: 'The bot was removed from the team, its user was deactivated, or the app was deleted.',
    remedy: 'Install the app in the team again, or delete this object.',
  },
  MissingScope: {
    meaning: 'The token lacks a scope that its transport needs.',
    remedy:
      'An app-level token needs connections:write, a token for RTM needs bot or rtm:stream. Put a token that has it in the Secret.',
  },
  RTMNotAllowed: {
    meaning: 'Slack does not let this app use RTM: only existing classic apps may.',
    remedy: 'Use the token of a classic app, or spec.transport SocketMode with an app-level token.',
  },
  TeamMismatch: {
    meaning: 'The token belongs to another team than spec.teamID.',
    remedy: 'Put a token of that team in the Secret; teamID is immutable, so for the other team create a new SlackBot.',
  },
  SocketModeDisabled: {
    meaning: 'Socket Mode is switched off for the app.',
    remedy: 'Switch it on at api.slack.com/apps, "Socket Mode". Relax asks again by itself.',
  },
  AccessDenied: {
    meaning: 'Slack refuses the team or the app.',
    remedy: 'Ask an administrator of the team whether the app is allowed there.',
  },
  AppUninstalled: {
    meaning: 'The app was uninstalled from the team.',
    remedy:
      'Install the app again and put its new token in the Secret. If the token is the same, set spec.suspend to true and back.',
  },
  TeamAccessRevoked: {
    meaning: 'The organization has withdrawn the app from the team.',
    remedy:
      'Ask an administrator of the organization to grant the app access to the team, then set spec.suspend to true and back.',
  },
  RateLimited: { meaning: 'Slack asked to wait before the next connect.', remedy: '' },
  WaitingForBudget: {
    meaning: 'The connects of a team, or of an app, are spread over time: Slack limits them.',
    remedy: '',
  },
  SlackUnavailable: { meaning: 'Slack answers with errors or not at all.', remedy: 'See https://slack-status.com.' },
  SlackAnswerUnreadable: {
    meaning: "The answer is not Slack's: a proxy may be in between.",
    remedy: 'Check RELAX_SLACK_API_URL and the proxy.',
  },
  MigrationInProgress: { meaning: 'Slack is moving the team between servers; Relax retries.', remedy: '' },
  ConnectionRefused: {
    meaning: 'The websocket could not be opened.',
    remedy: "Check the connectors' egress: DNS, proxy, network policy, port 443.",
  },
  ConnectionLost: { meaning: 'The websocket was lost and is being opened again.', remedy: '' },
  HelloTimeout: {
    meaning: 'The websocket opened, but Slack did not greet it.',
    remedy: 'See https://slack-status.com.',
  },
  TooManyWebsockets: {
    meaning: 'Slack allows 10 websockets an app, and they are in use.',
    remedy:
      'Stop other programs that use the app-level token, or lower spec.replicas: all clusters together count. Relax tries again ever more slowly.',
  },
  UnknownWebsockets: {
    meaning: 'Slack counts websockets of the app that Relax does not know, and sends them a part of the events.',
    remedy:
      'Stop other programs that use the app-level token (one app for each environment). If there are none, Slack forgets lost websockets by itself after a while.',
  },
  BotTokenRefused: {
    meaning: 'Events flow, but Slack refuses the bot token in the Secret.',
    remedy: 'Put the bot token of the app into the Secret, or none: receiving events does not need it.',
  },
  EventsWithheld: {
    meaning: 'The websocket answers pings but brings no events, while another one of the team does.',
    remedy: 'Relax replaces it. If it stays, see https://slack-status.com and any proxy in between.',
  },
  TransportNotServed: {
    meaning: 'The connector is older than the operator and does not know this transport.',
    remedy: 'Upgrade the connectors to the version of the operator.',
  },
  SealUnreadable: {
    meaning: 'The connector cannot decrypt the sealed token.',
    remedy: 'Give operator and connectors the same RELAX_FLEET_KEY_FILE.',
  },
};
