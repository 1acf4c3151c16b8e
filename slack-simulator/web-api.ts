import { randomUUID } from 'node:crypto';
import type { App, AppCredential, AppDirectory } from './app.ts';
import { type Caller, type Identified, identify } from './caller.ts';
import { type ConnectBucket, type ConnectLimits, takeConnect } from './connect-limit.ts';
import type { BrokenAnswer, FaultBoard, Subject } from './fault.ts';
import type { Frame } from './frames.ts';
import { exchangeToken } from './oauth-access.ts';
import type { Posted } from './post.ts';
import type { PostDesk } from './post-desk.ts';
import { type BotCaller, placeOf, postMessage } from './post-message.ts';
import type { Refreshed, RefreshRequest } from './rotation.ts';
import type { Credential, Team, TeamDirectory } from './team.ts';

/** One call of a Web API method. `verb`: of HTTP. `origin`: how the caller reached us, as `wss://127.0.0.1:4000`. */
export type ApiCall = {
  method: string;
  verb: string;
  token: string | undefined;
  tokenInHeader: boolean;
  /** Client id and secret, sent by HTTP Basic. */
  client: { id: string; secret: string } | undefined;
  args: Frame;
  origin: string;
};

export type ApiAnswer = { kind: 'json'; status: number; body: Frame; retryAfterSeconds?: number } | BrokenAnswer;

export type WebApiOptions = {
  directory: TeamDirectory;
  apps: AppDirectory;
  faults: FaultBoard;
  /** Of rtm.connect. */
  limits: ConnectLimits;
  /** Whether a rotated token has a bucket of its own (as Relax assumes) or shares its team's. */
  limitBy: 'token' | 'team';
  /** Of apps.connections.open, for each app. */
  appLimits: ConnectLimits;
  /** Each gives a single-use path of a socket. */
  issueTicket(teamID: string, token: string): string;
  issueAppTicket(appID: string, token: string): string;
  desk: PostDesk;
  /** Publishes a message of the bot; returns its timestamp. */
  publish(caller: BotCaller, message: Posted): string;
  /** Exchanges a refresh token, and lets the new tokens in. */
  refresh(request: RefreshRequest): Refreshed;
  /** The bot of a refresh token. */
  refresherOf(refreshToken: string | undefined): Subject | undefined;
  /** Uses a trigger id of the app up. Undefined if it was good, or else Slack's error. */
  exchangeTrigger(appID: string, triggerID: string): string | undefined;
  /** Called once for each rtm.connect or rtm.start. `-`: a token of no team. */
  onConnectCall(teamID: string, outcome: string): void;
  /** Called once for each apps.connections.open. `-`: a token of no app. */
  onOpenCall(appID: string, outcome: string): void;
  /** Called once for each call of any method. */
  onCall(method: string, outcome: string): void;
};

const openMethod = 'apps.connections.open';
const oauthMethod = 'oauth.v2.access';
const postMethod = 'chat.postMessage';
const isRtmConnect = (method: string): boolean => method === 'rtm.connect' || method === 'rtm.start';

