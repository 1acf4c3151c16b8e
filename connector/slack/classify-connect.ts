import { redactTokens } from '../../core/process/redact.ts';
import { tokenKind } from '../../core/protocol/token.ts';
import { isObject, objectAt, text } from '../event/frame-field.ts';
import { retryAfterMs } from '../socket/retry-after.ts';
import type { ConnectAnswer } from './connect-answer.ts';
import { connectErrorClass } from './connect-error.ts';

/** What came back over HTTP. */
export interface HttpAnswer {
  status: number;
  /** The header, as it is. */
  retryAfter: string | null;
  body: string;
}

/** Of a 429 that does not say how long; the default of Slack's Python client. */
const DEFAULT_RETRY_AFTER_MS = 30_000;
const MAX_MESSAGE = 400;
const MAX_NAME = 200;

/** @param allowPlainText whether `ws://` will do: only when the API itself is plain HTTP, as in tests */
export function classifyConnect(answer: HttpAnswer, allowPlainText: boolean, wallMs: number): ConnectAnswer {
  const { status, retryAfter, body } = answer;
  const rateLimited = (): ConnectAnswer => ({
    kind: 'rateLimited',
    retryAfterMs: retryAfterMs(retryAfter, wallMs) ?? DEFAULT_RETRY_AFTER_MS,
  });
  if (status === 429) return rateLimited();
  if (status >= 500) {
    const waitMs = retryAfterMs(retryAfter, wallMs);
    return {
      ...retry('SlackUnavailable', `http_${status}`, `Slack answered HTTP ${status}. Relax tries again by itself.`),
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    };
  }
  if (status >= 300 && status < 400) {
    const remedy = 'Relax sends a token nowhere else: check RELAX_SLACK_API_URL.';
    return retry('SlackAnswerUnreadable', `http_${status}`, `Slack's API redirects elsewhere (${status}). ${remedy}`);
  }
  const value = parse(body);
  if (!isObject(value)) return unreadable(status, 'not a JSON object');
  if (value.ok === true && status < 300) return opened(value, allowPlainText);
  const error = errorName(value.error);
  if (value.ok !== false || error === '') return unreadable(status, 'neither ok nor an error');
  const errorClass = connectErrorClass(error);
  if (errorClass.kind === 'rateLimited') return rateLimited();
  const message = bounded(`Slack refused rtm.connect (${error}). ${errorClass.message}`);
  return { ...errorClass, error, message };
}

/** How a call ended that got no answer. */
export type CallFailure =
  | { how: 'stopped' }
  | { how: 'timeout'; afterMs: number }
  | { how: 'tooLarge' }
  | NetworkFailure;
/** `code` as the runtime names it: ECONNREFUSED, ENOTFOUND, DEPTH_ZERO_SELF_SIGNED_CERT. */
type NetworkFailure = { how: 'network'; code: string; text: string };

export function classifyFailure(failure: CallFailure): ConnectAnswer {
  switch (failure.how) {
    case 'stopped':
      return retry('SlackUnavailable', 'stopped', 'The call was given up.');
    case 'timeout': {
      const seconds = failure.afterMs / 1000;
      return retry(
        'SlackUnavailable',
        'timeout',
        `Slack did not answer within ${seconds} s. Check the network's egress.`,
      );
    }
    case 'tooLarge':
      return retry('SlackAnswerUnreadable', 'too_large', `Slack's answer is too large to be one. ${CHECK_API}`);
    case 'network':
      return {
        ...retry('SlackUnavailable', failure.code, networkMessage(failure)),
        ...(isUnreached(failure) ? { isUnreached: true } : {}),
      };
    default:
      return failure satisfies never;
  }
}

/**
 * A value that does not look like a bot's or a user's token is not sent at all.
 * @returns undefined when it may be sent
 */
