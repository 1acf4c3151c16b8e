import { describe, expect, it } from 'vitest';
import type { SlackAppSpec } from '#core/api/slackapp.ts';
import { type SlackBotSpec, slackBotStatusSchema } from '#core/api/slackbot.ts';
import type { RoutedBot } from '#operator/fleet/desired.ts';
import type { CredentialsVerdict, ValidCredentials } from '#operator/kinds/credentials-verdict.ts';
import { CONDITION_TYPES, type ConditionType, explain } from '#operator/kinds/reasons.ts';
import { type Apps, judgeAppRef } from '#operator/kinds/slackbot/carrier.ts';
import { ownerOf } from '#operator/kinds/slackbot/socket-set.ts';
import { type StatusInput, statusOf } from '#operator/kinds/slackbot/status.ts';
import type { SocketStatus } from '#operator/kinds/socket-status.ts';
import { urgencyOf } from '#operator/kinds/status-change.ts';
import { TAKEOVER_MS } from '#operator/kinds/takeover.ts';
import { decide, decideDeletion, LOOK_AGAIN_MS, NEW_RECORD, type Situation } from '#operator/kinds/wanted.ts';
import { conditionOf } from '#operator/status/conditions.ts';

const SPEC: SlackBotSpec = { teamID: 'T1', transport: 'App', appRef: { name: 'shop', namespace: 'apps' } };
const APP: SlackAppSpec = {
  appID: 'A1',
  credentials: { secretRef: { name: 's' } },
  replicas: 2,
  allowedNamespaces: ['bots'],
};
const bot = (spec: Partial<SlackBotSpec> = {}, generation = 3) => ({
  metadata: { uid: 'b', namespace: 'bots', name: 'acme', generation, creationTimestamp: '2026-11-25T00:00:00Z' },
  spec: { ...SPEC, ...spec },
});
const appsWith = (spec: SlackAppSpec | undefined, isListed = true): Apps => ({
  get: (key) => (key === 'apps/shop' && spec ? { metadata: { uid: 'app', namespace: 'apps' }, spec } : undefined),
  statusOf: () => undefined,
  isListed: () => isListed,
});
const ROUTED: RoutedBot = {
  appUid: 'app',
  teamID: 'T1',
  route: {
    ownerUid: 'b',
    bot: 'bots/acme',
    generation: 3,
    queueNamespace: '',
    events: { include: [], exclude: [], own: false },
    replies: 'wait',
    suspended: false,
  },
};
const VALID = judgeAppRef(bot(), appsWith(APP)) as ValidCredentials;
/** Its own token is of no use, which its events do not need. */
const WRONG: CredentialsVerdict = {
  ...VALID,
  trouble: { reason: 'SecretMissing', message: 'Secret acme does not exist' },
};
const NOTED: CredentialsVerdict = { ...VALID, note: 'label it' };
const MISSING = judgeAppRef(bot(), appsWith(undefined));
const UNKNOWN = judgeAppRef(bot(), appsWith(undefined, false));

describe('the SlackApp that a SlackBot names', () => {
  it.each<[string, Apps, object]>([
    ['admits its namespace', appsWith(APP), { kind: 'valid', digest: 'app', token: '' }],
    ['admits all', appsWith({ ...APP, allowedNamespaces: ['*'] }), { kind: 'valid' }],
    [
      'admits its own namespace only',
      appsWith({ ...APP, allowedNamespaces: [] }),
      { kind: 'invalid', reason: 'AppNotAllowed', message: expect.stringMatching(/namespace bots: add it to/) },
    ],
    [
      'does not exist',
      appsWith(undefined),
      { kind: 'invalid', reason: 'AppMissing', message: expect.stringMatching(/SlackApp apps\/shop does not exist/) },
    ],
    ['may exist, as its namespace is not listed', appsWith(undefined, false), { kind: 'unknown', reason: 'Observing' }],
  ])('%s', (_, apps, verdict) => {
    expect(judgeAppRef(bot(), apps)).toMatchObject(verdict);
  });
});

