import { CREDENTIALS_LABEL } from '../../core/api/api-group.ts';
import { type TokenKind, tokenKind } from '../../core/protocol/token.ts';
import type { SecretRead } from '../reconcile/secret-read.ts';
import type { CredentialsVerdict } from './credentials-verdict.ts';

/** Messages name keys, never values. */

type NotValid = Exclude<CredentialsVerdict, { kind: 'valid' }>;

/** A token that an object needs of its Secret. */
export interface WantedToken {
  key: string;
  /** The field of the manifest that names the key. */
  field: string;
  kinds: readonly TokenKind[];
  /** For people: "the app-level token (xapp-...)". */
  what: string;
  /** As it begins: "xapp-...". */
  looks: string;
  /** Where Slack shows it. */
  source: string;
  /** What needs it: "transport RTM". */
  neededBy: string;
}

const KIND_NAMES: Record<TokenKind, string> = {
  bot: 'a bot token (xoxb-)',
  user: 'a user token (xoxp-)',
  app: 'an app-level token (xapp-)',
  refresh: 'a refresh token (xoxe-)',
  unknown: 'no Slack token',
};

export const BOT_TOKEN = {
  kinds: ['bot', 'user'],
  what: 'a bot token (xoxb-...)',
  looks: 'xoxb-...',
  source: 'take the Bot User OAuth Token from "OAuth & Permissions" of the Slack app',
} as const;

export const APP_TOKEN = {
  kinds: ['app'],
  what: 'an app-level token (xapp-...)',
  looks: 'xapp-...',
  source:
    'generate one with the scope connections:write under "Basic Information", "App-Level Tokens", of the Slack app',
} as const;

/**
 * @param kind of the object that names the Secret
 * @param wanted the first token that it needs
 */
export function judgeSecret(
  kind: string,
  name: string,
  wanted: Pick<WantedToken, 'key' | 'looks'>,
  secret: Exclude<SecretRead, { kind: 'found' }>,
): NotValid {
  switch (secret.kind) {
    case 'missing': {
      const remedy =
        secret.remedy ??
        `create it in the namespace of the ${kind}: kubectl create secret generic ${name} ` +
          `--from-literal=${wanted.key}=${wanted.looks}, and label it ${CREDENTIALS_LABEL}=true`;
      return { kind: 'invalid', reason: 'SecretMissing', message: `Secret ${name} does not exist: ${remedy}` };
    }
    case 'unreadable':
      return { kind: 'unknown', reason: 'SecretUnreadable', message: `Secret ${name} can't be read: ${secret.why}` };
  }
  return secret satisfies never;
}

/** A value of the Secret without white space around it; undefined if it has no such key. */
export function valueIn({ data }: SecretRead & { kind: 'found' }, key: string): string | undefined {
  // `echo token | base64` and editors end a file with a newline, and no token has white space in it.
  return Object.hasOwn(data, key) ? data[key]?.trim() : undefined;
}

/** @returns the token, or what is wrong with it */
export function tokenIn(
  name: string,
  secret: SecretRead & { kind: 'found' },
  wanted: WantedToken,
): { token: string } | { wrong: NotValid } {
  const { key, field, kinds, what, source, neededBy } = wanted;
  const token = valueIn(secret, key);
  if (token === undefined) {
    const present = Object.keys(secret.data).sort().slice(0, 10);
    const has = present.length === 0 ? 'it is empty' : `it has ${present.join(', ')}`;
    const remedy = `add the key ${key}, or set ${field} to the key that holds ${what}`;
    const message = `Secret ${name} has no key ${key} (${has}): ${remedy}`;
    return { wrong: { kind: 'invalid', reason: 'KeyMissing', message } };
  }
  if (token === '') {
    const message = `key ${key} of Secret ${name} is empty: put ${what} into it`;
    return { wrong: { kind: 'invalid', reason: 'TokenEmpty', message } };
  }
  const kind = tokenKind(token);
  if (!kinds.includes(kind)) {
    const message = `key ${key} of Secret ${name} holds ${KIND_NAMES[kind]}, and ${neededBy} needs ${what} there: ${source}`;
    return { wrong: { kind: 'invalid', reason: 'TokenWrongKind', message } };
  }
  return { token };
}

/** For a Secret that is not watched. */
export const noteOn = (name: string, { watched }: SecretRead & { kind: 'found' }): string =>
  watched
    ? ''
    : `Secret ${name} is not labelled ${CREDENTIALS_LABEL}=true, so a new token takes effect within 5 minutes instead of ` +
      `10 seconds: kubectl label secret ${name} ${CREDENTIALS_LABEL}=true`;
