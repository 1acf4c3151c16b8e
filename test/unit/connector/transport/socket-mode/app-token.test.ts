import { describe, expect, it } from 'vitest';
import { refuseCredentials } from '#connector/transport/socket-mode/app-token.ts';

const APP = 'xapp-1-A0123456789-123-abcdef';
const refused = (appToken: string, botToken?: string) => refuseCredentials({ appToken, botToken });

describe('credentials', () => {
  it.each([
    ['an app-level token alone', APP, undefined],
    ['an app-level token that does not name its app', 'xapp-something', undefined],
    ['both tokens', APP, 'xoxb-1-2-abc'],
    ['a rotating bot token', APP, 'xoxe.xoxb-1-abc'],
  ])('with %s may be sent', (_what, appToken, botToken) => {
    expect(refused(appToken, botToken)).toBeUndefined();
  });

  it.each([
    ['a bot token', 'xoxb-1-2-abc', 'is a bot token'],
    ['a user token', 'xoxp-1-2-abc', 'is a user token'],
    ['a refresh token', 'xoxe-1-abc', 'is a refresh token'],
    ['something else', 'hunter2', 'does not look like a Slack token'],
    ['nothing', '', 'does not look like a Slack token'],
  ])('with %s in place of the app-level token are refused with the remedy', (_what, appToken, words) => {
    const refusal = refused(appToken);
    expect(refusal).toMatchObject({ reason: 'TokenWrongKind', error: 'token_wrong_kind' });
    expect(refusal?.message).toContain(words);
    expect(refusal?.message).toMatch(/xapp-.*connections:write.*Secret/);
    if (appToken !== '') expect(refusal?.message).not.toContain(appToken);
  });

  it.each([
    ['an app-level token', APP, 'is an app-level token'],
    ['a user token', 'xoxp-1-2-abc', 'is a user token'],
    ['something else', 'hunter2', 'does not look like a Slack token'],
  ])('with %s in place of the bot token are refused with the remedy', (_what, botToken, words) => {
    const refusal = refused(APP, botToken);
    expect(refusal?.reason).toBe('TokenWrongKind');
    expect(refusal?.message).toMatch(new RegExp(`The bot token in the Secret ${words}.*xoxb-.*or none`));
    expect(refusal?.message).not.toContain(botToken);
  });
});