describe('what is wanted of a SlackBot that a SlackApp carries', () => {
  const situation = (spec: Partial<SlackBotSpec> = {}, more: Partial<Situation> = {}): Situation => ({
    owner: ownerOf(bot(spec), 'app'),
    record: NEW_RECORD,
    ran: undefined,
    routed: undefined,
    others: { claimsOn: () => [], mayRun: () => false, isLive: () => false },
    nowMs: 0,
    ...more,
  });
  const runOf = (spec: Partial<SlackBotSpec>, token: string) => {
    const want = ownerOf(bot(spec), undefined).wantOf({ token, digest: 'd' });
    if (want.kind !== 'run') throw new Error('it has sockets of its own');
    return want.bot;
  };
  const route = { ownerUid: 'b', bot: 'bots/acme', generation: 3, queueNamespace: '', replies: 'wait' };
  const row = { appUid: 'app', teamID: 'T1', route: expect.objectContaining({ ...route, suspended: false }) };

  it('is a row in the table of its app, and a finalizer first', () => {
    expect(decide(situation(), VALID)).toMatchObject({ want: { kind: 'route', ...row }, protectFirst: true });
  });

  it('is its own sockets until the app has a live one, when it had some', () => {
    const ran = runOf({ transport: 'RTM' }, 'xoxb-1');
    let live = false;
    const others = { claimsOn: () => [], mayRun: (uid: string) => uid === 'app', isLive: () => live };
    const at = (nowMs: number, record = NEW_RECORD) => decide(situation({}, { ran, others, nowMs, record }), VALID);
    const first = at(0);
    expect(first).toMatchObject({ want: undefined, lookAgainMs: LOOK_AGAIN_MS });
    expect(at(TAKEOVER_MS - 1, first.record).want).toBeUndefined();
    const unjudged = { ...others, mayRun: () => false };
    expect(decide(situation({}, { ran, others: unjudged }), VALID).want).toBeUndefined();
    expect(at(TAKEOVER_MS, first.record).want?.kind).toBe('route');
    live = true;
    expect(at(1, first.record)).toMatchObject({ want: { kind: 'route' }, record: { takeover: undefined } });
  });

  it('is its own sockets and the row when they were over Socket Mode: the app may be the same, and Slack sends either its events', () => {
    const ran = runOf({ transport: 'SocketMode' }, 'xapp-1-A0APP-one');
    const others = { claimsOn: () => [], mayRun: () => true, isLive: () => false };
    expect(decide(situation({}, { ran, others }), VALID)).toMatchObject({
      want: { kind: 'run', bot: ran, routed: row },
      lookAgainMs: LOOK_AGAIN_MS,
    });
  });

  it('is the row and its own sockets until one of these is live, when it leaves the app', () => {
    let live = false;
    const others = { claimsOn: () => [], mayRun: () => true, isLive: (uid: string) => uid === 'b' && live };
    const owner = ownerOf(bot({ transport: 'RTM' }, 4), undefined);
    const good = { kind: 'valid', token: 'xoxb-1', digest: 'd', note: '' } as const;
    const at = (nowMs: number, record = NEW_RECORD) =>
      decide(situation({}, { owner, routed: ROUTED, others, nowMs, record }), good);
    const first = at(0);
    expect(first).toMatchObject({
      want: { kind: 'run', routed: ROUTED },
      protectFirst: true,
      lookAgainMs: LOOK_AGAIN_MS,
    });
    expect(at(TAKEOVER_MS, first.record).want).not.toHaveProperty('routed');
    live = true;
    expect(at(1, first.record)).toMatchObject({ want: { kind: 'run' }, record: { takeover: undefined } });
    expect(at(1, first.record).want).not.toHaveProperty('routed');
  });

  it('is a suspended row and a fence while it is suspended', () => {
    expect(decide(situation({ suspend: true }), VALID).want).toEqual({
      kind: 'stop',
      why: 'suspended',
      generation: 3,
      routed: { ...row, route: expect.objectContaining({ ...route, suspended: true }) },
    });
  });

  it.each([
    ['nothing at once when its app is missing', MISSING, { kind: 'none' }],
    ['what it was while its app is not known', UNKNOWN, { kind: 'unknown' }],
  ])('is %s', (_, verdict, want) => {
    expect(decide(situation({}, { routed: ROUTED }), verdict)).toMatchObject({ want, lookAgainMs: undefined });
  });

  it('is nothing while an older SlackBot has the team of this app', () => {
    const older = { uid: 'a', namespace: 'bots', name: 'a', creationTimestamp: '2026-11-24T00:00:00Z' };
    const claim = { ...older, kind: 'SlackBot', rank: 1, keys: ['route app T1'], mayRun: true };
    const others = { claimsOn: () => [claim], mayRun: () => true, isLive: () => false };
    expect(decide(situation({}, { others }), VALID)).toMatchObject({ want: { kind: 'none' }, duplicateOf: claim });
  });

  it('is a fence when it is deleted, and the object stays until the row is known to be gone', () => {
    const release = (isRouted: boolean, hasOwner: boolean) =>
      decideDeletion(situation({}, { routed: isRouted ? ROUTED : undefined }), {
        isHeld: true,
        view: { settled: true, hasOwner },
      });
    expect(release(true, true)).toMatchObject({
      want: { kind: 'stop', why: 'deleted', generation: 3 },
      release: undefined,
    });
    expect(release(false, true).release).toBeUndefined();
    expect(release(false, false).release).toBe('closed');
  });
});

