/** Does an event say that Slack has revoked the token of a bot, and how? Pure (ADR 0021). */

import { isRevokingEvent, type RevokingEvent } from '../../core/protocol/refused-token.ts';
import { isObject, type JsonObject } from '../../core/slack/json-object.ts';
import type { Refusal } from '../../core/slack/web-api-answer.ts';
import type { Envelope } from './envelope.ts';
import type { RefusedBot } from './event-source.ts';

const AGAIN =
  'and put its new token into the Secret. If there is none, or it stays the same, set spec.suspend to true and back.';

/** The refusal that each of these events amounts to. */
const REFUSALS = {
  tokens_revoked: {
    reason: 'TokenRevoked',
    error: 'tokens_revoked',
    message: `Slack has revoked the bot's token (event tokens_revoked). Install the app again, ${AGAIN}`,
  },
  app_uninstalled: {
    reason: 'AppUninstalled',
    error: 'app_uninstalled',
    message: `The app was uninstalled from the team (event app_uninstalled). Install it again, ${AGAIN}`,
  },
  team_access_revoked: {
    reason: 'TeamAccessRevoked',
    error: 'team_access_revoked',
    message:
      'The organization has withdrawn the app from the team (event team_access_revoked). Ask its administrators to grant ' +
      'access again, then set spec.suspend to true and back.',
  },
} as const satisfies Record<RevokingEvent, Refusal>;

export const revokingTypeOf = ({ type }: JsonObject): RevokingEvent | undefined =>
  isRevokingEvent(type) ? type : undefined;

export const refusalOf = (type: RevokingEvent): Refusal => REFUSALS[type];

/** A bot whose token Slack has revoked. */
export interface RevokedBot {
  /** `tokenDigest`: of the revoked token, or of the credentials that it belongs to; empty: Relax does not have the token. */
  bot: RefusedBot;
  refusal: Refusal;
}

/** What an event is looked at for. */
export interface RevocableBot {
  /** `spec.teamID` */
  teamID: string;
  /** The user whose token it is; empty: not known. */
  userID: string;
  tokenKind: 'bot' | 'user';
  /** The app that it belongs to; empty: not known, which excludes no event. */
  appID: string;
}

/** As much of an event's frame as tells. */
export interface RevokingFrame {
  event: JsonObject;
  /** Undefined over RTM, where everything that comes is about the team of the token. */
  envelope?: Pick<Envelope, 'appID' | 'teamID' | 'enterpriseID' | 'botUserID'>;
}

/** @returns undefined if the event is not one of these, or is about other tokens */
export function revocationOf(frame: RevokingFrame, bot: RevocableBot): Refusal | undefined {
  const { event, envelope } = frame;
  const type = revokingTypeOf(event);
  if (type === undefined || !isOfApp(envelope, bot.appID)) return undefined;
  return concerns(type, frame, bot) ? refusalOf(type) : undefined;
}

function concerns(type: RevokingEvent, { event, envelope }: RevokingFrame, bot: RevocableBot): boolean {
  switch (type) {
    case 'tokens_revoked':
      return (
        isOfTeam(envelope, bot.teamID) &&
        namesToken(event, { ...bot, userID: bot.userID || (envelope?.botUserID ?? '') })
      );
    case 'app_uninstalled':
      return isOfTeam(envelope, bot.teamID);
    case 'team_access_revoked': {
      const teams = teamsIn(event);
      return (
        teams.includes(bot.teamID) ||
        (isOrganization(envelope?.enterpriseID) && teams.includes(envelope?.enterpriseID ?? ''))
      );
    }
    default:
      return type satisfies never;
  }
}

/** The app of an event that does not say is the one whose socket brought it. */
export const isOfApp = (envelope: RevokingFrame['envelope'], appID: string): boolean =>
  envelope === undefined || envelope.appID === '' || appID === '' || envelope.appID === appID;

/**
 * An event of a whole organization is about each of its workspaces; one of a workspace is not about its organization. Slack
 * names a team nearly always; an app of one team has no other.
 */
function isOfTeam(envelope: RevokingFrame['envelope'], teamID: string): boolean {
  if (envelope === undefined || envelope.teamID === '' || envelope.teamID === teamID) return true;
  return isOrganization(envelope.teamID) && !isOrganization(teamID);
}

/**
 * `tokens: { bot: [user ids], oauth: [user ids] }`: the bot tokens and the user tokens that are revoked. If it is not known whose
 * token it is, any bot's may be.
 */
export function namesToken(
  { tokens }: JsonObject,
  { userID, tokenKind }: Pick<RevocableBot, 'userID' | 'tokenKind'>,
): boolean {
  if (!isObject(tokens)) return false;
  const users = textsIn(tokenKind === 'bot' ? tokens.bot : tokens.oauth);
  return userID === '' ? tokenKind === 'bot' && users.length > 0 : users.includes(userID);
}

/** The teams of `team_access_revoked`. */
export const teamsIn = ({ team_ids }: JsonObject): readonly string[] => textsIn(team_ids);

const textsIn = (list: unknown): readonly string[] =>
  Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : [];

const isOrganization = (id: string | undefined): boolean => id?.startsWith('E') === true;
