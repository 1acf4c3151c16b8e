import { type SlackBotSpec, secretKeysOf } from '../../../core/api/slackbot.ts';
import { joinCredentials } from '../../../core/protocol/app-credentials.ts';
import { tokenDigest } from '../../../core/protocol/token.ts';
import type { SecretRead } from '../../reconcile/secret-read.ts';
import type { CredentialsVerdict } from '../credentials-verdict.ts';
import { APP_TOKEN, BOT_TOKEN, judgeSecret, noteOn, tokenIn, valueIn, type WantedToken } from '../token-in-secret.ts';

/** Whether it has credentials. */
export const hasOwnSockets = (spec: SlackBotSpec): boolean => spec.transport !== 'App';

/** Judges as much as can be judged without asking Slack. */
export function judgeCredentials(spec: SlackBotSpec, secret: SecretRead): CredentialsVerdict {
  // The definition of the kind requires it.
  const name = spec.credentials?.secretRef.name ?? '';
  const needed = spec.transport === 'RTM' ? botTokenOf(spec) : appTokenOf(spec);
  if (secret.kind !== 'found') return judgeSecret('SlackBot', name, needed, secret);
  const found = tokenIn(name, secret, needed);
  if ('wrong' in found) return found.wrong;
  if (spec.transport === 'RTM') return valid(found.token, name, secret);
  const besides = { ...botTokenOf(spec), kinds: ['bot'] } satisfies WantedToken;
  // It is optional, and an empty value is as good as none.
  if ((valueIn(secret, besides.key) ?? '') === '') {
    return valid(joinCredentials({ appToken: found.token, botToken: undefined }), name, secret);
  }
  const bot = tokenIn(name, secret, besides);
  if ('wrong' in bot) return bot.wrong;
  return valid(joinCredentials({ appToken: found.token, botToken: bot.token }), name, secret);
}

/** Keys whose values are needed. */
export function secretValuesOf(spec: SlackBotSpec): string[] {
  const keys = secretKeysOf(spec);
  const rotating = [keys.refreshToken, keys.clientID, keys.clientSecret];
  return spec.transport === 'RTM' ? [keys.token, ...rotating] : [keys.appToken, keys.token, ...rotating];
}

const valid = (token: string, name: string, secret: SecretRead & { kind: 'found' }): CredentialsVerdict => ({
  kind: 'valid',
  token,
  digest: tokenDigest(token),
  note: noteOn(name, secret),
});

const botTokenOf = (spec: SlackBotSpec): WantedToken => ({
  ...BOT_TOKEN,
  key: secretKeysOf(spec).token,
  field: 'spec.credentials.keys.token',
  neededBy: `transport ${spec.transport}`,
});

const appTokenOf = (spec: SlackBotSpec): WantedToken => ({
  ...APP_TOKEN,
  key: secretKeysOf(spec).appToken,
  field: 'spec.credentials.keys.appToken',
  neededBy: `transport ${spec.transport}`,
});