describe('the status of a SlackBot that a SlackApp carries', () => {
  const NOW = Date.parse('2026-11-25T12:00:00Z');
  const appStatus = (status: 'True' | 'False', reason: string, live: number): SocketStatus => ({
    conditions: CONDITION_TYPES.map((type) => ({
      type,
      status,
      reason,
      message: 'as it is',
      lastTransitionTime: '2026-11-25T00:00:00Z',
      observedGeneration: 1,
    })),
    desiredConnections: 2,
    liveConnections: live,
    connectionSummary: `${live}/2`,
    connections: [{ pod: 'p', zone: 'z', since: '2026-11-25T00:00:00Z' }],
  });
  const LIVE = appStatus('True', 'Live', 2);
  const input = (more: Partial<StatusInput> = {}): StatusInput => ({
    bot: bot(),
    verdict: VALID,
    duplicateOf: undefined,
    view: undefined,
    fleet: { settled: true, pods: 2, zones: 2 },
    app: LIVE,
    isRouted: true,
    previous: undefined,
    nowMs: NOW,
    ...more,
  });
  const shown = (more: Partial<StatusInput>, type: ConditionType = 'Ready') => {
    const status = statusOf(input(more));
    const condition = conditionOf(status, type);
    return `${condition?.status} ${condition?.reason} ${status.connectionSummary}`;
  };

  it.each<[string, Partial<StatusInput>, string]>([
    ['its app is live', {}, 'True Live 2/2'],
    ['nobody has read the table yet', { isRouted: undefined }, 'True Live 2/2'],
    ['the table lacks it', { isRouted: false }, 'False Placing 2/2'],
    ['its app is refused', { app: appStatus('False', 'TokenRevoked', 0) }, 'False TokenRevoked 0/2'],
    [
      'its app has a reason that this version does not know',
      { app: appStatus('True', 'News', 2) },
      'Unknown Observing 2/2',
    ],
    ['its app is not judged yet', { app: undefined }, 'Unknown Observing 0/0'],
    ['its app is not known, after it was live', { verdict: UNKNOWN, previous: statusOf(input()) }, 'True Live 2/2'],
    ['its app is missing', { verdict: MISSING }, 'False AppMissing 0/0'],
    ['its own token is wrong', { verdict: WRONG }, 'False SecretMissing 2/2'],
    [
      "its app's is wrong as well",
      { verdict: WRONG, app: appStatus('False', 'TokenRevoked', 0) },
      'False TokenRevoked 0/2',
    ],
    ['its own is wrong, and its app not judged yet', { verdict: WRONG, app: undefined }, 'False SecretMissing 0/0'],
    ['its Secret is not watched', { verdict: NOTED }, 'True Live 2/2'],
    ['it is suspended', { bot: bot({ suspend: true }) }, 'False Suspended 0/0'],
    [
      'another has its team',
      { duplicateOf: { kind: 'SlackBot', namespace: 'bots', name: 'a', keys: [] } },
      'False DuplicateBot 0/0',
    ],
  ])('when %s', (_, more, expected) => {
    expect(shown(more)).toBe(expected);
    const status = statusOf(input(more));
    expect(slackBotStatusSchema.parse(status)).toEqual(status);
    expect(statusOf(input({ ...more, previous: status }))).toEqual(status);
  });

  it('names the app, says nothing of its pods, and judges no credentials of a bot that has none', () => {
    const near = { ...bot(), spec: { ...SPEC, appRef: { name: 'shop' } } };
    const status = statusOf(input({ bot: near }));
    expect(conditionOf(status, 'Ready')?.message).toBe('SlackApp bots/shop: as it is');
    expect(status.connections).toEqual([]);
    expect(shown({ verdict: MISSING }, 'CredentialsValid')).toBe('Unknown AppMissing 0/0');
  });

  it('says of its own credentials what is wrong with them, and how to have a change count sooner', () => {
    const said = (verdict: CredentialsVerdict) => conditionOf(statusOf(input({ verdict })), 'CredentialsValid');
    expect(said(WRONG)).toMatchObject({ status: 'False', message: 'Secret acme does not exist' });
    expect(said(NOTED)?.message).toMatch(/^SlackApp apps\/shop: .* label it$/);
    expect(conditionOf(statusOf(input({ verdict: WRONG })), 'Connected')?.status).toBe('True');
  });

  it("tells a SlackBot of another namespace nothing of the app's Secret", () => {
    const app = appStatus('False', 'KeyMissing', 0);
    expect(conditionOf(statusOf(input({ app })), 'CredentialsValid')?.message).toBe(
      `SlackApp apps/shop: ${explain('KeyMissing')}`,
    );
  });

  it('after sockets of its own keeps the name of the team, and not the user of another app; once', () => {
    const previous = { ...statusOf(input()), teamName: 'Acme', botUserID: 'U0OLD' };
    const status = statusOf(input({ previous }));
    expect(status).toMatchObject({ teamName: 'Acme', botUserID: '' });
    expect(urgencyOf(previous, status)).not.toBe('none');
    // As the API server has it then: a merge patch leaves what it does not name.
    const stored = { ...previous, ...status };
    expect(urgencyOf(stored, statusOf(input({ previous: stored })))).toBe('none');
  });

  it('is worth no write when a socket of the app moves', () => {
    const moved = { ...LIVE, connections: [{ pod: 'q', zone: 'z', since: '2026-11-25T01:00:00Z' }] };
    expect(urgencyOf(statusOf(input()), statusOf(input({ app: moved })))).toBe('none');
  });
});

