import type { KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';
import { sleep, systemTimers, type Timers } from '../../core/process/timers.ts';
import { CredentialSource, type Credentials } from './credentials.ts';
import { errorFromAnswer, errorFromConnection, isKubeError, KubeError, parseRetryAfterMs } from './kube-error.ts';
import { type KubeList, type KubeObject, type ResourcePath, type ResourceScope, urlPath } from './object.ts';
import {
  acceptHeader,
  type ListQuery,
  listQuery,
  type Patch,
  patchRequest,
  type WatchQuery,
  watchQuery,
} from './requests.ts';
import { DEFAULT_CALL_RETRY, type RetryPolicy, retryDelayMs } from './retry.ts';
import { type BucketState, fullBucket, reserveToken } from './token-bucket.ts';
import { type Lane, Transport } from './transport.ts';
import { type WatchEvent, watchEvents } from './watch-line.ts';

interface KubeClientOptions {
  /** Called once at the start, and again after the server answered 401. */
  loadConfig: () => KubeConfig;
  userAgent?: string;
  /** Client-side rate, as client-go's QPS and Burst. Watches and urgent calls don't count. */
  callsPerSecond?: number;
  callsBurst?: number;
  callTimeoutMs?: number;
  retry?: RetryPolicy;
  timers?: Timers;
  observer?: KubeClientObserver;
}

/** Feeds `rest_client_requests_total{code,method,host}` and its companions; every method may be left out. */
export interface KubeClientObserver {
  /** One answer, or `<error>` in place of the code, as client-go does. */
  request?(labels: { code: string; method: string; host: string }, durationMs: number): void;
  /** How long the client-side rate limit held a call back: `rest_client_rate_limiter_duration_seconds`. */
  limited?(waitMs: number): void;
  retried?(kind: KubeError['kind']): void;
  connected?(lane: Lane): void;
}

export interface CallOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
  /**
   * Skips the client-side rate limit and has connections of its own, for the few calls that must not wait behind 5,000
   * status writes: leases.
   */
  urgent?: boolean;
  /** Replaces the client's policy; `NO_RETRY` for callers that retry in their own way. */
  retry?: RetryPolicy;
}

const NEVER = new AbortController().signal;

interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  accept: string;
  body?: string;
  contentType?: string;
}

/**
 * Calls to the API server over connections that are shared by all of them (see Transport).
 *
 * Every failure is a KubeError, except that a call whose signal aborts throws the signal's reason.
 */
export class KubeClient {
  readonly #credentials: CredentialSource;
  readonly #transport: Transport;
  readonly #timers: Timers;
  readonly #observer: KubeClientObserver;
  readonly #bucketPolicy: { perSecond: number; burst: number };
  readonly #userAgent: string;
  readonly #callTimeoutMs: number;
  readonly #retry: RetryPolicy;
  #bucket: BucketState;

  constructor(options: KubeClientOptions) {
    this.#timers = options.timers ?? systemTimers;
    this.#observer = options.observer ?? {};
    this.#credentials = new CredentialSource(options.loadConfig, this.#timers);
    this.#transport = new Transport({ onConnect: (lane) => this.#observer.connected?.(lane) });
    this.#bucketPolicy = { perSecond: options.callsPerSecond ?? 50, burst: options.callsBurst ?? 100 };
    this.#bucket = fullBucket(this.#bucketPolicy, this.#timers.monotonicMs());
    this.#userAgent = options.userAgent ?? 'relax-operator';
    this.#callTimeoutMs = options.callTimeoutMs ?? 30_000;
    this.#retry = options.retry ?? DEFAULT_CALL_RETRY;
  }

  get<T extends KubeObject>(path: ResourcePath, options?: CallOptions): Promise<T> {
    return this.#call<T>({ method: 'GET', path: urlPath(path), accept: acceptHeader('object', false) }, options);
  }

  /** Metadata alone, e.g. of a Secret, so that its values never reach this process. */
  getMetadata(path: ResourcePath, options?: CallOptions): Promise<KubeObject> {
    return this.#call({ method: 'GET', path: urlPath(path), accept: acceptHeader('object', true) }, options);
  }

  listPage<T extends KubeObject>(scope: ResourceScope, query: ListQuery, options?: CallOptions): Promise<KubeList<T>> {
    const path = `${urlPath(scope)}?${listQuery(query)}`;
    return this.#call({ method: 'GET', path, accept: acceptHeader('list', query.metadataOnly ?? false) }, options);
  }

  create<T extends KubeObject>(scope: ResourceScope, body: unknown, options?: CallOptions): Promise<T> {
    return this.#call(jsonRequest('POST', urlPath(scope), body), options);
  }

  /** Puts the whole object; with `metadata.resourceVersion` in it, only if nobody wrote it since (else conflict). */
  replace<T extends KubeObject>(path: ResourcePath, body: unknown, options?: CallOptions): Promise<T> {
    return this.#call(jsonRequest('PUT', urlPath(path), body), options);
  }

  patch<T extends KubeObject>(path: ResourcePath, patch: Patch, options?: CallOptions): Promise<T> {
    return this.#patch(urlPath(path), patch, options);
  }

  patchStatus<T extends KubeObject>(path: ResourcePath, patch: Patch, options?: CallOptions): Promise<T> {
    return this.#patch(urlPath(path, 'status'), patch, options);
  }

  /** The uid of the kube-system namespace: the accepted identity of a cluster, as clusters have none of their own. */
  async clusterUid(options?: CallOptions): Promise<string> {
    const path = { group: '', version: 'v1', plural: 'namespaces', name: 'kube-system' };
    return (await this.getMetadata(path, options)).metadata.uid;
  }

