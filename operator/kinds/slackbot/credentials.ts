import { type SlackBotSpec, secretKeysOf } from '../../../core/api/slackbot.ts';
import { joinCredentials } from '../../../core/protocol/app-credentials.ts';
import { tokenDigest } from '../../../core/protocol/token.ts';
import type { SecretRead } from '../../reconcile/secret-read.ts';
import type { CredentialsVerdict, ValidCredentials } from '../credentials-verdict.ts';
import { APP_TOKEN, BOT_TOKEN, judgeSecret, noteOn, tokenIn, valueIn, type WantedToken } from '../token-in-secret.ts';

/** Whether it is not carried by the sockets of an app. */
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

const ONLY_FOR_MESSAGES = "The bot's events flow all the same, but Relax can't send messages as this bot.";

/** Completes the verdict on a bot that an app carries by its bot token, which is optional: no event needs it. */
export function withCarriedToken(
  verdict: CredentialsVerdict,
  spec: SlackBotSpec,
  secret: SecretRead,
): CredentialsVerdict {
  const name = spec.credentials?.secretRef.name;
  if (verdict.kind !== 'valid' || name === undefined) return verdict;
  const wanted = { ...botTokenOf(spec), kinds: ['bot'] } satisfies WantedToken;
  if (secret.kind !== 'found') return withoutToken(verdict, judgeSecret('SlackBot', name, wanted, secret));
  const found = tokenIn(name, secret, wanted);
  if ('wrong' in found) return withoutToken(verdict, found.wrong);
  const routedToken = { plain: found.token, digest: tokenDigest(found.token) };
  return { ...verdict, routedToken, note: noteOn(name, secret) };
}

/** A Secret that can't be read says nothing about the token that the app's table has. */
function withoutToken(
  verdict: ValidCredentials,
  wrong: Exclude<CredentialsVerdict, ValidCredentials>,
): ValidCredentials {
  if (wrong.kind === 'unknown') return { ...verdict, routedToken: 'asBefore' };
  const { reason, message } = wrong;
  return { ...verdict, trouble: { reason, message: `${message}. ${ONLY_FOR_MESSAGES}` } };
}

/** Keys whose values are needed. */
export function secretValuesOf(spec: SlackBotSpec): string[] {
  const keys = secretKeysOf(spec);
  const rotating = [keys.refreshToken, keys.clientID, keys.clientSecret];
  return spec.transport === 'SocketMode' ? [keys.appToken, keys.token, ...rotating] : [keys.token, ...rotating];
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
