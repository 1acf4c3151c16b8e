import type { TLSSocket } from 'node:tls';
import type { HostileSlack } from './hostile-slack.ts';
import type { HostileSocket } from './hostile-socket.ts';
import { acceptBytes, answerBytes, type HttpAnswer, type HttpRequest } from './http-bytes.ts';
import type { Line } from './line.ts';
import { isAppToken, teamIDOf } from './subject-names.ts';

interface CallParts {
  request: HttpRequest;
  line: Line;
  tls: TLSSocket;
  token: string;
  /** Of the calls of this kind with this token, from 1. */
  nth: number;
  slack: HostileSlack;
}

/** A time in which the other end reads what was written before a reset. */
const BEFORE_RESET_MS = 15;

/** What can be done with any request. */
abstract class SlackCall {
  readonly request: HttpRequest;
  readonly line: Line;
  readonly tls: TLSSocket;
  readonly token: string;
  readonly nth: number;
  readonly slack: HostileSlack;

  constructor({ request, line, tls, token, nth, slack }: CallParts) {
    this.request = request;
    this.line = line;
    this.tls = tls;
    this.token = token;
    this.nth = nth;
    this.slack = slack;
  }

  /** Writes an answer and closes. */
  answer(answer: HttpAnswer): void {
    this.tls.end(answerBytes(answer));
  }

  write(bytes: string | Buffer): void {
    if (!this.tls.destroyed) this.tls.write(bytes);
  }

  /** The first bytes of an answer, then a TCP reset. */
  resetAfter(bytes: Buffer): void {
    const reset = (): void => void setTimeout(() => this.line.reset(), BEFORE_RESET_MS);
    if (bytes.length === 0) reset();
    else this.tls.write(bytes, reset);
  }

  /** Byte by byte, as a slow loris does, for as long as somebody listens. */
  trickle(bytes: string, everyMs = 1_000): void {
    let at = 0;
    const timer = setInterval(() => {
      if (!this.line.isOpen || at >= bytes.length) clearInterval(timer);
      else this.write(bytes.charAt(at++));
    }, everyMs);
    this.line.on('close', () => clearInterval(timer));
  }

  /** The same bytes again and again. */
  pour(bytes: string, everyMs: number): void {
    const timer = setInterval(() => this.write(bytes), everyMs);
    this.line.on('close', () => clearInterval(timer));
  }
}

/** A call of the Web API. */
export class ApiCall extends SlackCall {
  readonly socketUrl: string;

  constructor({ socketUrl, ...parts }: CallParts & { socketUrl: string }) {
    super(parts);
    this.socketUrl = socketUrl;
  }

  /** The body of a proper answer. */
  granted(url = this.socketUrl): string {
    if (isAppToken(this.token)) return JSON.stringify({ ok: true, url });
    const team = { id: teamIDOf(this.token), name: 'Acme', domain: 'acme' };
    return JSON.stringify({ ok: true, url, team, self: { id: 'UBOT', name: 'bot' } });
  }

  grant(url = this.socketUrl): void {
    this.json(this.granted(url));
  }

  json(body: string, more: Omit<HttpAnswer, 'body'> = {}): void {
    this.answer({ ...more, headers: { 'content-type': 'application/json; charset=utf-8', ...more.headers }, body });
  }

  refuse(error: string): void {
    this.json(JSON.stringify({ ok: false, error }));
  }
}

/** A request for a websocket. */
export class UpgradeCall extends SlackCall {
  readonly socket: HostileSocket;

  readonly #live: () => void;

  constructor({ socket, live, ...parts }: CallParts & { socket: HostileSocket; live: () => void }) {
    super(parts);
    this.socket = socket;
    this.#live = live;
  }

  get key(): string {
    return this.request.headers.get('sec-websocket-key') ?? '';
  }

  /** As Slack does. */
  greet(): void {
    this.accept();
    this.socket.hello();
    this.#live();
  }

  accept(more: Readonly<Record<string, string | undefined>> = {}): void {
    this.write(acceptBytes(this.key, more));
  }
}