  /**
   * Opens a watch; resolves when the server has accepted it. The iterator ends when the server ends the stream, and
   * throws a KubeError on anything else: an ERROR event, a line that is not an event, a lost connection.
   */
  async watch<T extends KubeObject>(
    scope: ResourceScope,
    query: WatchQuery,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<WatchEvent<T>, void, void>> {
    const path = `${urlPath(scope)}?${watchQuery(query)}`;
    const accept = acceptHeader('object', query.metadataOnly ?? false);
    const what = `watch ${urlPath(scope)}`;
    const answer = await this.#send('watch', what, { method: 'GET', path, accept }, signal, this.#callTimeoutMs);
    return watchEvents<T>(what, answer.body.setEncoding('utf8'), signal);
  }

  /** Ends every connection; calls in flight fail. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  #patch<T>(path: string, patch: Patch, options?: CallOptions): Promise<T> {
    const { query, body, contentType } = patchRequest(patch);
    return this.#call({ ...jsonRequest('PATCH', `${path}${query}`, body), contentType }, options);
  }

  async #call<T>(request: Request, options: CallOptions = {}): Promise<T> {
    const policy = options.retry ?? this.#retry;
    const signal = options.signal ?? NEVER;
    for (let attempt = 0; ; attempt += 1) {
      if (!options.urgent) await this.#takeTurn(signal);
      signal.throwIfAborted();
      try {
        const lane = options.urgent ? 'urgent' : 'calls';
        return await this.#once<T>(lane, request, signal, options.timeoutMs ?? this.#callTimeoutMs);
      } catch (error) {
        signal.throwIfAborted();
        const delayMs = isKubeError(error)
          ? retryDelayMs(error, request.method, attempt, policy, Math.random())
          : undefined;
        if (delayMs === undefined || !isKubeError(error)) throw error;
        this.#observer.retried?.(error.kind);
        await sleep(this.#timers, delayMs, signal);
      }
    }
  }

  async #once<T>(lane: Lane, request: Request, signal: AbortSignal, timeoutMs: number): Promise<T> {
    const what = `${request.method} ${request.path.split('?', 1)[0]}`;
    // undici's own timeouts come first, since they also probe the connection; this one bounds a body that trickles.
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs * 2)]);
    const answer = await this.#send(lane, what, request, deadline, timeoutMs);
    const text = await answer.body.text().catch((error: unknown) => {
      throw errorFromConnection(what, error);
    });
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      const message = `${what}: the answer is not JSON (${answer.statusCode}, ${text.length} characters)`;
      throw new KubeError({ kind: 'transient', status: answer.statusCode, reason: 'BadAnswer', message, cause });
    }
  }

  /** One request with the current credentials, and once more if they were refused but newer ones may exist. */
  async #send(
    lane: Lane,
    what: string,
    request: Request,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<Dispatcher.ResponseData> {
    for (let mayReread = true; ; mayReread = false) {
      const { answer, credentials } = await this.#dispatch(lane, what, request, signal, timeoutMs);
      if (answer.statusCode < 300) return answer;
      const text = await answer.body.text().catch(() => '');
      if (answer.statusCode === 401 && mayReread && this.#reread(what, credentials)) continue;
      const retryAfterMs = parseRetryAfterMs(answer.headers['retry-after'], this.#timers.wallMs());
      throw errorFromAnswer(what, answer.statusCode, text, retryAfterMs);
    }
  }

  async #dispatch(
    lane: Lane,
    what: string,
    request: Request,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<{ answer: Dispatcher.ResponseData; credentials: Credentials }> {
    const startMs = this.#timers.monotonicMs();
    let host = '';
    let code = '<error>';
    try {
      const credentials = await this.#credentials.get();
      const server = new URL(credentials.server);
      host = server.host;
      const answer = await this.#transport.dispatcher(lane, credentials).request({
        origin: server.origin,
        path: `${server.pathname === '/' ? '' : server.pathname}${request.path}`,
        method: request.method,
        headers: this.#headers(request, credentials),
        body: request.body ?? null,
        signal,
        headersTimeout: timeoutMs,
        bodyTimeout: lane === 'watch' ? 0 : timeoutMs,
      });
      code = String(answer.statusCode);
      return { answer, credentials };
    } catch (error) {
      throw errorFromConnection(what, error);
    } finally {
      this.#observer.request?.({ code, method: request.method, host }, this.#timers.monotonicMs() - startMs);
    }
  }

  #reread(what: string, refused: Credentials): boolean {
    try {
      return this.#credentials.rejected(refused);
    } catch (error) {
      throw errorFromConnection(`${what}: refused, and the credentials can't be read again`, error);
    }
  }

  #headers(request: Request, credentials: Credentials): Record<string, string> {
    return {
      ...credentials.headers,
      accept: request.accept,
      'user-agent': this.#userAgent,
      ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
    };
  }

  async #takeTurn(signal: AbortSignal): Promise<void> {
    const { state, waitMs } = reserveToken(this.#bucket, this.#bucketPolicy, this.#timers.monotonicMs());
    this.#bucket = state;
    if (waitMs === 0) return;
    this.#observer.limited?.(waitMs);
    await sleep(this.#timers, waitMs, signal);
  }
}

function jsonRequest(method: Request['method'], path: string, body: unknown): Request {
  return { method, path, accept: acceptHeader('object', false), body: JSON.stringify(body) };
}