/** Slack's Web API: the methods that a bot needs to hear events, to know itself and to speak. */
export function createWebApi(options: WebApiOptions): (call: ApiCall) => ApiAnswer {
  const buckets = new Map<string, ConnectBucket>();

  return (call) => {
    const found = identify({ teams: options.directory, apps: options.apps }, call.token, call.method, Date.now());
    const subject = subjectOf(call, found);
    const answer = respond(call, found, subject);
    options.onCall(call.method, outcomeOf(answer));
    if (isRtmConnect(call.method)) options.onConnectCall(subject.teamID ?? '-', outcomeOf(answer));
    if (call.method === openMethod) options.onOpenCall(subject.appID ?? '-', outcomeOf(answer));
    return answer;
  };

  /** Whose call it is, as far as the token tells, revoked or refused or not. */
  function subjectOf({ method, token, args }: ApiCall, found: Identified): Subject {
    if (method === oauthMethod) return options.refresherOf(text(args.refresh_token)) ?? {};
    const installation = options.apps.installationOfToken(token);
    if (found.ok && found.caller.kind === 'app') return { appID: found.caller.app.appID };
    if (installation !== undefined) return { appID: installation.appID, teamID: installation.teamID };
    const appID = options.apps.credential(token)?.appID;
    return appID === undefined ? { teamID: options.directory.teamOf(token) } : { appID };
  }

  function respond(call: ApiCall, found: Identified, subject: Subject): ApiAnswer {
    // What a proxy does, it does before Slack sees the call: it costs nothing of the budget.
    const broken = options.faults.methodAnswer('transport', call.method, subject, Date.now());
    if (broken !== undefined) return broken;
    if (call.method === 'api.test') return apiTest(call.args);
    const misplaced = call.method === openMethod ? misplacedToken(call) : undefined;
    if (misplaced !== undefined) return refusal(misplaced);
    // Its caller is known by a client's secret, not by a token.
    if (call.method === oauthMethod) return unlessFaulty(call, subject, () => exchange(call));
    if (!found.ok) return refusal(found.error);
    const { caller } = found;
    return overLimit(call, caller) ?? unlessFaulty(call, subject, () => answer(call, caller));
  }

  function unlessFaulty({ method }: ApiCall, subject: Subject, answerOf: () => ApiAnswer): ApiAnswer {
    const refused = options.faults.methodAnswer('slack', method, subject, Date.now());
    if (refused !== undefined) return refused;
    const answered = answerOf();
    return options.faults.methodAnswer('after', method, subject, Date.now()) ?? answered;
  }

  function exchange(call: ApiCall): ApiAnswer {
    const exchanged = exchangeToken(call, options);
    return typeof exchanged === 'string' ? refusal(exchanged) : success(exchanged);
  }

  function answer(call: ApiCall, caller: Caller): ApiAnswer {
    switch (call.method) {
      case 'rtm.connect':
      case 'rtm.start':
        return caller.kind === 'classic'
          ? connect(call, caller.team, caller.credential)
          : refusal('not_allowed_token_type');
      case openMethod:
        return caller.kind === 'app'
          ? openConnection(call, caller.app, caller.credential)
          : refusal('not_allowed_token_type');
      case 'auth.test':
        return authTest(caller);
      case 'bots.info':
        return botsInfo(call.args, caller);
      case 'views.open':
        return caller.kind === 'bot' ? openView(call.args, caller) : refusal('not_allowed_token_type');
      case postMethod:
        return caller.kind === 'app' ? refusal('not_allowed_token_type') : post(call, caller);
      default:
        return refusal('unknown_method');
    }
  }

  function overLimit({ method, args }: ApiCall, caller: Caller): ApiAnswer | undefined {
    if (method === postMethod && caller.kind !== 'app') {
      const waitSeconds = options.desk.take(placeOf(caller), text(args.channel), Date.now());
      return waitSeconds === undefined ? undefined : { kind: 'ratelimited', retryAfterSeconds: waitSeconds };
    }
    if (isRtmConnect(method) && caller.kind === 'classic') {
      const { teamID, token } = caller.credential;
      return take(options.limitBy === 'team' ? teamID : `${teamID}/${token}`, options.limits);
    }
    if (method === openMethod && caller.kind === 'app') return take(`app/${caller.app.appID}`, options.appLimits);
    return undefined;
  }

  function take(key: string, limits: ConnectLimits): ApiAnswer | undefined {
    const verdict = takeConnect(buckets.get(key), limits, Date.now());
    buckets.set(key, verdict.bucket);
    if (verdict.granted) return undefined;
    return { kind: 'ratelimited', retryAfterSeconds: verdict.retryAfterSeconds };
  }

  function connect(call: ApiCall, team: Team, credential: Credential): ApiAnswer {
    return success({
      url: `${call.origin}${options.issueTicket(team.teamID, credential.token)}`,
      self: { id: team.botUserID, name: team.botName },
      team: { id: team.teamID, name: team.name, domain: team.domain },
    });
  }

  function openConnection(call: ApiCall, app: App, credential: AppCredential): ApiAnswer {
    if (!app.socketMode) return refusal('forbidden_team');
    return success({
      url: `${call.origin}${options.issueAppTicket(app.appID, credential.token)}`,
      response_metadata: { scopes: ['connections:write'] },
    });
  }

  /** The bot that is named, or else the caller's own. */
  function botsInfo(args: Frame, caller: Caller): ApiAnswer {
    if (caller.kind === 'app') return refusal('not_allowed_token_type');
    const asked = text(args.bot);
    const own = asked === undefined || asked === botIDOf(caller);
    if (own && caller.kind === 'classic') {
      const { botID, botName, botUserID } = caller.team;
      return success({ bot: { id: botID, deleted: false, name: botName, user_id: botUserID } });
    }
    const installation =
      own && caller.kind === 'bot' ? caller.installation : options.apps.installationOfBot(asked ?? '');
    if (installation === undefined) return refusal('bot_not_found');
    const { botID, botUserID, appID } = installation;
    const { name } = options.apps.get(appID);
    return success({ bot: { id: botID, deleted: false, name, updated: 0, app_id: appID, user_id: botUserID } });
  }

  /** A modal that an app opens. What its user submits is sent by hand. */
  function openView(args: Frame, { installation }: Extract<Caller, { kind: 'bot' }>): ApiAnswer {
    const view = frameOf(args.view);
    if (view === undefined) return refusal('invalid_arguments');
    const refused = options.exchangeTrigger(installation.appID, text(args.trigger_id) ?? '');
    if (refused !== undefined) return refusal(refused);
    const { teamID, appID, botID } = installation;
    const id = `V${randomUUID().slice(-10).toUpperCase()}`;
    const made = { id, team_id: teamID, app_id: appID, bot_id: botID, root_view_id: id, previous_view_id: null };
    return success({ view: { state: { values: {} }, ...view, ...made } });
  }

  function post({ args, token = '' }: ApiCall, caller: BotCaller): ApiAnswer {
    const { desk, publish } = options;
    const posted = postMessage(args, caller, token, { desk, publish });
    return typeof posted === 'string' ? refusal(posted) : success(posted);
  }
}

