import { describe, expect, it } from 'vitest';
import type { SlackBotSpec } from '#core/api/slackbot.ts';
import { joinCredentials } from '#core/protocol/app-credentials.ts';
import type { RefusedToken } from '#core/protocol/refused-token.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import type { FleetView, SlotView } from '#operator/fleet/fleet-view.ts';
import { judgeRotated } from '#operator/kinds/rotated-verdict.ts';
import { judgeCredentials } from '#operator/kinds/slackbot/credentials.ts';
import { rotationIn } from '#operator/kinds/slackbot/rotating-token.ts';
import { type SlackBotObject, wantedSecretOf } from '#operator/kinds/slackbot/slackbot-object.ts';
import type { SecretRead } from '#operator/reconcile/secret-read.ts';
import type { RotatingSecret } from '#operator/rotation/rotating-secret.ts';
import type { AppliedRotation, Rotation } from '#operator/rotation/rotations.ts';

const TOKEN = 'xoxe.xoxb-1-old-secretpart';
const NEW = 'xoxe.xoxb-1-new-secretpart';
const APP_TOKEN = 'xapp-1-A0APP-1-secretpart';
const DATA = {
  token: TOKEN,
  'refresh-token': 'xoxe-1-secretpart\n',
  'client-id': '1.2',
  'client-secret': 'client-secretpart',
};
const RTM: SlackBotSpec = { teamID: 'T1', transport: 'RTM', credentials: { secretRef: { name: 's' } } };
const SOCKET_MODE: SlackBotSpec = { ...RTM, transport: 'SocketMode' };
const found = (data: Record<string, string>, annotations: Record<string, string> = {}): SecretRead => ({
  kind: 'found',
  data,
  watched: true,
  metadata: { resourceVersion: '7', annotations },
});
const bot = (spec: SlackBotSpec): SlackBotObject => ({
  apiVersion: 'relax.dev/v1alpha1',
  kind: 'SlackBot',
  metadata: { name: 'b', namespace: 'bots', uid: 'u', generation: 1, resourceVersion: '1', creationTimestamp: '' },
  spec,
});

/** Answers the same each time, and notes what it is told. */
class FakeRotation implements Rotation {
  readonly told: string[] = [];
  secret: RotatingSecret | undefined;
  readonly answer: AppliedRotation;

  constructor(answer: AppliedRotation = { kind: 'known', token: NEW, note: '', fault: undefined }) {
    this.answer = answer;
  }

  apply(_uid: string, secret: RotatingSecret): AppliedRotation {
    this.secret = secret;
    return this.answer;
  }
  setExpired(uid: string, isExpired: boolean): void {
    this.told.push(`${uid} ${isExpired ? 'expired' : 'works'}`);
  }
  takeNews(): undefined {}
  release(uid: string): void {
    this.told.push(`${uid} released`);
  }
  leave(): void {}
}

const KIND = {
  wantedSecretOf,
  judgeCredentials: (object: { spec: SlackBotSpec }, read: SecretRead) => judgeCredentials(object.spec, read),
  rotationIn,
};

const judge = (
  spec: SlackBotSpec,
  secret: SecretRead,
  rotation = new FakeRotation(),
  slots: Partial<SlotView>[] = [],
) => {
  const view = { bots: new Map([['u', { slots, pending: [] }]]) } as unknown as FleetView;
  return judgeRotated<SlackBotObject>(KIND, bot(spec), secret, { rotation, view });
};

