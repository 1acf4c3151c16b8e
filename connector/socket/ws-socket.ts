/** The one implementation of `Socket`, by the package `ws` (ADR 0001). */

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket as Stream } from 'node:net';
import { type RawData, WebSocket } from 'ws';
import { systemClock } from '../../core/process/clock.ts';
import { runtimeHas } from '../../core/process/runtime.ts';
import { ABNORMAL, closeOf, refusalOf } from './close-cause.ts';
import { closeDetail } from './close-detail.ts';
import { edgesOf, isLongerThan, isText, lengthOf, textOf } from './frame-data.ts';
import { LatePong, QUIET_MS } from './late-pong.ts';
import { MessageDeadline } from './message-deadline.ts';
import {
  MAX_TEXT_BYTES,
  MOST_UNSENT_BYTES,
  type OpenSocket,
  type Socket,
  type SocketClose,
  type SocketHandlers,
} from './socket.ts';
import { type SettingsFor, settingsBy, type WsSocketOptions } from './ws-settings.ts';

const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;

/** The close frame of a socket that was paused waits like a pong, until this long after reading has resumed at the latest. */
const LATEST_CLOSE_MS = 1_000;

/** The library's errors about a frame that is larger than `MOST_FRAME_BYTES`, or than any number that it can count to. */
const TOO_LARGE: ReadonlySet<unknown> = new Set([
  'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
]);

/** Of our pings, numbered. Slack appends a text of its own to its answer. */
const pingText = (n: number): string => `${n} by relax`;
const PING_TEXT = /^(\d{1,15}) by relax/;

/**
 * Sockets by the `ws` package, under Node and under Bun, which puts its own client in the package's place.
 * TLS trusts what the process trusts, NODE_EXTRA_CA_CERTS included.
 */
export function wsOpenSocket(options: WsSocketOptions = {}): OpenSocket {
  const openWithinMs = options.handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS;
  const settings = settingsBy(options, openWithinMs);
  return (url, handlers) => new WsSocket(url, handlers, settings, openWithinMs);
}

/** The library's socket names ours, so that all sockets share their listeners: there are thousands of sockets. */
const OWNER = Symbol('owner');
type OwnedWebSocket = WebSocket & { [OWNER]?: WsSocket };

class WsSocket implements Socket {
  readonly #url: string;
  readonly #handlers: SocketHandlers;
  readonly #ws: WebSocket | undefined;
  #paused = false;
  /** Texts that were read before the pause took hold: `ws` hands over a whole chunk of TCP at once. */
  #held: string[] | undefined;
  #failure: Omit<SocketClose, 'code'> | undefined;
  #isDone = false;
  /** Made with the first ping of the peer. */
  #pong: LatePong | undefined;
  #readAtMs = 0;
  #resumedAtMs = Number.NEGATIVE_INFINITY;
  #closing: NodeJS.Timeout | undefined;
  #opening: NodeJS.Timeout | undefined;
  /** Pings of ours. */
  #pings = 0;
  /** Only where the library shows what it reads. */
  #deadline: MessageDeadline | undefined;

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
    this.#pong?.forget();
    this.#deadline?.suspend();
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