const success = (body: Frame): ApiAnswer => ({ kind: 'json', status: 200, body: { ok: true, ...body } });

const refusal = (error: string): ApiAnswer => ({ kind: 'error', error });

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** An object, also as JSON: in a form there is no other way. */
function frameOf(value: unknown): Frame | undefined {
  if (typeof value === 'object' && value !== null) return { ...value };
  try {
    const parsed: unknown = JSON.parse(text(value) ?? '');
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}

const botIDOf = (caller: BotCaller): string =>
  caller.kind === 'classic' ? caller.team.botID : caller.installation.botID;

/** This method takes its token in the header and by POST only (docs.slack.dev/reference/methods/apps.connections.open). */
function misplacedToken({ verb, token, tokenInHeader }: ApiCall): string | undefined {
  if (verb !== 'POST') return 'insecure_request';
  return token !== undefined && !tokenInHeader ? 'invalid_auth' : undefined;
}

const apiTest = (args: Frame): ApiAnswer => {
  const error = text(args.error);
  return error === undefined ? success({ args }) : { kind: 'json', status: 200, body: { ok: false, error, args } };
};

function authTest(caller: Caller): ApiAnswer {
  switch (caller.kind) {
    case 'app':
      return success({ app_name: caller.app.name, app_id: caller.app.appID });
    case 'classic': {
      const { team } = caller;
      return success({
        url: `https://${team.domain}.slack.com/`,
        team: team.name,
        user: team.botName,
        team_id: team.teamID,
        user_id: team.botUserID,
        bot_id: team.botID,
        is_enterprise_install: false,
      });
    }
    case 'bot': {
      const { app, installation } = caller;
      const { teamID, teamName, botUserID, botID, enterpriseID, isEnterpriseInstall } = installation;
      return success({
        url: `https://${teamID.toLowerCase()}.slack.com/`,
        team: teamName,
        user: app.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'),
        team_id: teamID,
        user_id: botUserID,
        bot_id: botID,
        ...(enterpriseID === undefined ? {} : { enterprise_id: enterpriseID }),
        is_enterprise_install: isEnterpriseInstall,
      });
    }
    default:
      return caller satisfies never;
  }
}

function outcomeOf(answer: ApiAnswer): string {
  switch (answer.kind) {
    case 'json':
      return 'ok';
    case 'error':
      return answer.error;
    case 'http':
      return `http_${answer.status}`;
    default:
      return answer.kind;
  }
}