describe('SlackBots with an app of their own', () => {
  const owner = (token: string, teamID = 'T1') => {
    const spec: SlackBotSpec = {
      teamID,
      transport: 'SocketMode',
      credentials: { secretRef: { name: 's' } },
      replicas: 3,
    };
    return ownerOf({ ...bot(), spec: { ...spec, replies: 'Off', delayedEvents: true } }, undefined).keysOf({
      token,
      digest: 'd',
    });
  };

  it('meet in the app, whatever their teams and other tokens', () => {
    expect(owner('xapp-1-A0APP-one')).toEqual(['app A0APP', 'app A0APP T1']);
    expect(owner('xapp-1-A0APP-two\nxoxb-1234', 'T2')).toEqual(['app A0APP', 'app A0APP T2']);
  });

  it('want sockets of kind socketMode', () => {
    const spec: SlackBotSpec = { teamID: 'T1', transport: 'SocketMode', credentials: { secretRef: { name: 's' } } };
    const want = ownerOf({ ...bot(), spec: { ...spec, replies: 'Off', delayedEvents: true } }, undefined);
    expect(want.wantOf({ token: 'xapp-1-A0APP-one', digest: 'd' })).toMatchObject({
      kind: 'run',
      bot: { set: { kind: 'socketMode', teamID: 'T1', replies: 'off', delayedEvents: true, replicas: 2 } },
    });
  });

  it.each<[string, Partial<NonNullable<StatusInput['duplicateOf']>>, RegExp]>([
    ['the same team', { keys: ['app A0APP', 'app A0APP T1'] }, /SlackBot first has the same app and team/],
    ['another team', { keys: ['app A0APP', 'app A0APP T2'] }, /uses the same app for another team.*create a SlackApp/],
    ['a SlackApp', { kind: 'SlackApp' }, /SlackApp first serves the same app: set spec\.transport to App/],
    ['a SlackApp elsewhere', { kind: 'SlackApp', namespace: 'x' }, /^a SlackApp in another namespace serves/],
  ])('are told what to do when the app is in use: %s', (_, more, says) => {
    const spec: SlackBotSpec = { teamID: 'T1', transport: 'SocketMode', credentials: { secretRef: { name: 's' } } };
    const status = statusOf({
      bot: { ...bot(), spec },
      verdict: { kind: 'valid', token: 'xapp-1-A0APP-one', digest: 'd', note: '' },
      duplicateOf: { kind: 'SlackBot', namespace: 'bots', name: 'first', keys: [], ...more },
      view: undefined,
      fleet: { settled: true, pods: 2, zones: 2 },
      previous: undefined,
      nowMs: 0,
    });
    expect(conditionOf(status, 'Ready')).toMatchObject({
      reason: 'DuplicateBot',
      message: expect.stringMatching(says),
    });
  });

  it('keep what they ran over RTM while their Secret has no token for Socket Mode yet, and no longer', () => {
    const spec: SlackBotSpec = { teamID: 'T1', transport: 'SocketMode', credentials: { secretRef: { name: 's' } } };
    const rtm = ownerOf({ ...bot(), spec: { ...spec, transport: 'RTM' } }, undefined).wantOf({
      token: 'xoxb-1',
      digest: 'd',
    });
    if (rtm.kind !== 'run') throw new Error('RTM runs');
    const situation: Situation = {
      owner: ownerOf({ ...bot(), spec }, undefined),
      record: NEW_RECORD,
      ran: rtm.bot,
      routed: undefined,
      others: { claimsOn: () => [], mayRun: () => false, isLive: () => false },
      nowMs: 0,
    };
    const invalid = { kind: 'invalid', reason: 'KeyMissing', message: '' } as const;
    const decision = decide(situation, invalid);
    expect(decision.want).toEqual({ kind: 'unknown' });
    const later = { ...situation, record: decision.record, nowMs: decision.lookAgainMs ?? 0 };
    expect(decide(later, invalid).want).toEqual({ kind: 'none' });
  });
});
