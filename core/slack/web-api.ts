import { systemClock } from '../process/clock.ts';
import { version } from '../process/version.ts';
import { classifyAnswer, classifyFailure } from './classify-answer.ts';
import { httpPost } from './http-post.ts';
import type { WebApiMethod } from './slack-error.ts';
import type { WebApiAnswer } from './web-api-answer.ts';

export interface WebApiOptions {
  /** Base of Slack's Web API with a slash at its end. */
  apiUrl: string;
  /** For a whole call, including the body. */
  timeoutMs?: number;
}

interface Call {
  method: WebApiMethod;
  /** Arguments of the method; the token is none. */
  params?: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

export interface TokenCall extends Call {
  /** The caller has checked that it may be sent to Slack. */
  token: string;
}

/** As the app itself, which has no token: for the methods `oauth.*`. */
export interface AppCall extends Call {
  client: { id: string; secret: string };
}

export type WebApiCall = TokenCall | AppCall;

export interface WebApi {
  /** The API is plain HTTP, as in tests: only then may the URLs that it returns be plain too. */
  readonly isPlainText: boolean;
  /** Never rejects: a failure is an answer too. An aborted call answers `retry`. */
  call(call: WebApiCall): Promise<WebApiAnswer>;
}

const DEFAULT_TIMEOUT_MS = 12_000;
const MAX_ANSWER_BYTES = 1_048_576;

/**
 * Slack's Web API, under Node and Bun: both trust what NODE_EXTRA_CA_CERTS names. A form with the token in a header is what
 * Slack's own client sends. Proxies are set up for the whole process (`useEgressProxy`). A redirect is reported, never
 * followed: the token is for this host only.
 */
export function createWebApi(options: WebApiOptions): WebApi {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': `relax/${version()}` };

  return {
    isPlainText: new URL(options.apiUrl).protocol === 'http:',
    async call(call) {
      const { method, params = {}, signal } = call;
      const result = await httpPost({
        url: new URL(method.name, options.apiUrl),
        headers: { ...headers, authorization: authorizationOf(call) },
        body: new URLSearchParams(params).toString(),
        timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        signal,
      });
      return 'answer' in result
        ? classifyAnswer(method, result.answer, systemClock.wallMs())
        : classifyFailure(result.failure);
    },
  };
}

function authorizationOf(call: WebApiCall): string {
  if ('token' in call) return `Bearer ${call.token}`;
  return `Basic ${Buffer.from(`${call.client.id}:${call.client.secret}`).toString('base64')}`;
}
