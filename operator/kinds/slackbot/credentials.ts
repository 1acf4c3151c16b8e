import { CREDENTIALS_LABEL } from '../../../core/api/api-group.ts';
import { type SlackBotSpec, secretKeysOf } from '../../../core/api/slackbot.ts';
import { type TokenKind, tokenDigest, tokenKind } from '../../../core/protocol/token.ts';
import type { SecretRead } from '../../reconcile/secret-read.ts';
import type { CredentialsVerdict } from '../credentials-verdict.ts';
import { explain } from '../reasons.ts';

const KIND_NAMES: Record<TokenKind, string> = {
  bot: 'a bot token',
  user: 'a user token',
  app: 'an app-level token (xapp-)',
  refresh: 'a refresh token (xoxe-)',
  unknown: 'no Slack token',
};

/**
 * Judges as much as can be judged without asking Slack. Messages name keys, never values.
 *
 * @param secret ignored for transports that this version does not serve, so it need not be read for them
 */
export function judgeCredentials(spec: SlackBotSpec, secret: SecretRead): CredentialsVerdict {
  const name = spec.credentials?.secretRef.name;
  if (spec.transport !== 'RTM' || name === undefined) {
    const message = `transport ${spec.transport} is not supported yet. ${explain('TransportNotServed')}`;
    return { kind: 'invalid', reason: 'TransportNotServed', message };
  }
  switch (secret.kind) {
    case 'missing': {
      const key = secretKeysOf(spec).token;
      const remedy =
        secret.remedy ??
        `create it in the namespace of the SlackBot: kubectl create secret generic ${name} --from-literal=${key}=xoxb-..., ` +
          `and label it ${CREDENTIALS_LABEL}=true`;
      return { kind: 'invalid', reason: 'SecretMissing', message: `Secret ${name} does not exist: ${remedy}` };
    }
    case 'unreadable':
      return { kind: 'unknown', reason: 'SecretUnreadable', message: `Secret ${name} can't be read: ${secret.why}` };
    case 'found':
      return judgeToken(name, secretKeysOf(spec).token, secret);
  }
  return secret satisfies never;
}

function judgeToken(name: string, key: string, secret: SecretRead & { kind: 'found' }): CredentialsVerdict {
  const value = Object.hasOwn(secret.data, key) ? secret.data[key] : undefined;
  if (value === undefined) {
    const present = Object.keys(secret.data).sort().slice(0, 10);
    const has = present.length === 0 ? 'it is empty' : `it has ${present.join(', ')}`;
    const remedy = `add the key ${key}, or set spec.credentials.keys.token to the key that holds the bot token`;
    return { kind: 'invalid', reason: 'KeyMissing', message: `Secret ${name} has no key ${key} (${has}): ${remedy}` };
  }
  // `echo token | base64` and editors end a file with a newline, and no token has white space in it.
  const token = value.trim();
  if (token === '') {
    const message = `key ${key} of Secret ${name} is empty: put the bot token (xoxb-...) into it`;
    return { kind: 'invalid', reason: 'TokenEmpty', message };
  }
  const kind = tokenKind(token);
  if (kind !== 'bot' && kind !== 'user') {
    const message =
      `key ${key} of Secret ${name} holds ${KIND_NAMES[kind]}, and transport RTM needs a bot token (xoxb-...): ` +
      'take the Bot User OAuth Token from "OAuth & Permissions" of the Slack app';
    return { kind: 'invalid', reason: 'TokenWrongKind', message };
  }
  return { kind: 'valid', token, digest: tokenDigest(token), note: secret.watched ? '' : unwatchedNote(name) };
}

const unwatchedNote = (name: string): string =>
  `Secret ${name} is not labelled ${CREDENTIALS_LABEL}=true, so a new token takes effect within 5 minutes instead of ` +
  `10 seconds: kubectl label secret ${name} ${CREDENTIALS_LABEL}=true`;