  #listen(ws: OwnedWebSocket): void {
    ws[OWNER] = this;
    // Reading it from here on would take what came with the upgrade away from the library. Bun shows none.
    if (runtimeHas.visibleSockets) ws.once('upgrade', onUpgrade);
    ws.on('open', onOpen);
    ws.on('message', onMessage);
    ws.on('ping', onPing);
    ws.on('pong', onPong);
    ws.on('unexpected-response', onUnexpectedResponse);
    ws.on('error', onError);
    ws.on('close', onClose);
  }

  // What the listeners tell.

  upgraded(stream: Stream): void {
    const deadline = new MessageDeadline(() => {
      this.#failure ??= { kind: 'failed', detail: 'a message in fragments did not end' };
      this.terminate();
    });
    this.#deadline = deadline;
    this.#ws?.once('open', () => deadline.watch(stream));
  }

  opened(): void {
    clearTimeout(this.#opening);
    // Else it weighs as long as the socket lives.
    this.#opening = undefined;
    // What was asked for before there was anything to pause.
    if (this.#paused) this.#ws?.pause();
    if (!this.#isDone) this.#handlers.onOpen();
  }

  arrived(data: RawData | string, isBinary: boolean): void {
    if (this.#isDone) return;
    if (isBinary) this.#handlers.onBinary(lengthOf(data));
    else this.#take(data);
  }

  pinged(data: Buffer): void {
    this.#readAtMs = systemClock.monotonicMs();
    this.#pong ??= new LatePong(
      (owed) => this.#writable()?.pong(owed, true, ignoreError),
      () => this.#readAtMs,
    );
    // A paused socket sends nothing at all.
    if (!this.#paused && !this.#isDone) this.#pong.owe(data);
    this.#heard('ping');
  }

  ponged(data: Buffer): void {
    const n = Number(PING_TEXT.exec(data.toString('latin1'))?.[1] ?? 0);
    this.#heard(n > 0 && n <= this.#pings ? 'pong' : 'ping');
  }

  refused(response: IncomingMessage): void {
    this.#failure ??= refusalOf(response);
    this.#ws?.terminate();
  }

  broke(error: Error & { code?: string }): void {
    const kind = TOO_LARGE.has(error.code) ? 'tooLarge' : 'failed';
    this.#failure ??= { kind, detail: closeDetail(error, this.#url) };
  }

  closed(code: number, reason: Buffer): void {
    this.#done({ ...(this.#failure ?? closeOf(code, closeDetail(reason.toString(), this.#url))), code });
  }

  #goOn(): void {
    if (this.#isDone) return;
    this.#giveHeld(() => !this.#paused);
    if (this.#paused) return;
    this.#deadline?.resume();
    this.#ws?.resume();
  }

  /** The library's socket, if it can take more. */
  #writable(): WebSocket | undefined {
    const ws = this.#ws;
    return ws?.readyState === WebSocket.OPEN && ws.bufferedAmount < MOST_UNSENT_BYTES ? ws : undefined;
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
    if (this.#paused) this.#held ??= [];
    if (this.#held === undefined) this.#handlers.onText(text);
    else this.#held.push(text);
  }

  #giveHeld(isWanted: () => boolean): void {
    while (this.#held !== undefined && isWanted()) {
      const text = this.#held.shift();
      if (text !== undefined) this.#handlers.onText(text);
      if (this.#held.length === 0) this.#held = undefined;
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
    this.#pong?.forget();
    this.#deadline?.suspend();
    clearTimeout(this.#closing);
    clearTimeout(this.#opening);
    this.#handlers.onClose(close);
  }
}

function onUpgrade(this: OwnedWebSocket, { socket }: IncomingMessage): void {
  this[OWNER]?.upgraded(socket);
}

function onOpen(this: OwnedWebSocket): void {
  this[OWNER]?.opened();
}

function onMessage(this: OwnedWebSocket, data: RawData | string, isBinary: boolean): void {
  this[OWNER]?.arrived(data, isBinary);
}

function onPing(this: OwnedWebSocket, data: Buffer): void {
  this[OWNER]?.pinged(data);
}

function onPong(this: OwnedWebSocket, data: Buffer): void {
  this[OWNER]?.ponged(data);
}

function onUnexpectedResponse(this: OwnedWebSocket, _request: ClientRequest, response: IncomingMessage): void {
  this[OWNER]?.refused(response);
}

function onError(this: OwnedWebSocket, error: Error & { code?: string }): void {
  this[OWNER]?.broke(error);
}

function onClose(this: OwnedWebSocket, code: number, reason: Buffer): void {
  this[OWNER]?.closed(code, reason);
}

/** A failed write ends the connection, which the `close` event reports. */
const ignoreError = (): void => {};
