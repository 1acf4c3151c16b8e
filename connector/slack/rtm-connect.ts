import { systemClock } from '../../core/process/clock.ts';
import { errorText } from '../../core/process/log.ts';
import { version } from '../../core/process/version.ts';
import {
  type CallFailure,
  classifyConnect,
  classifyFailure,
  type HttpAnswer,
  refuseToken,
} from './classify-connect.ts';
import type { RtmConnect } from './connect-answer.ts';

export interface RtmConnectOptions {
  /** Base of Slack's Web API with a slash at its end. */
  apiUrl: string;
  /** For the whole call, the body included. */
  timeoutMs?: number;
}

/** Above the runtime's own for a connection (10 s), which tells that Slack was not reached; ours would not. */
const DEFAULT_TIMEOUT_MS = 12_000;
const MAX_ANSWER_BYTES = 1_048_576;

/**
 * rtm.connect by the runtime's own fetch, under Node and Bun: both trust what NODE_EXTRA_CA_CERTS names. An empty form
 * with the token in a header is what Slack's own client sends. A proxy is the process's matter (`useProxyForFetch`).
 */
export function rtmConnect(options: RtmConnectOptions): RtmConnect {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const url = new URL('rtm.connect', options.apiUrl);
  const allowPlainText = url.protocol === 'http:';
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': `relax/${version()}` };

  return async (token, signal) => {
    const refused = refuseToken(token);
    if (refused !== undefined) return refused;
    const call = new AbortController();
    const giveUp = (): void => call.abort();
    const timer = setTimeout(giveUp, timeoutMs);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      // A redirect is told, never followed: the token is for this host.
      const request = { method: 'POST', body: '', redirect: 'manual', signal: call.signal } as const;
      const response = await fetch(url, { ...request, headers: { ...headers, authorization: `Bearer ${token}` } });
      const answer = await read(response);
      return answer === undefined
        ? classifyFailure({ how: 'tooLarge' })
        : classifyConnect(answer, allowPlainText, systemClock.wallMs());
    } catch (error) {
      return classifyFailure(failureOf(error));
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }

    function failureOf(error: unknown): CallFailure {
      if (signal.aborted) return { how: 'stopped' };
      if (call.signal.aborted) return { how: 'timeout', afterMs: timeoutMs };
      return { how: 'network', ...rootOf(error) };
    }
  };
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
