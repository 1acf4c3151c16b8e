import { describe, expect, it } from 'vitest';
import type { RtmConnectAnswer } from '#connector/transport/rtm/rtm-connect.ts';
import { type RtmSpec, rtmTransport } from '#connector/transport/rtm/rtm-transport.ts';

const spec: RtmSpec = {
  kind: 'rtm',
  slotID: 'uid-1/0',
  ownerUid: 'uid-1',
  bot: 'bots/acme',
  teamID: 'T1',
  generation: 3,
  queueNamespace: 'shop',
  events: { include: [], exclude: [], own: false },
  token: 'xoxb-1-secret',
  tokenDigest: 'd1',
  rebalance: false,
};
const SELF = { teamID: 'T1', teamName: 'Acme', botUserID: 'U1' };
const ok = (changes: Partial<Extract<RtmConnectAnswer, { kind: 'ok' }>> = {}): RtmConnectAnswer => ({
  kind: 'ok',
  url: 'wss://slack.test/ticket',
  teamID: 'T1',
  teamName: 'Acme',
  botUserID: 'U1',
  ...changes,
});
const rtm = (answer: RtmConnectAnswer = ok()) => rtmTransport({ connect: async () => answer, cluster: 'c1' });
const open = (answer: RtmConnectAnswer, teamID = 'T1') =>
  rtm(answer).open({ ...spec, teamID }, new AbortController().signal);

describe('the answer of rtm.connect', () => {
  it('gives a socket and who Slack says that it is for', async () => {
    expect(await open(ok())).toEqual({ kind: 'ok', url: 'wss://slack.test/ticket', self: SELF });
  });

  it('for a token of another team gives none, and names both teams and the remedy', async () => {
    const answer = await open(ok({ teamID: 'T9', teamName: 'Other' }));
    expect(answer).toMatchObject({ kind: 'mismatch', reason: 'TeamMismatch', error: 'team_mismatch' });
    expect(answer).toHaveProperty('message', expect.stringMatching(/T9 \(Other\).*spec\.teamID is T1.*Secret/));
  });

  it('is about an organization whose workspace answers', async () => {
    expect(await open(ok({ enterpriseID: 'E1' }), 'E1')).toMatchObject({ kind: 'ok', self: { teamID: 'T1' } });
  });

  it('that is a failure is passed on', async () => {
    expect(await open({ kind: 'rateLimited', retryAfterMs: 58_000 })).toEqual({
      kind: 'rateLimited',
      retryAfterMs: 58_000,
    });
  });
});

it('every event of a socket is from the one bot, as the assignment and Slack name it', () => {
  const sourceOf = rtm().sourceResolver(spec, { ...SELF, teamID: 'T1WORKSPACE' });
  const source = sourceOf({ kind: 'event', event: { type: 'message' }, text: undefined });
  expect(source).toEqual({
    cluster: 'c1',
    ownerUid: 'uid-1',
    bot: 'bots/acme',
    generation: 3,
    teamID: 'T1',
    queueNamespace: 'shop',
    events: spec.events,
    slackTeamID: 'T1WORKSPACE',
    botUserID: 'U1',
  });
  expect(sourceOf({ kind: 'event', event: { type: 'message' }, text: undefined })).toBe(source);
});

it('connects are shared by team and token, under the key of earlier versions', () => {
  expect(rtm().bucket(spec, 'd0')).toEqual({ key: 'relax:connect:T1:d0' });
});

it('a refusal in the queue names its team and the error', () => {
  expect(rtm().disableBot(spec, 'token_revoked', 0)).toMatchObject({
    kind: 'event',
    item: { type: 'disable_bot', team_uid: 'T1', bot: 'bots/acme', event: { error: 'token_revoked' } },
  });
});