describe('a rotating token', () => {
  it('is found with its pair, its app, its place, and when it expires', () => {
    const rotation = new FakeRotation();
    judge(RTM, found(DATA, { 'relax.dev/token-expires-at': '2026-11-26T12:00:00Z' }), rotation);
    expect(rotation.secret).toEqual({
      teamID: 'T1',
      pair: { token: TOKEN, refreshToken: 'xoxe-1-secretpart' },
      clientID: '1.2',
      clientSecret: 'client-secretpart',
      expiresAtMs: Date.UTC(2026, 10, 26, 12),
      refresh: 'Owner',
      home: { namespace: 'bots', name: 's', resourceVersion: '7', tokenKey: 'token', refreshTokenKey: 'refresh-token' },
    });
  });

  it('comes from the keys that the spec names, and follows where it says so', () => {
    const keys = { token: 'bot', refreshToken: 'r', clientID: 'i', clientSecret: 's' };
    const spec = { ...RTM, credentials: { secretRef: { name: 's' }, keys, refresh: 'Follow' as const } };
    const rotation = new FakeRotation();
    judge(spec, found({ bot: TOKEN, r: 'xoxe-1-abcd', i: '1.2', s: 'x' }), rotation);
    expect(rotation.secret).toMatchObject({ refresh: 'Follow', home: { tokenKey: 'bot', refreshTokenKey: 'r' } });
  });

  it('is used in place of the one in the Secret, over RTM and over Socket Mode', () => {
    expect(judge(RTM, found(DATA))).toEqual({ kind: 'valid', token: NEW, digest: tokenDigest(NEW), note: '' });
    const both = joinCredentials({ appToken: APP_TOKEN, botToken: NEW });
    expect(judge(SOCKET_MODE, found({ ...DATA, 'app-token': APP_TOKEN }))).toMatchObject({
      kind: 'valid',
      token: both,
    });
  });

  it('changes nothing while Redis has not been asked', () => {
    const rotation = new FakeRotation({ kind: 'unknown', message: 'not asked' });
    expect(judge(RTM, found(DATA), rotation)).toEqual({ kind: 'unknown', reason: 'Observing', message: 'not asked' });
  });

  it('says what is wrong with it beside the verdict', () => {
    const fault = { reason: 'RefreshRefused', message: 'refused' } as const;
    const rotation = new FakeRotation({ kind: 'known', token: NEW, note: 'a note', fault });
    expect(judge(RTM, found(DATA), rotation)).toMatchObject({ kind: 'valid', note: 'a note', trouble: fault });
  });

  it.each<[string, Partial<SlotView>, string]>([
    ['Slack refused it', { reason: 'TokenExpired', tokenDigest: tokenDigest(NEW) }, 'u expired'],
    ['Slack refused another', { reason: 'TokenExpired', tokenDigest: tokenDigest(TOKEN) }, 'u works'],
    ['it is live', { reason: '', tokenDigest: tokenDigest(NEW) }, 'u works'],
    [
      'Slack refused it while the socket is live by another token',
      {
        reason: 'BotTokenRefused',
        message: 'Slack refused auth.test (token_expired).',
        tokenDigest: tokenDigest(NEW),
      },
      'u expired',
    ],
    [
      'Slack refused it for another reason',
      { reason: 'BotTokenRefused', message: 'Slack refused auth.test (token_revoked).', tokenDigest: tokenDigest(NEW) },
      'u works',
    ],
  ])('has expired as far as sockets tell: %s', (_, slot, told) => {
    const rotation = new FakeRotation();
    judge(RTM, found(DATA), rotation, [slot]);
    expect(rotation.told).toEqual([told]);
  });
});

describe('a rotating token that an answer to a message has called expired', () => {
  const refusedBy = (digest: string, reason: RefusedToken['reason'] = 'TokenExpired') => {
    const rotation = new FakeRotation();
    const record = { tokenDigest: digest, generation: 1, reason, error: 'token_expired', message: '', atMs: 1 };
    const view = { bots: new Map(), refused: new Map([['u', record]]) };
    judgeRotated<SlackBotObject>(KIND, bot(SOCKET_MODE), found({ ...DATA, 'app-token': APP_TOKEN }), {
      rotation,
      view,
    });
    return rotation.told;
  };

  it('has expired, whether the record is about the slot or about the bot token', () => {
    expect(refusedBy(tokenDigest(joinCredentials({ appToken: APP_TOKEN, botToken: NEW })))).toEqual(['u expired']);
    expect(refusedBy(tokenDigest(NEW))).toEqual(['u expired']);
    expect(refusedBy(tokenDigest(TOKEN))).toEqual(['u works']);
    expect(refusedBy(tokenDigest(NEW), 'TokenRevoked')).toEqual(['u works']);
  });
});

describe('a token that does not rotate', () => {
  const { 'refresh-token': _refreshToken, 'client-secret': _clientSecret, ...noPair } = DATA;
  it.each<[string, Record<string, string>, RegExp]>([
    ['without the other values', { token: TOKEN }, /^$/],
    ['with empty ones', { token: TOKEN, 'refresh-token': '', 'client-id': ' ', 'client-secret': '' }, /^$/],
    ['with some of them', noPair, /has token and client-id but not refresh-token and client-secret/],
    [
      'without a token to begin with',
      { ...DATA, token: '', 'app-token': APP_TOKEN },
      /has refresh-token.* but not token/,
    ],
    ['with another kind of token', { ...DATA, 'refresh-token': TOKEN }, /holds no refresh token \(xoxe-/],
  ])('%s is used as it is, and what is missing is said', (_, data, note) => {
    const rotation = new FakeRotation();
    const spec = data.token === '' ? SOCKET_MODE : RTM;
    const verdict = judge(spec, found(data), rotation);
    expect(verdict).toMatchObject({ kind: 'valid', note: expect.stringMatching(note) });
    expect(verdict.kind === 'valid' && verdict.token).toBe(data.token === '' ? APP_TOKEN : TOKEN);
    expect(rotation.told).toEqual(['u released']);
    expect(verdict.kind === 'valid' && verdict.note).not.toContain('secretpart');
  });

  it('is not given up while the Secret is away', () => {
    const rotation = new FakeRotation();
    expect(judge(RTM, { kind: 'missing' }, rotation)).toMatchObject({ reason: 'SecretMissing' });
    expect(judge(RTM, { kind: 'unreadable', why: 'away' }, rotation)).toMatchObject({ kind: 'unknown' });
    expect(rotation.told).toEqual([]);
  });
});
