import { beforeEach, describe, expect, it } from 'vitest';
import {
  BotIdentities,
  type BotIdentity,
  botMismatch,
  botOfOtherApp,
} from '#connector/transport/socket-mode/bot-identity.ts';
import { classifyAnswer } from '#core/slack/classify-answer.ts';
import type { TokenCall, WebApi } from '#core/slack/web-api.ts';

const APP = 'xapp-1-A01-123-abc';
const NAMELESS = 'xapp-nameless';
const BOT = 'xoxb-1-2-abc';
const AUTH_TEST = { ok: true, team_id: 'T1', team: 'Acme', user_id: 'U1', bot_id: 'B1' };
const BOTS_INFO = { ok: true, bot: { id: 'B1', app_id: 'A01' } };

let asked: string[];
let answers: Record<string, unknown>;
const webApi: WebApi = {
  isPlainText: false,
  call: async ({ method, token, params = {} }: TokenCall) => {
    const call = [method.name, token, ...Object.values(params)].join(' ');
    asked.push(call);
    const body = answers[call] ?? { ok: false, error: 'internal_error' };
    return classifyAnswer(method, { status: 200, retryAfter: null, body: JSON.stringify(body) }, 0);
  },
};
let identities: BotIdentities;
const ask = (botToken: string | undefined = BOT, appToken = APP) =>
  identities.ask({ appToken, botToken }, `${appToken} ${botToken}`, new AbortController().signal);

beforeEach(() => {
  asked = [];
  answers = { [`auth.test ${BOT}`]: AUTH_TEST, [`bots.info ${BOT} B1`]: BOTS_INFO };
  identities = new BotIdentities(webApi);
});

describe('whose bot token it is', () => {
  it('is not asked when there is none', async () => {
    expect(await identities.ask({ appToken: APP, botToken: undefined }, 'd', new AbortController().signal)).toBe(
      undefined,
    );
    expect(asked).toEqual([]);
  });

  it('is asked once for the same credentials', async () => {
    expect(await ask()).toEqual({
      teamID: 'T1',
      enterpriseID: '',
      teamName: 'Acme',
      botUserID: 'U1',
      isOrgWide: false,
      appID: 'A01',
      connectsAs: 'A01',
    });
    expect(await ask()).toBe(identities.get(`${APP} ${BOT}`));
    expect(asked).toEqual([`auth.test ${BOT}`, `bots.info ${BOT} B1`]);
  });

  it('is not asked of bots.info where auth.test names the app', async () => {
    answers[`auth.test ${BOT}`] = { ...AUTH_TEST, app_id: 'A7' };
    expect((await ask())?.appID).toBe('A7');
    expect(asked).toEqual([`auth.test ${BOT}`]);
  });

  it('asks Slack for the app of an app-level token that does not name it', async () => {
    answers[`auth.test ${NAMELESS}`] = { ok: true, app_id: 'A01', app_name: 'Acme' };
    expect(await ask(BOT, NAMELESS)).toMatchObject({ appID: 'A01', connectsAs: 'A01' });
  });

  it.each(['missing_scope', 'unknown_method', 'bot_not_found'])(
    'stays unknown for good where bots.info says %s',
    async (error) => {
      answers[`bots.info ${BOT} B1`] = { ok: false, error };
      expect(await ask()).toMatchObject({ teamID: 'T1', appID: '' });
      await ask();
      expect(asked).toHaveLength(2);
    },
  );

  it('is asked again with the next socket when Slack was ill', async () => {
    answers[`bots.info ${BOT} B1`] = { ok: false, error: 'internal_error' };
    expect(await ask()).toMatchObject({ appID: '' });
    answers[`bots.info ${BOT} B1`] = BOTS_INFO;
    expect(await ask()).toMatchObject({ appID: 'A01' });
  });

  it('is refused as long as Slack says so, which people are told', async () => {
    answers[`auth.test ${BOT}`] = { ok: false, error: 'token_revoked' };
    await ask();
    expect(identities.refusal(`${APP} ${BOT}`)).toMatchObject({ reason: 'TokenRevoked' });
    answers[`auth.test ${BOT}`] = { ok: false, error: 'internal_error' };
    await ask();
    expect(identities.refusal(`${APP} ${BOT}`)).toBeUndefined();
  });

  it.each(['internal_error', 'token_revoked', 'unknown_method', 'ratelimited'])(
    'is unknown, and holds nothing up, where auth.test says %s',
    async (error) => {
      answers[`auth.test ${BOT}`] = { ok: false, error };
      expect(await ask()).toBeUndefined();
      answers[`auth.test ${BOT}`] = AUTH_TEST;
      expect(await ask()).toBeDefined();
    },
  );

  it('is remembered for a bounded number of credentials, the oldest going first', async () => {
    for (let n = 0; n <= 20_000; n += 1) {
      const botToken = `xoxb-${n}`;
      answers = { [`auth.test ${botToken}`]: { ...AUTH_TEST, app_id: 'A01' } };
      await ask(botToken);
    }
    expect(identities.get(`${APP} xoxb-0`)).toBeUndefined();
    expect(identities.get(`${APP} xoxb-1`)).toBeDefined();
    expect(identities.get(`${APP} xoxb-20000`)).toBeDefined();
  });
});

describe('the verdict on a bot token', () => {
  const identity = (changes: Partial<BotIdentity> = {}): BotIdentity => ({
    teamID: 'T1',
    enterpriseID: '',
    teamName: 'Acme',
    botUserID: 'U1',
    isOrgWide: false,
    appID: 'A01',
    connectsAs: 'A01',
    ...changes,
  });

  it.each<[string, Partial<BotIdentity>, string]>([
    ['of the team and the app', {}, 'T1'],
    ['of a workspace of the organization', { enterpriseID: 'E1' }, 'E1'],
    ['of the organization as a whole, whose workspaces are not known', { teamID: 'E1', isOrgWide: true }, 'T2'],
    ['whose team Slack did not name', { teamID: '' }, 'T2'],
    ['whose app Slack did not name', { appID: '' }, 'T1'],
    ['beside an app-level token whose app Slack did not name', { connectsAs: '' }, 'T1'],
  ])('%s: it fits, or nobody knows', (_what, changes, teamID) => {
    expect(botMismatch(identity(changes), teamID)).toBeUndefined();
  });

  it('of another team: both teams and the remedy are named', () => {
    const refusal = botMismatch(identity({ teamID: 'T9', teamName: 'Other' }), 'T1');
    expect(refusal).toMatchObject({ reason: 'TeamMismatch', error: 'team_mismatch' });
    expect(refusal?.message).toMatch(/T9 \(Other\).*spec\.teamID is T1.*Secret/);
  });

  it('of another app: both apps and the remedy are named', () => {
    const refusal = botMismatch(identity({ appID: 'A9' }), 'T1');
    expect(refusal).toMatchObject({ reason: 'AppMismatch', error: 'app_mismatch' });
    expect(refusal?.message).toMatch(/app A9.*app-level token to A01.*Secret/);
    expect(botOfOtherApp(identity({ appID: 'A9', connectsAs: '' }), 'A01')).toEqual(refusal);
  });
});
