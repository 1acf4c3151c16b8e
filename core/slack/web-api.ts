import { systemClock } from '../process/clock.ts';
import { errorText } from '../process/log.ts';
import { version } from '../process/version.ts';
import { type CallFailure, classifyAnswer, classifyFailure, type HttpAnswer } from './classify-answer.ts';
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

/** Longer than the runtime's own connection timeout (10 s), which shows that Slack was not reached; ours would not. */
const DEFAULT_TIMEOUT_MS = 12_000;
const MAX_ANSWER_BYTES = 1_048_576;

/**
 * Slack's Web API by the runtime's own fetch, under Node and Bun: both trust what NODE_EXTRA_CA_CERTS names. A form with
 * the token in a header is what Slack's own client sends. Proxies are set up for the whole process (`useProxyForFetch`).
 */
export function createWebApi(options: WebApiOptions): WebApi {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': `relax/${version()}` };

  return {
    isPlainText: new URL(options.apiUrl).protocol === 'http:',
    async call(call) {
      const { method, params = {}, signal } = call;
      const deadline = new AbortController();
      const giveUp = (): void => deadline.abort();
      const timer = setTimeout(giveUp, timeoutMs);
      signal.addEventListener('abort', giveUp, { once: true });
      if (signal.aborted) giveUp();
      try {
        const response = await fetch(new URL(method.name, options.apiUrl), {
          method: 'POST',
          headers: { ...headers, authorization: authorizationOf(call) },
          body: new URLSearchParams(params).toString(),
          // A redirect is reported, never followed: the token is for this host only.
          redirect: 'manual',
          signal: deadline.signal,
        });
        const answer = await read(response);
        return answer === undefined
          ? classifyFailure({ how: 'tooLarge' })
          : classifyAnswer(method, answer, systemClock.wallMs());
      } catch (error) {
        return classifyFailure(failureOf(error));
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
      }

      function failureOf(error: unknown): CallFailure {
        if (signal.aborted) return { how: 'stopped' };
        if (deadline.signal.aborted) return { how: 'timeout', afterMs: timeoutMs };
        return { how: 'network', ...rootOf(error) };
      }
    },
  };
}

function authorizationOf(call: WebApiCall): string {
  if ('token' in call) return `Bearer ${call.token}`;
  return `Basic ${Buffer.from(`${call.client.id}:${call.client.secret}`).toString('base64')}`;
}

/** @returns undefined when the body is larger than any answer of Slack's */
async function read(response: Response): Promise<HttpAnswer | undefined> {
  const decoder = new TextDecoder();
  let body = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the rest.
    if (bytes > MAX_ANSWER_BYTES) return undefined;
    body += decoder.decode(chunk, { stream: true });
  }
  body += decoder.decode();
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body };
}

/** Fetch says "fetch failed" and hides the reason in `cause`; Bun puts the code on the error itself. */
function rootOf(error: unknown): { code: string; text: string } {
  let root = error;
  while (root instanceof Error && root.cause !== undefined) root = root.cause;
  const code = root instanceof Error && 'code' in root && typeof root.code === 'string' ? root.code : 'network_error';
  return { code, text: errorText(root) };
}
