import { describe, expect, it } from 'vitest';
import type { Envelope } from '#connector/event/envelope.ts';
import type { KnownRoutes, RouteTable } from '#connector/route/route-table.ts';
import type { AppsConnectionsOpenAnswer } from '#connector/transport/socket-mode/apps-connections-open.ts';
import type { BotIdentity } from '#connector/transport/socket-mode/bot-identity.ts';
import type { AppSpec, SocketModeSpec } from '#connector/transport/socket-mode/socket-mode-spec.ts';
import { appTransport, socketModeTransport } from '#connector/transport/socket-mode/socket-mode-transport.ts';
import type { EventFrame } from '#connector/transport/transport.ts';
import { joinCredentials } from '#core/protocol/app-credentials.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import type { Refusal } from '#core/slack/web-api-answer.ts';

const TOKEN = 'xapp-1-A01-123-abc';
const OTHER_TOKEN = 'xapp-1-A02-123-abc';
const NAMELESS = 'xapp-nameless';
const OK: AppsConnectionsOpenAnswer = { kind: 'ok', url: 'wss://slack.test/link' };
const EVENTS = { include: [], exclude: [], own: false };
const shared = {
  slotID: 'uid-1/0',
  ownerUid: 'uid-1',
  bot: 'bots/acme',
  generation: 3,
  queueNamespace: 'shop',
  events: EVENTS,
  token: TOKEN,
  tokenDigest: 'd1',
  rebalance: false,
  replies: true,
  delayedEvents: true,
};
const ownSpec: SocketModeSpec = { ...shared, kind: 'socketMode', teamID: 'T1' };
const appSpec: AppSpec = { ...shared, kind: 'app', appID: 'A01', unknownTeams: 'drop' };
const identity: BotIdentity = {
  teamID: 'T1',
  enterpriseID: '',
  teamName: 'Acme',
  botUserID: 'U1',
  isOrgWide: false,
  appID: 'A01',
  connectsAs: 'A01',
};
const { signal } = new AbortController();
const eventOf = (changes: Partial<Envelope> = {}): EventFrame => ({
  kind: 'event',
  event: { type: 'message' },
  text: undefined,
  envelope: {
    type: 'events_api',
    id: 'e1',
    takesAnswer: false,
    isSentAgain: true,
    appID: 'A01',
    teamID: 'T2',
    enterpriseID: '',
    botUserID: 'U2',
    eventID: 'Ev1',
    outer: {},
    ...changes,
  },
});

