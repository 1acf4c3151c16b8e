import { appTokenKeyOf, type SlackAppSpec } from '../../../core/api/slackapp.ts';
import { appIDOf, joinCredentials } from '../../../core/protocol/app-credentials.ts';
import { tokenDigest } from '../../../core/protocol/token.ts';
import type { SecretRead } from '../../reconcile/secret-read.ts';
import type { CredentialsVerdict } from '../credentials-verdict.ts';
import { APP_TOKEN, judgeSecret, noteOn, tokenIn } from '../token-in-secret.ts';

/** Judges as much as can be judged without asking Slack. */
export function judgeCredentials(spec: SlackAppSpec, secret: SecretRead): CredentialsVerdict {
  const { name } = spec.credentials.secretRef;
  const wanted = {
    ...APP_TOKEN,
    key: appTokenKeyOf(spec),
    field: 'spec.credentials.keys.appToken',
    neededBy: 'a SlackApp',
  };
  if (secret.kind !== 'found') return judgeSecret('SlackApp', name, wanted, secret);
  const found = tokenIn(name, secret, wanted);
  if ('wrong' in found) return found.wrong;
  const appID = appIDOf(found.token);
  if (appID !== undefined && appID !== spec.appID) {
    const message =
      `key ${wanted.key} of Secret ${name} holds a token of app ${appID}, and spec.appID is ${spec.appID}: put an app-level ` +
      `token of ${spec.appID} into it; appID is immutable, so for ${appID} create another SlackApp`;
    return { kind: 'invalid', reason: 'AppMismatch', message };
  }
  const token = joinCredentials({ appToken: found.token, botToken: undefined });
  return { kind: 'valid', token, digest: tokenDigest(token), note: noteOn(name, secret) };
}
