import { describe, expect, it } from 'vitest';
import { type SlackAppSpec, type SlackAppStatus, slackAppStatusSchema } from '#core/api/slackapp.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { judgeCredentials } from '#operator/kinds/slackapp/credentials.ts';
import { slackAppKind } from '#operator/kinds/slackapp/slackapp-kind.ts';
import type { SlackAppObject } from '#operator/kinds/slackapp/slackapp-object.ts';
import { ownerOf } from '#operator/kinds/slackapp/socket-set.ts';
import { statusOf } from '#operator/kinds/slackapp/status.ts';
import { urgencyOf } from '#operator/kinds/status-change.ts';
import type { SecretRead } from '#operator/reconcile/secret-read.ts';
import { conditionOf } from '#operator/status/conditions.ts';

const SPEC: SlackAppSpec = { appID: 'A0SHOP', credentials: { secretRef: { name: 'shop' } }, replicas: 3 };
const TOKEN = 'xapp-1-A0SHOP-secretpart';
const metadata = {
  uid: 'u',
  namespace: 'apps',
  name: 'shop',
  generation: 4,
  creationTimestamp: '2026-11-25T00:00:00Z',
};
const found = (data: Record<string, string>): SecretRead => ({ kind: 'found', data, watched: true });

describe('the credentials of a SlackApp', () => {
  it.each([
    ['a token of the app', TOKEN],
    ['a token that does not say of which app it is', 'xapp-something'],
  ])('are valid with %s', (_, token) => {
    const verdict = judgeCredentials(SPEC, found({ 'app-token': `${token}\n` }));
    expect(verdict).toEqual({ kind: 'valid', token, digest: tokenDigest(token), note: '' });
  });

  it.each<[string, SecretRead, string, RegExp]>([
    ['no Secret', { kind: 'missing' }, 'SecretMissing', /in the namespace of the SlackApp: .*app-token=xapp-/],
    ['no such key', found({ token: TOKEN }), 'KeyMissing', /no key app-token \(it has token\)/],
    [
      'a bot token',
      found({ 'app-token': 'xoxb-1-secretpart' }),
      'TokenWrongKind',
      /a SlackApp needs an app-level token/,
    ],
    [
      'a token of another app',
      found({ 'app-token': 'xapp-1-A0ELSE-secretpart' }),
      'AppMismatch',
      /holds a token of app A0ELSE, and spec\.appID is A0SHOP/,
    ],
  ])('are refused with %s, with the remedy and without the value', (_, secret, reason, says) => {
    const verdict = judgeCredentials(SPEC, secret);
    expect(verdict).toMatchObject({ kind: 'invalid', reason, message: expect.stringMatching(says) });
    expect(JSON.stringify(verdict)).not.toContain('secretpart');
  });
});

describe('what a SlackApp wants', () => {
  it('is a set of sockets of kind app, with what its spec says of teams without a SlackBot', () => {
    const spec: SlackAppSpec = { ...SPEC, unknownTeams: 'Drop', replies: 'Off', delayedEvents: true };
    const events = { exclude: ['reaction_added'], urgent: ['app_mention'] };
    const owner = ownerOf({ metadata, spec: { ...spec, events, queueNamespace: 'q' } });
    expect(owner.wantOf({ token: TOKEN, digest: 'd' })).toEqual({
      kind: 'run',
      bot: {
        token: TOKEN,
        set: {
          ownerUid: 'u',
          bot: 'apps/shop',
          kind: 'app',
          appID: 'A0SHOP',
          replies: 'off',
          delayedEvents: true,
          unknownTeams: 'drop',
          replicas: 3,
          generation: 4,
          queueNamespace: 'q',
          events: { include: [], exclude: ['reaction_added'], own: false, urgent: ['app_mention'] },
          tokenDigest: 'd',
        },
      },
    });
    expect(owner.suspendedWant()).toEqual({ kind: 'stop', why: 'suspended', generation: 4 });
  });

  it('is to be the only one with its app, whatever its token says of it', () => {
    const keys = (token: string) => ownerOf({ metadata, spec: SPEC }).keysOf({ token, digest: 'd' });
    expect(keys(TOKEN)).toEqual(['app A0SHOP']);
    expect(keys('xapp-opaque')).toEqual(['app A0SHOP', `app ~${tokenDigest('xapp-opaque')}`]);
  });
});

describe('the status of a SlackApp', () => {
  const input = {
    app: { metadata, spec: SPEC },
    verdict: { kind: 'valid', token: TOKEN, digest: 'd', note: '' },
    duplicateOf: undefined,
    view: undefined,
    fleet: { settled: true, pods: 2, zones: 2 },
    teams: 7,
    previous: undefined,
    nowMs: Date.parse('2026-11-25T12:00:00Z'),
  } as const;
  const ready = (status: SlackAppStatus) => conditionOf(status, 'Ready');

  it('counts sockets and teams, fits the schema, and a team more or less is worth a write', () => {
    const status = statusOf(input);
    expect(slackAppStatusSchema.parse(status)).toEqual(status);
    expect(status).toMatchObject({ observedGeneration: 4, connectionSummary: '0/3', teams: 7 });
    expect(urgencyOf(status, statusOf({ ...input, previous: status }))).toBe('none');
    expect(urgencyOf(status, statusOf({ ...input, teams: 8, previous: status }))).not.toBe('none');
  });

  it('names the older SlackApp of the same app within its own namespace only', () => {
    const message = (namespace: string) => ready(statusOf({ ...input, duplicateOf: { namespace, name: 'first' } }));
    expect(message('apps')).toMatchObject({ status: 'False', reason: 'DuplicateApp' });
    expect(message('apps')?.message).toContain('SlackApp first serves the same app');
    expect(message('elsewhere')?.message).toContain('an older SlackApp in another namespace');
    expect(message('elsewhere')?.message).not.toContain('first');
  });

  it('says that it is suspended', () => {
    const suspended = { ...input, app: { metadata, spec: { ...SPEC, suspend: true } } };
    expect(ready(statusOf(suspended))).toMatchObject({ status: 'False', reason: 'Suspended' });
  });

  it('has a line for `relax status`', () => {
    const app = { metadata, spec: SPEC } as unknown as SlackAppObject;
    const line = slackAppKind.summaryOf(app, statusOf(input), { bots: new Map(), pods: [], settled: true });
    expect(line).toMatchObject({ bot: 'apps/shop', appID: 'A0SHOP', teams: 7, desired: 3, live: 0, ready: false });
  });
});
