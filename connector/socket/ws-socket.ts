/** The one implementation of `Socket`, by the package `ws` (ADR 0001). */

import type { Socket as Stream } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { type ClientOptions, type RawData, WebSocket } from 'ws';
import { systemClock } from '../../core/process/clock.ts';
import { runtimeHas } from '../../core/process/runtime.ts';
import { type EgressProxy, proxyAgent, proxyTo } from '../../core/slack/egress-proxy.ts';
import { retryAfterMs } from '../../core/slack/retry-after.ts';
import { closeDetail } from './close-detail.ts';
import { edgesOf, isLongerThan, isText, lengthOf, textOf } from './frame-data.ts';
import { LatePong, QUIET_MS } from './late-pong.ts';
import { MessageDeadline } from './message-deadline.ts';
import {
  MAX_TEXT_BYTES,
  MOST_FRAME_BYTES,
  MOST_UNSENT_BYTES,
  type OpenSocket,
  type Socket,
  type SocketClose,
  type SocketHandlers,
} from './socket.ts';

export interface WsSocketOptions {
  /** From the dial to the answered upgrade, however slowly it comes: the library's own limit is for silence only. */
  handshakeTimeoutMs?: number;
  /** How long a close handshake waits for the peer. */
  closeTimeoutMs?: number;
  /** What the sockets go through, if anything (`egressProxy`). */
  proxy?: EgressProxy | undefined;
}

const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;
/** Slack often answers no close frame or leaves TCP open after it (node-slack-sdk#2752, #2771). */
const DEFAULT_CLOSE_TIMEOUT_MS = 1_000;

/** The close frame of a socket that was paused waits like a pong, until this long after reading has resumed at the latest. */
const LATEST_CLOSE_MS = 1_000;

/** Close code of a connection that ended without a close frame (RFC 6455, 7.1.5). */
const ABNORMAL = 1006;

/** The library's errors about a frame that is larger than `MOST_FRAME_BYTES`, or than any number that it can count to. */
const TOO_LARGE: ReadonlySet<unknown> = new Set([
  'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
]);

/** Of our pings, numbered. Slack appends a text of its own to its answer. */
const pingText = (n: number): string => `${n} by relax`;
const PING_TEXT = /^(\d{1,15}) by relax/;

/** Options that `ws` takes and its types lack, `proxy` only under Bun. */
type Settings = ClientOptions & { closeTimeout: number; secureContext?: SecureContext; proxy?: string };
type SettingsFor = (url: URL) => Settings;

/**
 * Sockets by the `ws` package, under Node and under Bun, which puts its own client in the package's place.
 * TLS trusts what the process trusts, NODE_EXTRA_CA_CERTS included.
 */
export function wsOpenSocket(options: WsSocketOptions = {}): OpenSocket {
  const openWithinMs = options.handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS;
  const plain: Settings = {
    // An inflate state costs 20 KiB per socket and six times the CPU per frame.
    perMessageDeflate: false,
    maxPayload: MOST_FRAME_BYTES,
    // We check ourselves: the library would end the socket, and every other socket of the team likewise.
    skipUTF8Validation: true,
    // The library ends a socket with 60 unanswered pings, which happens when the process was suspended for some minutes.
    autoPong: false,
    // For the tunnel through a proxy; otherwise ours (`#opening`) is as soon, and counts from the dial.
    handshakeTimeout: openWithinMs,
    followRedirects: false,
    // Whoever began the close; then the connection is cut.
    closeTimeout: options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS,
  };
  const way = wayBy(options.proxy);
  const settings: SettingsFor = (url) =>
    url.protocol === 'wss:' ? { ...plain, ...sharedTrust(), ...way(url) } : plain;
  return (url, handlers) => new WsSocket(url, handlers, settings, openWithinMs);
}

