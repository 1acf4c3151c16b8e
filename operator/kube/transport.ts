import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import type { Credentials } from './credentials.ts';

interface TransportOptions {
  /** A new connection was made: counted by tests and by the lead's metrics. */
  onConnect?: (lane: Lane) => void;
}

/** `urgent` calls are few and never wait behind `calls`, which are short; `watch` streams last minutes. */
export type Lane = 'urgent' | 'calls' | 'watch';

/**
 * The most connections of a lane, each with one call at a time. Eight carry the 200 calls a second of the client's own
 * limit when an answer takes 40 ms. The second urgent one is for a renewal while another hangs.
 */
const MAX_CONNECTIONS: Record<Lane, number | null> = { urgent: 2, calls: 8, watch: null };

const CONNECT_TIMEOUT_MS = 10_000;
const TCP_KEEPALIVE_MS = 30_000;
/**
 * Idle connections are kept long enough that one call a minute does not need a TLS handshake each time, but not as long
 * as the API server keeps them (90 s), so that no call goes out on a connection that the server is just closing.
 */
const IDLE_CONNECTION_MS = 60_000;

/**
 * The connections to the API server. client-node makes a new undici Agent, so a new TLS connection, for each call
 * (kubernetes-client/javascript#2893). Here each lane has a small pool, recreated only when the CA or the client
 * certificate changes.
 *
 * Everything uses HTTP/1.1, so that aborting a call also drops its connection. With undici's HTTP/2, a call that was
 * aborted after the process had been suspended for a while spun in the event loop forever and consumed the memory, and
 * the watch after a half-open silence was put on the same dead connection.
 */
export class Transport {
  readonly #options: TransportOptions;
  #agents: ({ fingerprint: string } & Record<Lane, Dispatcher>) | undefined;
  readonly #retired = new Set<Dispatcher>();
  #closed = false;

  constructor(options: TransportOptions = {}) {
    this.#options = options;
  }

  dispatcher(lane: Lane, credentials: Credentials): Dispatcher {
    if (this.#closed) throw new Error('the Kubernetes client is closed');
    if (this.#agents?.fingerprint !== credentials.fingerprint) {
      this.#retire(...this.#dispatchers());
      this.#agents = {
        fingerprint: credentials.fingerprint,
        urgent: this.#agent('urgent', credentials),
        calls: this.#agent('calls', credentials),
        watch: this.#agent('watch', credentials),
      };
    }
    return this.#agents[lane];
  }

  /** Ends every connection at once, also those still in use. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#retired, ...this.#dispatchers()];
    this.#agents = undefined;
    this.#retired.clear();
    await Promise.all(all.map((agent) => agent.destroy()));
  }

  #dispatchers(): Dispatcher[] {
    return this.#agents === undefined ? [] : [this.#agents.urgent, this.#agents.calls, this.#agents.watch];
  }

  /** Old connections finish the calls they carry and get no new ones. */
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
      allowH2: false,
      connections: MAX_CONNECTIONS[lane],
      keepAliveTimeout: IDLE_CONNECTION_MS,
      keepAliveMaxTimeout: IDLE_CONNECTION_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
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
