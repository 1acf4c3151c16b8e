import { redactTokens } from '../process/redact.ts';
import { isObject } from './json-object.ts';
import { retryAfterMs } from './retry-after.ts';
import { UNKNOWN_ERROR, type WebApiMethod } from './slack-error.ts';
import type { WebApiAnswer, WebApiFailure } from './web-api-answer.ts';

/** What came back over HTTP. */
export interface HttpAnswer {
  status: number;
  /** The header, as it is. */
  retryAfter: string | null;
  /** Its Date header, if there was one. */
  date?: string | undefined;
  body: string;
}

/** For a 429 that does not say how long to wait; the default of Slack's Python client. */
const DEFAULT_RETRY_AFTER_MS = 30_000;
const MAX_MESSAGE = 400;

export function classifyAnswer(method: WebApiMethod, answer: HttpAnswer, wallMs: number): WebApiAnswer {
  const { status, retryAfter, date, body } = answer;
  const rateLimited = (): WebApiAnswer => ({
    kind: 'rateLimited',
    retryAfterMs: retryAfterMs(retryAfter, wallMs, date) ?? DEFAULT_RETRY_AFTER_MS,
  });
  if (status === 429) return rateLimited();
  if (status >= 500) {
    const waitMs = retryAfterMs(retryAfter, wallMs, date);
    return {
      ...retry('SlackUnavailable', `http_${status}`, `Slack answered HTTP ${status}. Relax retries automatically.`),
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    };
  }
  if (status >= 300 && status < 400) {
    const remedy = 'Relax sends a token nowhere else: check RELAX_SLACK_API_URL.';
    return retry('SlackAnswerUnreadable', `http_${status}`, `Slack's API redirects elsewhere (${status}). ${remedy}`);
  }
  const value = parse(body);
  if (!isObject(value)) return unreadable(status, 'not a JSON object');
  if (value.ok === true && status < 300) return { kind: 'ok', body: value };
  const error = errorName(value.error);
  if (value.ok !== false || error === '') return unreadable(status, 'neither ok nor an error');
  const meaning = method.errors.get(error) ?? UNKNOWN_ERROR;
  if (meaning.kind === 'rateLimited') return rateLimited();
  const message = bounded(`Slack refused ${method.name} (${error}). ${meaning.message}`);
  return { ...meaning, error, message };
}

/** Whether a message that was made here names this error of Slack's; in a report nothing but the message is left of it. */
export const namesError = (message: string, error: string): boolean => message.includes(`(${error})`);

/** How a call without an answer ended. `isUnconnected`: there never was a connection to Slack. */
export type CallFailure =
  | { how: 'stopped' }
  | { how: 'timeout'; afterMs: number; isUnconnected?: boolean }
  | { how: 'tooLarge' }
  | NetworkFailure;
/** `code` as the runtime names it: ECONNREFUSED, ENOTFOUND, DEPTH_ZERO_SELF_SIGNED_CERT. */
type NetworkFailure = { how: 'network'; code: string; text: string; isUnconnected?: boolean };

export function classifyFailure(failure: CallFailure): WebApiFailure {
  switch (failure.how) {
    case 'stopped':
      return retry('SlackUnavailable', 'stopped', 'The call was cancelled.');
    case 'timeout': {
      const message = `Slack did not answer within ${failure.afterMs / 1000} s. Check the network's egress.`;
      return { ...retry('SlackUnavailable', 'timeout', message), ...unreachedIf(failure.isUnconnected === true) };
    }
    case 'tooLarge':
      return retry('SlackAnswerUnreadable', 'too_large', `The response is too large to be Slack's. ${CHECK_API}`);
    case 'network':
      return {
        ...retry('SlackUnavailable', failure.code, networkMessage(failure)),
        ...unreachedIf(isUnreached(failure)),
      };
    default:
      return failure satisfies never;
  }
}

/** The answer did not come from Slack. @param what is wrong with it */
export function unreadable(status: number, what: string): WebApiFailure {
  const words = `Slack's API answered HTTP ${status} with an unexpected response (${what}). ${CHECK_API}`;
  return retry('SlackAnswerUnreadable', `http_${status}`, words);
}

const CHECK_API = 'Check RELAX_SLACK_API_URL and any proxy between Relax and Slack.';

/** OpenSSL's names, and Bun's own. */
const isTrust = ({ code, text: words }: NetworkFailure): boolean =>
  /CERT|SIGNED|ISSUER|VERIFY|SSL|TLS/i.test(code) || /certificate/i.test(words);

/** No such host, no route, port closed: the codes of failures before a connection exists, Bun's among them. */
const UNCONNECTED =
  /^(E(CONNREFUSED|NOTFOUND|AI_[A-Z]+|NETUNREACH|HOSTUNREACH|NETDOWN|HOSTDOWN|ADDRNOTAVAIL|TIMEDOUT)|ERR_PROXY_TUNNEL|ConnectionRefused|FailedToOpenSocket)$/;

/** Whether it failed before the request can have been sent. Only Node's client knows, so the codes tell as well. */
const isUnreached = (failure: NetworkFailure): boolean =>
  failure.isUnconnected === true || UNCONNECTED.test(failure.code) || isTrust(failure);

/** It does not count against the budget. */
const unreachedIf = (isSo: boolean): { isUnreached?: true } => (isSo ? { isUnreached: true } : {});

function networkMessage(failure: NetworkFailure): string {
  const { code, text: words } = failure;
  const remedy = isTrust(failure)
    ? "Slack's certificate is not trusted: if a proxy inspects TLS, name its CA in NODE_EXTRA_CA_CERTS."
    : "Check the network's egress, its DNS and RELAX_SLACK_API_URL.";
  return `Slack can't be reached (${(words === '' ? code : words).slice(0, 150)}). ${remedy}`;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Slack's error codes are single words; anything else is not shown to people. */
function errorName(value: unknown): string {
  if (typeof value !== 'string' || value === '') return '';
  return /^[a-z0-9_.-]{1,64}$/i.test(value) ? redactTokens(value) : 'unreadable_error';
}

type Retry = Extract<WebApiFailure, { kind: 'retry' }>;

const retry = (reason: Retry['reason'], error: string, message: string): Retry => ({
  kind: 'retry',
  reason,
  error,
  message: bounded(message),
});

const bounded = (message: string): string => redactTokens(message).slice(0, MAX_MESSAGE);