describe('a bot with an app of its own', () => {
  const own = (said?: BotIdentity, answer = OK, refused?: Refusal) => {
    const opened: string[] = [];
    const transport = socketModeTransport({
      open: async (token) => {
        opened.push(token);
        return answer;
      },
      identities: { ask: async () => said, get: () => said, refusal: () => refused },
      cluster: 'c1',
    });
    return { transport, opened };
  };

  it('asks for a socket with the app-level token, and needs no other', async () => {
    const { transport, opened } = own();
    expect(await transport.open(ownSpec, signal)).toEqual({
      ...OK,
      self: { teamID: '', teamName: '', botUserID: '' },
    });
    expect(opened).toEqual([TOKEN]);
  });

  it('knows its team and user where the bot token tells', async () => {
    const { transport, opened } = own(identity);
    const spec = { ...ownSpec, token: joinCredentials({ appToken: TOKEN, botToken: 'xoxb-1-2' }) };
    expect(await transport.open(spec, signal)).toEqual({
      ...OK,
      self: { teamID: 'T1', teamName: 'Acme', botUserID: 'U1' },
    });
    expect(opened).toEqual([TOKEN]);
  });

  it('gets its socket although Slack refuses the bot token, and people are told', async () => {
    const refused: Refusal = { reason: 'TokenRevoked', error: 'token_revoked', message: 'The token was revoked.' };
    const { transport } = own(undefined, OK, refused);
    const trouble = { reason: 'BotTokenRefused', message: expect.stringContaining('The token was revoked.') };
    expect(await transport.open(ownSpec, signal)).toMatchObject({ kind: 'ok', self: { trouble } });
  });

  it.each([
    ['another team', { teamID: 'T9' }, 'TeamMismatch'],
    ['another app', { appID: 'A09' }, 'AppMismatch'],
  ])('whose bot token is of %s gets no socket', async (_what, changes, reason) => {
    const { transport, opened } = own({ ...identity, ...changes });
    expect(await transport.open(ownSpec, signal)).toMatchObject({ kind: 'mismatch', reason });
    expect(opened).toEqual([]);
  });

  it('whose app only the hello names is not read if the bot token is of another', () => {
    const { transport } = own({ ...identity, connectsAs: '' });
    expect(transport.helloRefusal?.(ownSpec, { kind: 'hello', appID: 'A09' })).toMatchObject({ reason: 'AppMismatch' });
    expect(transport.helloRefusal?.(ownSpec, { kind: 'hello', appID: 'A01' })).toBeUndefined();
    expect(transport.helloRefusal?.(ownSpec, { kind: 'hello' })).toBeUndefined();
  });

  it('is not refused by a hello that contradicts what was checked before, or when there is no bot token', () => {
    const hello = { kind: 'hello', appID: 'A09' } as const;
    expect(own(identity).transport.helloRefusal?.(ownSpec, hello)).toBeUndefined();
    expect(own().transport.helloRefusal?.(ownSpec, hello)).toBeUndefined();
  });

  it('passes on what Slack says when it grants no socket', async () => {
    const failure = { kind: 'rateLimited', retryAfterMs: 30_000 } as const;
    expect(await own(identity, failure as never).transport.open(ownSpec, signal)).toEqual(failure);
  });

  it('is the source of each event, in the tenant that Slack names', () => {
    const resolve = own().transport.sourceResolver(ownSpec, { teamID: 'T1', teamName: 'Acme', botUserID: 'U1' });
    const source = {
      cluster: 'c1',
      ownerUid: 'uid-1',
      bot: 'bots/acme',
      generation: 3,
      queueNamespace: 'shop',
      events: EVENTS,
      replies: true,
      delayedEvents: true,
    };
    expect(resolve(eventOf())).toEqual({ ...source, teamID: 'T2', slackTeamID: 'T2', botUserID: 'U2' });
    expect(resolve(eventOf({ teamID: '', botUserID: '' }))).toEqual({
      ...source,
      teamID: 'T1',
      slackTeamID: 'T1',
      botUserID: 'U1',
    });
    expect(resolve(eventOf())).toBe(resolve(eventOf()));
  });

  it('tells the queue of a token that Slack refuses for good', () => {
    expect(own().transport.disableBot(ownSpec, 'token_revoked', 0)).toMatchObject({
      kind: 'event',
      item: { type: 'disable_bot', team_uid: 'T1', namespace: 'shop' },
    });
  });
});

