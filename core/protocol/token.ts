import { createHmac } from 'node:crypto';

/**
 * Recognizes Slack tokens by their form. A value that does not look like a Slack token is never sent anywhere.
 * Prefixes: docs.slack.dev/authentication/tokens; `xoxe.` marks a rotating token. Slack does not document what
 * follows, so any word is accepted. `redactTokens` in `core/process/redact.ts` must hide everything that is a token here.
 */
export type TokenKind = 'bot' | 'user' | 'app' | 'refresh' | 'unknown';

const LOOKS: readonly { kind: TokenKind; pattern: RegExp }[] = [
  { kind: 'bot', pattern: /^(xoxe\.)?xoxb-[A-Za-z0-9_-]{4,}$/ },
  { kind: 'user', pattern: /^(xoxe\.)?xox[ps]-[A-Za-z0-9_-]{4,}$/ },
  { kind: 'app', pattern: /^xapp-[A-Za-z0-9_-]{4,}$/ },
  { kind: 'refresh', pattern: /^xoxe-[A-Za-z0-9_-]{4,}$/ },
];

export function tokenKind(token: string): TokenKind {
  return LOOKS.find(({ pattern }) => pattern.test(token))?.kind ?? 'unknown';
}

/**
 * Identifies a token without revealing it: HMAC-SHA-256 with a public constant, 128 bits, hex. Every program and cluster
 * must get the same digest for the same token, since the connect budget is shared by it (design rule 11).
 */
export function tokenDigest(token: string): string {
  return createHmac('sha256', 'relax/token-digest/v1').update(token).digest('hex').slice(0, 32);
}
