import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { errorText } from '../process/log.ts';
import type { CallFailure, HttpAnswer } from './classify-answer.ts';

export interface HttpPost {
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** For all of it, from the name to the last byte of the answer. */
  timeoutMs: number;
  /** More than this is not read. */
  maxBytes: number;
  signal: AbortSignal;
}

/** What came back, or why nothing did. */
export type HttpPostResult = { answer: HttpAnswer } | { failure: CallFailure };

/**
 * One POST by the runtime's own client and its global agents, which `useEgressProxy` points at a proxy. Not by fetch: it
 * does not tell whether a connection that was reset had carried the request, and behind a proxy that closes without an
 * answer to CONNECT it connects again as fast as it can, thousands of times a second, even after the call was aborted
 * (undici 7.29, test/support/hostile/rows/proxy-rows.ts). Never rejects. Nothing is followed, decompressed or sent again.
 */
export async function httpPost(post: HttpPost): Promise<HttpPostResult> {
  try {
    return await send(post);
  } catch (error) {
    // Such as a header that can't be written: nothing was sent.
    return { failure: { how: 'network', code: 'not_sent', text: errorText(error), isUnconnected: true } };
  }
}

function send(post: HttpPost): Promise<HttpPostResult> {
  return new Promise((resolve) => {
    const { url, headers, body, timeoutMs, maxBytes, signal } = post;
    let isConnected = false;
    let hasResponse = false;
    const length = `${Buffer.byteLength(body)}`;
    const { request: open } = url.protocol === 'https:' ? https : http;
    const request = open(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': length },
      // The agent alone can give up a tunnel for which it has asked a proxy.
      timeout: timeoutMs,
    });
    const end = (result: HttpPostResult): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      resolve(result);
    };
    const fail = (failure: CallFailure): void => {
      end({ failure });
      request.destroy();
    };
    const failBy = (error: Error & { code?: string }): void => {
      const code = error.code ?? 'network_error';
      fail({ how: 'network', code, text: errorText(error), isUnconnected: !isConnected });
    };
    const stop = (): void => fail({ how: 'stopped' });
    const timer = setTimeout(
      () => fail({ how: 'timeout', afterMs: timeoutMs, isUnconnected: !isConnected }),
      timeoutMs,
    );
    signal.addEventListener('abort', stop, { once: true });

    request.on('socket', (socket: Socket) =>
      whenConnected(socket, request.reusedSocket, () => {
        isConnected = true;
      }),
    );
    request.on('response', (response) => {
      isConnected = true;
      hasResponse = true;
      read(response, maxBytes).then(
        (text) => {
          const { statusCode: status = 0 } = response;
          if (text === undefined) fail({ how: 'tooLarge' });
          else {
            const { date, 'retry-after': retryAfter = null } = response.headers;
            end({ answer: { status, retryAfter, date, body: text } });
          }
        },
        (error: Error) => failBy(error),
      );
    });
    request.on('error', failBy);
    // Of an answer that is none: 101 ends the connection without an error. A response says itself how it ended, and over a
    // connection that is kept it does so later than the request.
    request.on('close', () => {
      if (!hasResponse) failBy(new Error('the connection was closed without an answer'));
    });
    if (signal.aborted) stop();
    else request.end(body);
  });
}

/** Once what is written goes to the server: after the TLS handshake, where there is one. */
function whenConnected(socket: Socket, isReused: boolean, connected: () => void): void {
  if (socket instanceof TLSSocket) {
    // A tunnel has its handshake behind it. One that failed counts only where certificates are not checked.
    if (isReused || socket.authorized || socket.authorizationError) connected();
    else socket.once('secureConnect', connected);
  } else if (socket.connecting) socket.once('connect', connected);
  else connected();
}

/**
 * @returns undefined when it is larger than `maxBytes`
 * @throws when it ends early
 */
async function read(response: http.IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
  }
  return Buffer.concat(chunks).toString();
}
