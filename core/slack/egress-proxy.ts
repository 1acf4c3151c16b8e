import * as http from 'node:http';
import { Agent } from 'node:https';

/** As in Go and most programs: this machine itself is never reached through a proxy. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

export type EgressProxy = http.ProxyEnv;

/** HTTPS_PROXY and NO_PROXY in either case, as curl reads them; undefined without a proxy. */
export function egressProxy(env: NodeJS.ProcessEnv): EgressProxy | undefined {
  const proxy = env.https_proxy || env.HTTPS_PROXY;
  if (proxy === undefined || proxy === '') return undefined;
  const except = (env.no_proxy || env.NO_PROXY || '').split(',').map((host) => host.trim());
  return { HTTPS_PROXY: proxy, NO_PROXY: [...except.filter((host) => host !== ''), ...LOOPBACK].join(',') };
}

/**
 * For sockets. The proxy is asked to CONNECT; TLS is between us and Slack, as without it. Bun's client takes no notice of
 * this agent: it has an option `proxy` of its own (ADR 0001).
 */
export function proxyAgent(proxyEnv: EgressProxy): Agent {
  return new Agent({ proxyEnv });
}

/**
 * From now on every fetch of this process, and every call by `node:https` that names no agent of its own (`http-post.ts`), goes
 * through the proxy of the environment. Bun reads the environment by itself.
 * @returns the proxy, for what has an agent of its own (`proxyAgent`); undefined without one
 */
export function useEgressProxy(env: NodeJS.ProcessEnv): EgressProxy | undefined {
  const proxy = egressProxy(env);
  // The first releases of Node 24 have no such call: there, NODE_USE_ENV_PROXY=1 does it.
  if (proxy !== undefined) http.setGlobalProxyFromEnv?.(proxy);
  return proxy;
}
