import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../../core/process/clock.ts';

/** What a connection needs; a change of any of it means new connections. */
interface TlsMaterial {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  passphrase?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export interface Credentials {
  server: string;
  proxyUrl: string | undefined;
  /** Authorization and impersonation headers. Never log them. */
  headers: Record<string, string>;
  tls: TlsMaterial;
  /** Same value, same connections. */
  fingerprint: string;
}

/** How long read credentials serve before the files behind them are read again. */
const TTL_MS = 10_000;
/** A 401 reads them again at once, but not more often than this, so that a revoked account does not spin on its files. */
const MIN_REREAD_MS = 1_000;

/**
 * The credentials of a kubeconfig, kept for a few seconds: client-node reads the CA file on every request. `reload` is
 * called again after a 401, since client-node keeps a token file's content for a minute and a kubeconfig forever.
 */
export class CredentialSource {
  readonly #reload: () => KubeConfig;
  readonly #clock: Clock;
  #config: KubeConfig;
  #current: { value: Credentials; readAtMs: number } | undefined;
  #pending: Promise<Credentials> | undefined;

  constructor(reload: () => KubeConfig, clock: Clock) {
    this.#reload = reload;
    this.#clock = clock;
    this.#config = reload();
  }

  /** @throws whatever reading the files or the exec plugin threw, if nothing was ever read; else the last good ones serve */
  async get(): Promise<Credentials> {
    const current = this.#current;
    if (current !== undefined && this.#clock.monotonicMs() - current.readAtMs < TTL_MS) return current.value;
    this.#pending ??= this.#read().finally(() => {
      this.#pending = undefined;
    });
    try {
      return await this.#pending;
    } catch (error) {
      if (current === undefined) throw error;
      return current.value;
    }
  }

  /** The server refused these credentials. @returns false if they were read so lately that trying again is pointless */
  rejected(refused: Credentials): boolean {
    const current = this.#current;
    if (current === undefined || current.value !== refused) return true;
    if (this.#clock.monotonicMs() - current.readAtMs < MIN_REREAD_MS) return false;
    this.#config = this.#reload();
    this.#current = undefined;
    return true;
  }

  async #read(): Promise<Credentials> {
    const value = await readCredentials(this.#config);
    this.#current = { value, readAtMs: this.#clock.monotonicMs() };
    return value;
  }
}

async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig has no current cluster');
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // A token file that ends in a newline would make an illegal header.
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  }
  if (typeof options.auth === 'string') {
    headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  const tls = tlsMaterial(options);
  const server = cluster.server.replace(/\/+$/, '');
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([server, cluster.proxyUrl, tls]))
    .digest('hex');
  return { server, proxyUrl: cluster.proxyUrl, headers, tls, fingerprint };
}

function tlsMaterial(options: RequestOptions): TlsMaterial {
  const tls: TlsMaterial = {};
  if (isPem(options.ca)) tls.ca = options.ca;
  if (isPem(options.cert)) tls.cert = options.cert;
  if (isPem(options.key)) tls.key = options.key;
  if (options.passphrase !== undefined) tls.passphrase = options.passphrase;
  if (options.servername !== undefined) tls.servername = options.servername;
  if (options.rejectUnauthorized !== undefined) tls.rejectUnauthorized = options.rejectUnauthorized;
  return tls;
}

function isPem(value: unknown): value is string | Buffer {
  return typeof value === 'string' || Buffer.isBuffer(value);
}
