import { type ConnectBucket, type ConnectLimits, takeConnect } from './connect-limit.ts';
import type { BrokenAnswer, FaultBoard } from './fault.ts';
import type { Frame } from './frames.ts';
import type { Credential, Team, TeamDirectory } from './team.ts';

/** One call of a Web API method. `origin`: how the caller reached us, for example `wss://127.0.0.1:4000`. */
export type ApiCall = { method: string; token: string | undefined; args: Frame; origin: string };

export type ApiAnswer = { kind: 'json'; status: number; body: Frame; retryAfterSeconds?: number } | BrokenAnswer;

export type WebApiOptions = {
  directory: TeamDirectory;
  faults: FaultBoard;
  limits: ConnectLimits;
  /** Whether a rotated token has a bucket of its own (as Relax assumes) or shares its team's. */
  limitBy: 'token' | 'team';
  /** Gives a single-use path of the socket. */
  issueTicket(teamID: string, token: string): string;
  /** Publishes a message of the bot; returns its timestamp. */
  post(team: Team, message: { channel: string; text: string; username: string | undefined }): string;
  /** Called once for each rtm.connect or rtm.start. `-`: a token of no team. */
  onConnectCall(teamID: string, outcome: string): void;
};

/** Slack's Web API: the methods that a bot over RTM needs. */
export function createWebApi(options: WebApiOptions): (call: ApiCall) => ApiAnswer {
  const buckets = new Map<string, ConnectBucket>();

  return (call) => {
    const isConnect = call.method === 'rtm.connect' || call.method === 'rtm.start';
    const found = options.directory.authenticate(call.token, call.method);
    const teamID = found.ok ? found.team.teamID : options.directory.teamOf(call.token);
    const answer = respond(call, found, teamID);
    if (isConnect) options.onConnectCall(teamID ?? '-', outcomeOf(answer));
    return answer;
  };

  function respond(
    call: ApiCall,
    found: ReturnType<TeamDirectory['authenticate']>,
    teamID: string | undefined,
  ): ApiAnswer {
    // What a proxy does, it does before Slack sees the call: it costs nothing of the budget.
    const broken = options.faults.methodAnswer('transport', call.method, teamID, Date.now());
    if (broken !== undefined) return broken;
    if (call.method === 'api.test') return apiTest(call.args);
    if (!found.ok) return refusal(found.error);
    const { team, credential } = found;
    const isConnect = call.method === 'rtm.connect' || call.method === 'rtm.start';
    const limited = isConnect ? overLimit(credential) : undefined;
    if (limited !== undefined) return limited;
    const refused = options.faults.methodAnswer('slack', call.method, teamID, Date.now());
    if (refused !== undefined) return refused;
    switch (call.method) {
      case 'rtm.connect':
      case 'rtm.start':
        return connect(call, team, credential);
      case 'auth.test':
        return authTest(team);
      case 'chat.postMessage':
        return postMessage(call.args, team);
      default:
        return refusal('unknown_method');
    }
  }

  function overLimit(credential: Credential): ApiAnswer | undefined {
    const key = options.limitBy === 'team' ? credential.teamID : `${credential.teamID}/${credential.token}`;
    const verdict = takeConnect(buckets.get(key), options.limits, Date.now());
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

  function postMessage(args: Frame, team: Team): ApiAnswer {
    const channel = text(args.channel);
    const said = text(args.text);
    if (channel === undefined) return refusal('channel_not_found');
    if (said === undefined) return refusal('no_text');
    const ts = options.post(team, { channel, text: said, username: text(args.username) });
    return success({
      channel,
      ts,
      message: { type: 'message', user: team.botUserID, bot_id: team.botID, text: said, ts, team: team.teamID },
    });
  }
}

const success = (body: Frame): ApiAnswer => ({ kind: 'json', status: 200, body: { ok: true, ...body } });

const refusal = (error: string): ApiAnswer => ({ kind: 'error', error });

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

const apiTest = (args: Frame): ApiAnswer => {
  const error = text(args.error);
  return error === undefined ? success({ args }) : { kind: 'json', status: 200, body: { ok: false, error, args } };
};

const authTest = (team: Team): ApiAnswer =>
  success({
    url: `https://${team.domain}.slack.com/`,
    team: team.name,
    user: team.botName,
    team_id: team.teamID,
    user_id: team.botUserID,
    bot_id: team.botID,
    is_enterprise_install: false,
  });

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
