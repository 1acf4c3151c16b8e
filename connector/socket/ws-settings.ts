/** What the package `ws` is told of each socket. */

import { createSecureContext, type SecureContext } from 'node:tls';
import type { ClientOptions } from 'ws';
import { runtimeHas } from '../../core/process/runtime.ts';
import { type EgressProxy, proxyAgent, proxyTo } from '../../core/slack/egress-proxy.ts';
import { MOST_FRAME_BYTES } from './socket.ts';

export interface WsSocketOptions {
  /** From the dial to the answered upgrade, however slowly it comes: the library's own limit is for silence only. */
  handshakeTimeoutMs?: number;
  /** How long a close handshake waits for the peer. */
  closeTimeoutMs?: number;
  /** What the sockets go through, if anything (`egressProxy`). */
  proxy?: EgressProxy | undefined;
}

/** Slack often answers no close frame or leaves TCP open after it (node-slack-sdk#2752, #2771). */
const DEFAULT_CLOSE_TIMEOUT_MS = 1_000;

/** Options that `ws` takes and its types lack, `proxy` only under Bun. */
type Settings = ClientOptions & { closeTimeout: number; secureContext?: SecureContext; proxy?: string };
export type SettingsFor = (url: URL) => Settings;

/** @param openWithinMs limit of the handshake, for what we can't time ourselves */
export function settingsBy({ proxy, closeTimeoutMs }: WsSocketOptions, openWithinMs: number): SettingsFor {
  const plain: Settings = {
    // An inflate state costs 20 KiB per socket and six times the CPU per frame.
    perMessageDeflate: false,
    maxPayload: MOST_FRAME_BYTES,
    // We check ourselves: the library would end the socket, and every other socket of the team likewise.
    skipUTF8Validation: true,
    // The library ends a socket with 60 unanswered pings, which happens when the process was suspended for some minutes.
    autoPong: false,
    followRedirects: false,
    // Whoever began the close; then the connection is cut.
    closeTimeout: closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS,
  };
  const way = wayBy(proxy, openWithinMs);
  return (url) => (url.protocol === 'wss:' ? { ...plain, ...sharedTrust(), ...way(url) } : plain);
}

/** Through the proxy or past it; the settings of `ws` for that. */
function wayBy(
  proxy: EgressProxy | undefined,
  openWithinMs: number,
): (url: URL) => Pick<Settings, 'agent' | 'proxy' | 'handshakeTimeout'> {
  if (proxy === undefined) return () => ({});
  const agent = runtimeHas.proxyOption ? undefined : proxyAgent(proxy);
  return (url) => {
    const through = proxyTo(proxy, url);
    if (through === undefined) return {};
    // For the tunnel; that of `WsSocket` counts from the dial, and a timer of the library's weighs as long as its socket lives.
    const handshakeTimeout = openWithinMs;
    return agent === undefined ? { proxy: through, handshakeTimeout } : { agent, handshakeTimeout };
  };
}

let shared: { secureContext?: SecureContext } | undefined;

/**
 * One context for all sockets of the process: under Node a context of its own costs a socket 15 KiB. Bun shares by
 * itself, and better: 5 KiB less than with a context from us (bench/sockets.ts, ADR 0001).
 */
function sharedTrust(): { secureContext?: SecureContext } {
  shared ??= runtimeHas.tlsContextByHand ? { secureContext: createSecureContext() } : {};
  return shared;
}
