import { refreshOf, type SlackBotSpec, secretKeysOf } from '../../../core/api/slackbot.ts';
import { tokenKind } from '../../../core/protocol/token.ts';
import type { SecretRead } from '../../reconcile/secret-read.ts';
import { EXPIRES_AT_ANNOTATION } from '../../rotation/secret-writer.ts';
import type { RotationInSecret } from '../rotated-verdict.ts';
import { valueIn } from '../token-in-secret.ts';

/** The part of a SlackBot that decides whether its token rotates. */
interface RotatingBot {
  metadata: { namespace: string };
  spec: SlackBotSpec;
}

/** A Secret with a bot token, a refresh token, and the id and the secret of its app is one of a rotating token. Pure. */
export function rotationIn({ metadata, spec }: RotatingBot, secret: SecretRead): RotationInSecret {
  const name = spec.credentials?.secretRef.name;
  if (secret.kind !== 'found' || name === undefined) return { kind: 'none' };
  const keys = secretKeysOf(spec);
  const value = (key: string): string => valueIn(secret, key) ?? '';
  const besides = [keys.refreshToken, keys.clientID, keys.clientSecret];
  if (besides.every((key) => value(key) === '')) return { kind: 'none' };
  const needed = [keys.token, ...besides];
  const missing = needed.filter((key) => value(key) === '');
  if (missing.length > 0) {
    const has = needed.filter((key) => !missing.includes(key)).join(' and ');
    const note =
      `The token is not refreshed before it expires: Secret ${name} has ${has} but not ${missing.join(' and ')}. Add what is ` +
      'missing, or remove the rest if the app does not rotate its tokens.';
    return { kind: 'incomplete', note };
  }
  const refreshToken = value(keys.refreshToken);
  if (tokenKind(refreshToken) !== 'refresh') {
    const note =
      `The token is not refreshed before it expires: key ${keys.refreshToken} of Secret ${name} holds no refresh token ` +
      '(xoxe-...). Put the one into it that Slack gave together with the token.';
    return { kind: 'incomplete', note };
  }
  const expiresAtMs = Date.parse(secret.metadata?.annotations[EXPIRES_AT_ANNOTATION] ?? '');
  return {
    kind: 'rotating',
    tokenKey: keys.token,
    secret: {
      teamID: spec.teamID,
      pair: { token: value(keys.token), refreshToken },
      clientID: value(keys.clientID),
      clientSecret: value(keys.clientSecret),
      expiresAtMs: Number.isNaN(expiresAtMs) ? undefined : expiresAtMs,
      refresh: refreshOf(spec),
      home: secret.metadata && {
        namespace: metadata.namespace,
        name,
        resourceVersion: secret.metadata.resourceVersion,
        tokenKey: keys.token,
        refreshTokenKey: keys.refreshToken,
      },
    },
  };
}