export function refuseToken(token: string): ConnectAnswer | undefined {
  const kind = tokenKind(token);
  if (kind === 'bot' || kind === 'user') return undefined;
  const is =
    kind === 'unknown' ? 'does not look like a Slack token' : `is ${kind === 'app' ? 'an' : 'a'} ${kind} token`;
  const remedy = 'RTM needs a bot token (xoxb-...): put it into the Secret.';
  return terminal('TokenWrongKind', 'token_wrong_kind', `The value in the Secret ${is} and was not sent. ${remedy}`);
}

const CHECK_API = 'Check RELAX_SLACK_API_URL and what stands between Relax and Slack (proxies).';

/** OpenSSL's names, and Bun's own. */
const isTrust = ({ code, text: words }: NetworkFailure): boolean =>
  /CERT|SIGNED|ISSUER|VERIFY|SSL|TLS/i.test(code) || /certificate/i.test(words);

/** No name, no way, nobody there: as Node and Bun name what goes wrong before there is a connection. */
const UNCONNECTED =
  /^(E(CONNREFUSED|NOTFOUND|AI_[A-Z]+|NETUNREACH|HOSTUNREACH|NETDOWN|HOSTDOWN|ADDRNOTAVAIL|TIMEDOUT)|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused|FailedToOpenSocket)$/;

/** Whether it failed before the request can have been sent. A reset or a close in the middle says nothing of that. */
function isUnreached(failure: NetworkFailure): boolean {
  if (UNCONNECTED.test(failure.code) || isTrust(failure)) return true;
  // A handshake of TLS that broke; a proxy that did not let us through.
  return /before secure TLS connection was established|^Proxy response/.test(failure.text);
}

function networkMessage(failure: NetworkFailure): string {
  const { code, text: words } = failure;
  const remedy = isTrust(failure)
    ? "Slack's certificate is not trusted: if a proxy inspects TLS, name its CA in NODE_EXTRA_CA_CERTS."
    : "Check the network's egress, its DNS and RELAX_SLACK_API_URL.";
  return `Slack can't be reached (${(words === '' ? code : words).slice(0, 150)}). ${remedy}`;
}

function opened(value: Readonly<Record<string, unknown>>, allowPlainText: boolean): ConnectAnswer {
  const team = objectAt(value, 'team');
  const url = text(value.url);
  const teamID = text(team.id);
  const botUserID = text(objectAt(value, 'self').id);
  if (!isSocketUrl(url, allowPlainText)) return unreadable(200, 'ok without a wss:// url');
  if (teamID === '' || botUserID === '') return unreadable(200, 'ok without team.id or self.id');
  const enterpriseID = text(team.enterprise_id);
  return {
    kind: 'ok',
    url,
    teamID,
    botUserID,
    teamName: text(team.name).slice(0, MAX_NAME),
    ...(enterpriseID === '' ? {} : { enterpriseID }),
  };
}

function isSocketUrl(url: string, allowPlainText: boolean): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol } = new URL(url);
  return protocol === 'wss:' || (protocol === 'ws:' && allowPlainText);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Slack's error codes are words; anything else is not repeated to people. */
function errorName(value: unknown): string {
  if (typeof value !== 'string' || value === '') return '';
  return /^[a-z0-9_.-]{1,64}$/i.test(value) ? redactTokens(value) : 'unreadable_error';
}

function unreadable(status: number, what: string): ConnectAnswer {
  const words = `Slack's API answered HTTP ${status} with something else than its answer (${what}). ${CHECK_API}`;
  return retry('SlackAnswerUnreadable', `http_${status}`, words);
}

type Refused<K extends ConnectAnswer['kind']> = Extract<ConnectAnswer, { kind: K }>;

const retry = (reason: Refused<'retry'>['reason'], error: string, message: string): Refused<'retry'> => ({
  kind: 'retry',
  reason,
  error,
  message: bounded(message),
});

const terminal = (reason: Refused<'terminal'>['reason'], error: string, message: string): ConnectAnswer => ({
  kind: 'terminal',
  reason,
  error,
  message: bounded(message),
});

const bounded = (message: string): string => redactTokens(message).slice(0, MAX_MESSAGE);
