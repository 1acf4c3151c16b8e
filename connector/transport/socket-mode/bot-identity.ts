import { type AppCredentials, appIDOf } from '../../../core/protocol/app-credentials.ts';
import { webApiMethod } from '../../../core/slack/slack-error.ts';
import type { WebApi } from '../../../core/slack/web-api.ts';
import type { Refusal, WebApiAnswer } from '../../../core/slack/web-api-answer.ts';
import { objectAt, text } from '../../event/frame-field.ts';

/** Who the bot is whose token came along with an app-level token, as far as Slack says. Empty: unknown. */
export interface BotIdentity {
  teamID: string;
  enterpriseID: string;
  teamName: string;
  botUserID: string;
  /** The token is of a whole organization, whichever of its workspaces is meant. */
  isOrgWide: boolean;
  /** The app of the bot token. */
  appID: string;
  /** The app of the app-level token. */
  connectsAs: string;
}

const NEW_BOT_TOKEN = "Put the bot token of the app into the Secret, or none: the app's sockets do not need it.";
const AUTH_TEST = webApiMethod('auth.test', NEW_BOT_TOKEN);
const BOTS_INFO = webApiMethod('bots.info', NEW_BOT_TOKEN);

/** The app stays unknown, however often Slack is asked. */
const NOT_TOLD: ReadonlySet<string> = new Set(['missing_scope', 'unknown_method', 'bot_not_found']);

/** Together shorter than the time that a slot allows for getting a socket. */
const ASK_MS = 5_000;
const MOST_REMEMBERED = 20_000;

/**
 * Asks Slack whose bot token it is, once for the same credentials: neither a token's team nor its app ever changes. What
 * Slack did not say is asked for again with the next socket. The answer never holds a socket back: a bot token only serves
 * what the application sends.
 */
export class BotIdentities {
  readonly #webApi: WebApi;
  readonly #known = new Map<string, BotIdentity>();
  /** Digest of the credentials -> what Slack says against their bot token. */
  readonly #refused = new Map<string, Refusal>();

  constructor(webApi: WebApi) {
    this.#webApi = webApi;
  }

  /** What was learned already. @param digest of the credentials */
  get(digest: string): BotIdentity | undefined {
    return this.#known.get(digest);
  }

  /** Slack's refusal of the bot token when it was last asked; undefined if it said none. @param digest of the credentials */
  refusal(digest: string): Refusal | undefined {
    return this.#refused.get(digest);
  }

  /**
   * @param digest of the credentials
   * @returns undefined if there is no bot token, or Slack does not say whose it is
   */
  async ask(credentials: AppCredentials, digest: string, signal: AbortSignal): Promise<BotIdentity | undefined> {
    const { appToken, botToken } = credentials;
    if (botToken === undefined) return undefined;
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    const deadline = new AbortController();
    const giveUp = (): void => deadline.abort();
    const timer = setTimeout(giveUp, ASK_MS);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      return await this.#ask(appToken, botToken, digest, deadline.signal);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }

  async #ask(appToken: string, botToken: string, digest: string, signal: AbortSignal) {
    const [tested, connectsAs] = await Promise.all([
      this.#webApi.call({ method: AUTH_TEST, token: botToken, signal }),
      this.#appOf(appToken, signal),
    ]);
    this.#refused.delete(digest);
    if (tested.kind === 'terminal') remember(this.#refused, digest, tested);
    if (tested.kind !== 'ok') return undefined;
    const app = await this.#appOfBot(tested, botToken, signal);
    const { body } = tested;
    const identity: BotIdentity = {
      teamID: text(body.team_id),
      enterpriseID: text(body.enterprise_id),
      teamName: text(body.team),
      botUserID: text(body.user_id),
      isOrgWide: body.is_enterprise_install === true,
      appID: app.appID,
      connectsAs,
    };
    if (app.isFinal) remember(this.#known, digest, identity);
    return identity;
  }

  async #appOf(appToken: string, signal: AbortSignal): Promise<string> {
    const said = appIDOf(appToken);
    if (said !== undefined) return said;
    const tested = await this.#webApi.call({ method: AUTH_TEST, token: appToken, signal });
    return tested.kind === 'ok' ? text(tested.body.app_id) : '';
  }

  async #appOfBot(
    { body }: Extract<WebApiAnswer, { kind: 'ok' }>,
    token: string,
    signal: AbortSignal,
  ): Promise<{ appID: string; isFinal: boolean }> {
    const appID = text(body.app_id);
    const bot = text(body.bot_id);
    if (appID !== '' || bot === '') return { appID, isFinal: true };
    const info = await this.#webApi.call({ method: BOTS_INFO, token, params: { bot }, signal });
    if (info.kind === 'ok') return { appID: text(objectAt(info.body, 'bot').app_id), isFinal: true };
    return { appID: '', isFinal: info.kind === 'terminal' || (info.kind === 'retry' && NOT_TOLD.has(info.error)) };
  }
}

/** The oldest go first. */
function remember<T>(known: Map<string, T>, digest: string, what: T): void {
  known.set(digest, what);
  const [oldest] = known.keys();
  if (known.size > MOST_REMEMBERED && oldest !== undefined) known.delete(oldest);
}

/** Whether the bot token is of the team that the spec names, and of the app that connects. Unknown is no mismatch. */
export function botMismatch(identity: BotIdentity, wantedTeamID: string): Refusal | undefined {
  return teamMismatch(identity, wantedTeamID) ?? botOfOtherApp(identity, identity.connectsAs);
}

function teamMismatch(identity: BotIdentity, wanted: string): Refusal | undefined {
  const { teamID, enterpriseID, teamName, isOrgWide } = identity;
  if (teamID === '' || teamID === wanted || enterpriseID === wanted) return undefined;
  // Which workspaces are in an organization is not known here.
  if (isOrgWide && wanted.startsWith('T')) return undefined;
  const message =
    `The bot token belongs to team ${teamID} (${teamName}), but spec.teamID is ${wanted}. No socket was opened. Put the ` +
    'bot token of that team into the Secret, or none, or create a SlackBot with the teamID of the token.';
  return { reason: 'TeamMismatch', error: 'team_mismatch', message };
}

/** @param connectsAs the app of the app-level token; empty: unknown */
export function botOfOtherApp({ appID }: BotIdentity, connectsAs: string): Refusal | undefined {
  if (appID === '' || connectsAs === '' || appID === connectsAs) return undefined;
  const message =
    `The bot token belongs to app ${appID}, but the app-level token to ${connectsAs}. Its socket is not read. Put two tokens of ` +
    'the same app into the Secret, or no bot token.';
  return { reason: 'AppMismatch', error: 'app_mismatch', message };
}
