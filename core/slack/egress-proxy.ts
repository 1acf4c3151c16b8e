import * as http from 'node:http';
import { Agent } from 'node:https';
import { BlockList, isIPv4 } from 'node:net';

/** As in Go and most programs: this machine itself is never reached through a proxy. In brackets it is known to fetch alone. */
const LOOPBACK = ['localhost', '127.0.0.1', '::1', '[::1]'];

const HTTP = /^https?:\/\//i;

export type EgressProxy = http.ProxyEnv;

/** HTTPS_PROXY and NO_PROXY in either case, as curl reads them; undefined without a proxy. */
export function egressProxy(env: NodeJS.ProcessEnv): EgressProxy | undefined {
  const proxy = env.https_proxy || env.HTTPS_PROXY;
  if (proxy === undefined || proxy === '') return undefined;
  const except = (env.no_proxy || env.NO_PROXY || '').split(',').map((host) => host.trim());
  return { HTTPS_PROXY: proxy, NO_PROXY: [...except.filter((host) => host !== ''), ...LOOPBACK].join(',') };
}

/**
 * What is wrong with the proxy of the environment, for people. The runtimes take other kinds, such as SOCKS, for no proxy at
 * all, and end on some URLs that they can't read, without a word of whose they are: nobody who names a proxy means to be led past it.
 * @returns undefined where there is nothing wrong, or no proxy. Never holds the value, which may have a password
 */
export function proxyMistake(env: NodeJS.ProcessEnv): string | undefined {
  const proxy = egressProxy(env)?.HTTPS_PROXY;
  if (proxy === undefined || isProxyUrl(proxy)) return undefined;
  return (
    'HTTPS_PROXY (value hidden, it may be a secret): expected http://host:port or https://host:port, with user and password ' +
    'percent-encoded. Set for example HTTPS_PROXY=http://proxy.example:3128, or unset it to go without'
  );
}

function isProxyUrl(text: string): boolean {
  if (!HTTP.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  try {
    // As the runtimes do, each for itself.
    decodeURIComponent(username);
    decodeURIComponent(password);
    return true;
  } catch {
    return false;
  }
}

/**
 * The proxy on the way to a server that is reached over TLS, by the same rule on every runtime. It is the one by which the
 * runtimes' own agents choose (`useEgressProxy`); a test compares the two.
 * @param url with its port, if that is not 443
 * @returns undefined: straight there
 */
export function proxyTo({ HTTPS_PROXY, NO_PROXY = '' }: EgressProxy, { hostname, port }: URL): string | undefined {
  if (HTTPS_PROXY === undefined || !HTTP.test(HTTPS_PROXY)) return undefined;
  // An IPv6 address has brackets in a URL alone.
  const host = hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  const names = [host, `${host}:${port || 443}`];
  const isExcepted = NO_PROXY.toLowerCase()
    .split(',')
    .some((entry) => entry === '*' || names.includes(entry) || isBelow(host, entry) || isInRange(host, entry));
  return isExcepted ? undefined : HTTPS_PROXY;
}

/** `.example.com` is the name with all below it, `*.example.com` all below it. */
function isBelow(host: string, entry: string): boolean {
  if (entry.startsWith('*.')) return host.endsWith(entry.slice(1));
  return entry.startsWith('.') && (host === entry.slice(1) || host.endsWith(entry));
}

/** `10.0.0.1-10.0.0.99` */
function isInRange(host: string, entry: string): boolean {
  const [first = '', last = ''] = entry.split('-').map((end) => end.trim());
  if (![host, first, last].every((address) => isIPv4(address))) return false;
  const range = new BlockList();
  try {
    range.addRange(first, last);
  } catch {
    // Its end comes before its beginning.
    return false;
  }
  return range.check(host);
}

/**
 * For a socket, whatever its address: who calls has asked `proxyTo`. The proxy is asked to CONNECT; TLS is between us and
 * Slack, as without it. Bun's client takes no notice of this agent: it has an option of its own (`runtimeHas.proxyOption`).
 */
export function proxyAgent({ HTTPS_PROXY }: EgressProxy): Agent {
  return new Agent({ proxyEnv: { HTTPS_PROXY } });
}

/**
 * From now on every call by `node:https` that names no agent of its own (`http-post.ts`), and every fetch of Node, goes
 * through the proxy of the environment.
 * @returns the proxy, for what has an agent of its own (`proxyTo`); undefined without one
 */
export function useEgressProxy(env: NodeJS.ProcessEnv): EgressProxy | undefined {
  const proxy = egressProxy(env);
  // The first releases of Node 24 have no such call: there, NODE_USE_ENV_PROXY=1 does it.
  if (proxy !== undefined) http.setGlobalProxyFromEnv?.(proxy);
  return proxy;
}
