import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import type { Credentials } from './credentials.ts';

export interface TransportOptions {
  /** Connections for calls; HTTP/2 needs one, and the second lets a stuck one be survived. */
  maxConnections: number;
  /** A new connection was made: counted by tests and by the lead's metrics. */
  onConnect?: (lane: Lane) => void;
}

/** `calls` are short; `watch` streams last minutes. */
export type Lane = 'calls' | 'watch';

const CONNECT_TIMEOUT_MS = 10_000;
const TCP_KEEPALIVE_MS = 30_000;
/** Idle connections live long, so that a call a minute does not mean a TLS handshake a minute. */
const IDLE_CONNECTION_MS = 90_000;
const H2_PING_MS = 20_000;

/**
 * The connections to the API server. client-node makes a new undici Agent, so a new TLS connection, for each call
 * (its issue #2893); here there are two for good, remade only when the CA or the client certificate changes.
 *
 * Calls share HTTP/2 connections. Each watch has an HTTP/1.1 connection of its own: ending an HTTP/2 stream leaves the
 * connection, so the next watch after a half-open silence would be put on the same dead one.
 */
export class Transport {
  readonly #options: TransportOptions;
  #agents: { fingerprint: string; calls: Dispatcher; watch: Dispatcher } | undefined;
  readonly #retired = new Set<Dispatcher>();
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  dispatcher(lane: Lane, credentials: Credentials): Dispatcher {
    if (this.#closed) throw new Error('the Kubernetes client is closed');
    if (this.#agents?.fingerprint !== credentials.fingerprint) {
      if (this.#agents !== undefined) this.#retire(this.#agents.calls, this.#agents.watch);
      this.#agents = {
        fingerprint: credentials.fingerprint,
        calls: this.#agent('calls', credentials),
        watch: this.#agent('watch', credentials),
      };
    }
    return this.#agents[lane];
  }

  /** Ends every connection at once, also those still in use. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#retired, ...(this.#agents === undefined ? [] : [this.#agents.calls, this.#agents.watch])];
    this.#agents = undefined;
    this.#retired.clear();
    await Promise.all(all.map((agent) => agent.destroy()));
  }

  /** Old connections finish what they carry; no new call goes to them. */
  #retire(...agents: Dispatcher[]): void {
    for (const agent of agents) {
      this.#retired.add(agent);
      agent.close().then(
        () => this.#retired.delete(agent),
        () => this.#retired.delete(agent),
      );
    }
  }

  #agent(lane: Lane, credentials: Credentials): Dispatcher {
    const shared = {
      allowH2: lane === 'calls',
      connections: lane === 'calls' ? this.#options.maxConnections : null,
      keepAliveTimeout: IDLE_CONNECTION_MS,
      keepAliveMaxTimeout: IDLE_CONNECTION_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...(lane === 'calls' ? { h2Options: { pingInterval: H2_PING_MS } } : {}),
    };
    const agent = this.#proxyAgent(credentials, shared) ?? this.#directAgent(credentials, shared);
    const { onConnect } = this.#options;
    if (onConnect !== undefined) agent.on('connect', () => onConnect(lane));
    return agent;
  }

  #directAgent(credentials: Credentials, shared: Agent.Options): Dispatcher {
    const connect = { ...credentials.tls, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS };
    return new Agent({ ...shared, connect });
  }

  #proxyAgent(credentials: Credentials, shared: Agent.Options): Dispatcher | undefined {
    const { proxyUrl } = credentials;
    if (proxyUrl === undefined || proxyUrl === '') return undefined;
    if (!/^https?:/.test(proxyUrl)) {
      throw new Error(`kubeconfig proxy-url ${proxyUrl} is not supported: use an http:// or https:// proxy`);
    }
    return new ProxyAgent({ ...shared, uri: proxyUrl, requestTls: credentials.tls });
  }
}