/** Through the proxy or past it; the settings of `ws` for that. */
function wayBy(proxy: EgressProxy | undefined): (url: URL) => Pick<Settings, 'agent' | 'proxy'> {
  if (proxy === undefined) return () => ({});
  const agent = runtimeHas.proxyOption ? undefined : proxyAgent(proxy);
  return (url) => {
    const through = proxyTo(proxy, url);
    if (through === undefined) return {};
    return agent === undefined ? { proxy: through } : { agent };
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

class WsSocket implements Socket {
  readonly #url: string;
  readonly #handlers: SocketHandlers;
  readonly #ws: WebSocket | undefined;
  #paused = false;
  /** Texts that were read before the pause took hold: `ws` hands over a whole chunk of TCP at once. */
  readonly #held: string[] = [];
  #failure: Omit<SocketClose, 'code'> | undefined;
  #isDone = false;
  readonly #pong = new LatePong(
    (data) => this.#writable()?.pong(data, true, ignoreError),
    () => this.#readAtMs,
  );
  #readAtMs = 0;
  #resumedAtMs = Number.NEGATIVE_INFINITY;
  #closing: NodeJS.Timeout | undefined;
  #opening: NodeJS.Timeout | undefined;
  /** Pings of ours. */
  #pings = 0;
  readonly #deadline = new MessageDeadline(() => {
    this.#failure ??= { kind: 'failed', detail: 'a message in fragments did not end' };
    this.terminate();
  });

  constructor(url: string, handlers: SocketHandlers, settings: SettingsFor, openWithinMs: number) {
    this.#url = url;
    this.#handlers = handlers;
    this.#ws = this.#dial(settings);
    this.#opening = setTimeout(() => {
      this.#failure ??= { kind: 'failed', detail: `no websocket within ${openWithinMs / 1_000} s` };
      this.#ws?.terminate();
    }, openWithinMs);
  }

  send(text: string): boolean {
    const ws = this.#writable();
    ws?.send(text, ignoreError);
    return ws !== undefined;
  }

  ping(): void {
    this.#pings += 1;
    this.#writable()?.ping(pingText(this.#pings), true, ignoreError);
  }

  pause(): void {
    this.#paused = true;
    this.#pong.forget();
    this.#deadline.suspend();
    this.#ws?.pause();
  }

  resume(): void {
    if (this.#paused) this.#resumedAtMs = systemClock.monotonicMs();
    this.#paused = false;
    // Whoever resumes is in the middle of something. From a text on its own it can pause again before the next.
    setImmediate(() => this.#goOn());
  }

  close(): void {
    if (this.#isDone) return;
    this.#failure ??= { kind: 'closed', detail: 'closed by Relax' };
    this.#closeWhenRead();
  }

  terminate(): void {
    if (this.#isDone) return;
    this.#failure ??= { kind: 'failed', detail: 'terminated by Relax' };
    // Slack may count a socket that ended without a word for minutes, and hand it events.
    if (!this.#paused && this.#ws?.readyState === WebSocket.OPEN) this.#ws.close(1000);
    this.#ws?.terminate();
  }

  #dial(settings: SettingsFor): WebSocket | undefined {
    try {
      const url = new URL(this.#url);
      if (url.protocol !== 'wss:' && url.protocol !== 'ws:') throw new SyntaxError('not a websocket URL');
      const ws = new WebSocket(this.#url, settings(url));
      this.#listen(ws);
      return ws;
    } catch (error) {
      // The caller does not hold this socket yet, so it hears of it later.
      const detail = closeDetail(error, this.#url);
      setImmediate(() => this.#done({ kind: 'failed', code: ABNORMAL, detail }));
      return undefined;
    }
  }

  #listen(ws: WebSocket): void {
    let stream: Stream | undefined;
    // Reading it from here on would take what came with the upgrade away from the library. Bun shows none.
    if (runtimeHas.visibleSockets) ws.once('upgrade', ({ socket }) => (stream = socket));
    ws.on('open', () => {
      clearTimeout(this.#opening);
      // Else it weighs as long as the socket lives.
      this.#opening = undefined;
      if (stream !== undefined) this.#deadline.watch(stream);
      // What was asked for before there was anything to pause.
      if (this.#paused) ws.pause();
      if (!this.#isDone) this.#handlers.onOpen();
    });
    ws.on('message', (data: RawData | string, isBinary: boolean) => {
      if (this.#isDone) return;
      if (isBinary) this.#handlers.onBinary(lengthOf(data));
      else this.#take(data);
    });
    ws.on('ping', (data: Buffer) => {
      this.#readAtMs = systemClock.monotonicMs();
      // A paused socket sends nothing at all.
      if (!this.#paused && !this.#isDone) this.#pong.owe(data);
      this.#heard('ping');
    });
    ws.on('pong', (data: Buffer) => this.#heard(this.#isAnswer(data) ? 'pong' : 'ping'));
    ws.on('unexpected-response', (_request, response) => {
      const status = response.statusCode ?? 0;
      const { date, 'retry-after': retryAfter } = response.headers;
      const waitMs = retryAfterMs(retryAfter, systemClock.wallMs(), date);
      this.#failure ??= {
        kind: 'refused',
        status,
        detail: `the upgrade was answered with HTTP ${status}`,
        ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
      };
      ws.terminate();
    });
    ws.on('error', (error: Error & { code?: string }) => {
      const kind = TOO_LARGE.has(error.code) ? 'tooLarge' : 'failed';
      this.#failure ??= { kind, detail: closeDetail(error, this.#url) };
    });
    ws.on('close', (code: number, reason: Buffer) => {
      this.#done({ ...(this.#failure ?? closeOf(code, closeDetail(reason.toString(), this.#url))), code });
    });
  }

  #goOn(): void {
    if (this.#isDone) return;
    this.#giveHeld(() => !this.#paused);
    if (this.#paused) return;
    this.#deadline.resume();
    this.#ws?.resume();
  }

  /** The library's socket, if it can take more. */
  #writable(): WebSocket | undefined {
    const ws = this.#ws;
    return ws?.readyState === WebSocket.OPEN && ws.bufferedAmount < MOST_UNSENT_BYTES ? ws : undefined;
  }

  #isAnswer(data: Buffer): boolean {
    const n = Number(PING_TEXT.exec(data.toString('latin1'))?.[1] ?? 0);
    return n > 0 && n <= this.#pings;
  }

  #closeWhenRead(): void {
    clearTimeout(this.#closing);
    const nowMs = systemClock.monotonicMs();
    const quietMs = nowMs - Math.max(this.#readAtMs, this.#resumedAtMs);
    const isRead = quietMs >= QUIET_MS - 1 || nowMs - this.#resumedAtMs >= LATEST_CLOSE_MS;
    if (isRead) this.#ws?.close(1000);
    else this.#closing = setTimeout(() => this.#closeWhenRead(), QUIET_MS - quietMs);
  }

  #take(data: RawData | string): void {
    this.#readAtMs = systemClock.monotonicMs();
    const isTooLarge = isLongerThan(MAX_TEXT_BYTES, data);
    if (!isTooLarge && isText(data)) this.#text(textOf(data));
    else this.#handlers.onUnreadable(isTooLarge ? 'tooLarge' : 'notUtf8', lengthOf(data), edgesOf(data));
  }

  #text(text: string): void {
    // New texts must not overtake those that are held back.
    if (this.#paused || this.#held.length > 0) this.#held.push(text);
    else this.#handlers.onText(text);
  }

  #giveHeld(isWanted: () => boolean): void {
    while (this.#held.length > 0 && isWanted()) {
      const text = this.#held.shift();
      if (text !== undefined) this.#handlers.onText(text);
    }
  }

  #heard(what: 'ping' | 'pong'): void {
    if (!this.#isDone) this.#handlers.onHeard(what);
  }

  #done(close: SocketClose): void {
    if (this.#isDone) return;
    // RTM never sends an event again: what was read is given, and the receiver judges it.
    this.#giveHeld(() => true);
    this.#isDone = true;
    this.#pong.forget();
    this.#deadline.suspend();
    clearTimeout(this.#closing);
    clearTimeout(this.#opening);
    this.#handlers.onClose(close);
  }
}

const closeOf = (code: number, reason: string): Omit<SocketClose, 'code'> =>
  code === ABNORMAL
    ? { kind: 'failed', detail: 'the connection was lost' }
    : { kind: 'closed', detail: `closed by the peer with code ${code}${reason === '' ? '' : `: ${reason}`}` };

/** A failed write ends the connection, which the `close` event reports. */
const ignoreError = (): void => {};