describe('an app of many teams', () => {
  const app = (routes?: KnownRoutes) =>
    appTransport({ open: async () => OK, routes: { routesOf: () => routes, whenRead: async () => {} }, cluster: 'c1' });

  it('gets a socket that belongs to no team', async () => {
    expect(await app().open(appSpec, signal)).toEqual({ ...OK, self: { teamID: '', teamName: '', botUserID: '' } });
  });

  it('asks for a socket only when its routes were read, so that its first events find their SlackBot', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let asked = 0;
    const open = async () => {
      asked += 1;
      return OK;
    };
    const routes = { routesOf: () => undefined, whenRead: (uid: string) => (uid === 'uid-1' ? promise : undefined) };
    const answer = appTransport({ open, routes: routes as RouteTable, cluster: 'c1' }).open(appSpec, signal);
    await Promise.resolve();
    expect(asked).toBe(0);
    resolve();
    expect(await answer).toMatchObject({ kind: 'ok' });
  });

  it('whose token is of another app gets none, and both are named', async () => {
    const answer = await app().open({ ...appSpec, token: OTHER_TOKEN }, signal);
    expect(answer).toMatchObject({ kind: 'mismatch', reason: 'AppMismatch' });
    expect(answer).toHaveProperty('message', expect.stringMatching(/app A02.*spec\.appID is A01.*Secret/));
  });

  it('whose token does not name the app is judged by the hello', async () => {
    const spec = { ...appSpec, token: NAMELESS };
    expect(await app().open(spec, signal)).toMatchObject({ kind: 'ok' });
    expect(app().helloRefusal?.(spec, { kind: 'hello', appID: 'A09' })).toMatchObject({ reason: 'AppMismatch' });
    expect(app().helloRefusal?.(spec, { kind: 'hello', appID: 'A01' })).toBeUndefined();
    expect(app().helloRefusal?.(spec, { kind: 'hello' })).toBeUndefined();
    expect(app().helloRefusal?.(appSpec, { kind: 'hello', appID: 'A09' })).toBeUndefined();
  });

  it('gives each event to the SlackBot of its team, by the table as it is when the event comes', () => {
    const routes = new Map();
    const resolve = app(routes).sourceResolver(appSpec, { teamID: '', teamName: '', botUserID: '' });
    expect(resolve(eventOf())).toBe('unknown_team');
    const route = { ownerUid: 'uid-2', bot: 'bots/two', generation: 7, queueNamespace: '', events: EVENTS };
    routes.set('T2', { ...route, replies: 'off', suspended: false });
    expect(resolve(eventOf())).toMatchObject({
      ownerUid: 'uid-2',
      generation: 7,
      teamID: 'T2',
      botUserID: 'U2',
      replies: false,
      delayedEvents: true,
    });
  });

  it('delivers its events as its own while no table was read', () => {
    const resolve = app().sourceResolver(appSpec, { teamID: '', teamName: '', botUserID: '' });
    expect(resolve(eventOf())).toMatchObject({ ownerUid: 'uid-1', bot: 'bots/acme', teamID: 'T2', replies: true });
  });

  it('tells the queue nothing of a refused token, since that is of no team', () => {
    expect(app().disableBot(appSpec, 'token_revoked', 0)).toBeUndefined();
  });
});

describe('both', () => {
  const transport = appTransport({
    open: async () => OK,
    routes: { routesOf: () => undefined, whenRead: async () => {} },
    cluster: 'c1',
  });

  it('share connects and places with all who use the app, whichever of its tokens they have', () => {
    const bucket = { key: '{relax:app:A01}:connect', sockets: 'relax:app:A01' };
    expect(transport.bucket(appSpec, 'd1')).toEqual(bucket);
    expect(transport.bucket({ ...appSpec, token: 'xapp-1-A01-999-xyz\nxoxb-1-2' }, 'd2')).toEqual(bucket);
    expect(transport.bucket({ ...appSpec, token: NAMELESS }, 'd3').key).toBe(
      `{relax:app:~${tokenDigest(NAMELESS)}}:connect`,
    );
  });

  it('read on when another token of the same app comes, and not when it is one of another app', () => {
    const streamOf = (token: string) => transport.streamID({ ...appSpec, token });
    expect(streamOf('xapp-1-A01-999-xyz')).toBe(streamOf(TOKEN));
    expect(streamOf('xapp-nameless-2')).toBe(streamOf(NAMELESS));
    expect(streamOf(OTHER_TOKEN)).not.toBe(streamOf(TOKEN));
  });

  it('send no token that is not one of an app', () => {
    expect(transport.tokenRefusal({ ...appSpec, token: 'xoxb-1-2-abc' })).toMatchObject({ reason: 'TokenWrongKind' });
    expect(transport.tokenRefusal(appSpec)).toBeUndefined();
  });
});
