import { createHash } from 'node:crypto';

/** HTTP by hand: requests as they came, answers byte by byte. */

export interface HttpRequest {
  /** POST, GET. */
  verb: string;
  path: string;
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>;
  body: string;
}

/** Reads one request after the other. */
export class RequestReader {
  #unread: Buffer = Buffer.alloc(0);

  /** @returns the next request, and what came after it, once it is there as a whole */
  read(chunk: Buffer): HttpRequest | undefined {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    const end = this.#unread.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [first = '', ...lines] = this.#unread.toString('latin1', 0, end).split('\r\n');
    const headers = new Map(lines.map(headerOf));
    const bodyEnd = end + 4 + Number(headers.get('content-length') ?? 0);
    if (this.#unread.length < bodyEnd) return undefined;
    const body = this.#unread.toString('utf8', end + 4, bodyEnd);
    this.#unread = this.#unread.subarray(bodyEnd);
    const [verb = '', path = ''] = first.split(' ');
    return { verb, path, headers, body };
  }
}

function headerOf(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

export interface HttpAnswer {
  status?: number;
  headers?: Readonly<Record<string, string>>;
  body?: string;
}

/** As a server does that closes the connection afterwards. */
export function answerBytes({ status = 200, headers = {}, body = '' }: HttpAnswer): string {
  const all = { 'content-length': `${Buffer.byteLength(body)}`, connection: 'close', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Status\r\n${lines.join('')}\r\n${body}`;
}

export const HTML = '<!doctype html><html><head><title>Error</title></head><body><h1>upstream error</h1></body></html>';

/** What a server sends that accepts a websocket (RFC 6455, 4.2.2). @param more header lines, or others in place of ours */
export function acceptBytes(key: string, more: Readonly<Record<string, string | undefined>> = {}): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const all = { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Accept': accept, ...more };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]));
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`;
}
