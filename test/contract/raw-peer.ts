import { createHash } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** Opcodes of RFC 6455, 5.2. */
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;
const CONTINUATION = 0;

export interface PeerFrame {
  opcode: number;
  payload: Buffer;
}

export type Greeting =
  /** Accepts the upgrade. */
  | { kind: 'accept' }
  | { kind: 'refuse'; status: number; headers?: Readonly<Record<string, string>> }
  /** Takes the request and says nothing. */
  | { kind: 'hang' };

/**
 * The other end of a websocket, written by hand: it can do what no library lets one do (split a character, keep TCP open
 * after the close handshake, stop reading), and it is the same under Node and Bun.
 */
export class RawPeer {
  readonly #server: Server;
  readonly #origin: string;
  readonly connections: PeerConnection[] = [];
  /** Below TLS, also of those whose handshake failed. */
  readonly #tcp = new Set<Socket>();
  greeting: Greeting = { kind: 'accept' };

  private constructor(server: Server, origin: string) {
    this.#server = server;
    this.#origin = origin;
  }

  static async start(tls?: { cert: Buffer; key: Buffer }, host = '127.0.0.1'): Promise<RawPeer> {
    // A peer that has got our FIN keeps its side open until it is told to end.
    const allowHalfOpen = true;
    const server = tls === undefined ? createServer({ allowHalfOpen }) : createTlsServer({ ...tls, allowHalfOpen });
    const peer = new RawPeer(server, `${tls === undefined ? 'ws' : 'wss'}://${host}`);
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      peer.connections.push(new PeerConnection(socket, () => peer.greeting));
    });
    server.on('connection', (socket: Socket) => {
      peer.#tcp.add(socket);
      socket.on('close', () => peer.#tcp.delete(socket));
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return peer;
  }

  /** Its path stands for a ticket that must not turn up in any text. */
  get url(): string {
    return `${this.#origin}:${(this.#server.address() as AddressInfo).port}/link/s3cr3t-path?ticket=s3cr3t-ticket`;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.connections) connection.drop();
    for (const socket of this.#tcp) socket.destroy();
    await closed;
  }
}

export class PeerConnection {
  readonly #socket: Socket;
  readonly #greeting: () => Greeting;
  readonly #frames: PeerFrame[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #isOpen = false;
  #request = '';

  constructor(socket: Socket, greeting: () => Greeting) {
    this.#socket = socket;
    this.#greeting = greeting;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => this.#read(chunk));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The upgrade request, headers and all. */
  get request(): string {
    return this.#request;
  }

  /** Frames that arrived, in order, unmasked. */
  get frames(): readonly PeerFrame[] {
    return this.#frames;
  }

  /** Bytes that wait here because the other end does not read. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  text(text: string): void {
    this.frame(TEXT, Buffer.from(text));
  }

  /** All in one write, so that the other end most likely reads them in one go. */
  texts(texts: readonly string[]): void {
    const payloads = texts.map((text) => Buffer.from(text));
    this.#socket.write(Buffer.concat(payloads.flatMap((payload) => [header(TEXT, payload.length, true), payload])));
  }

  frame(opcode: number, payload: Buffer, isFinal = true): void {
    this.#socket.write(Buffer.concat([header(opcode, payload.length, isFinal), payload]));
  }

  /** One text in several fragments. */
  fragments(parts: readonly Buffer[]): void {
    for (const [at, part] of parts.entries()) {
      this.frame(at === 0 ? TEXT : CONTINUATION, part, at === parts.length - 1);
    }
  }

  close(code: number, reason = ''): void {
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
    this.frame(CLOSE, payload);
  }

  /** Neither reads nor answers from now on. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Ends TCP without a close frame. */
  drop(): void {
    this.#socket.destroy();
  }

  end(): void {
    this.#socket.end();
  }

  /**
   * Closes as a program does that has written all it had: its kernel sends the rest and FIN, and answers whatever comes
   * from then on with a reset.
   */
  endForGood(): void {
    this.#socket.pause();
    this.#socket.destroySoon();
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    if (!this.#isOpen && !this.#greet()) return;
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) this.#frames.push(frame);
  }

  #greet(): boolean {
    const end = this.#unread.indexOf('\r\n\r\n');
    if (end < 0) return false;
    this.#request = this.#unread.subarray(0, end).toString();
    this.#unread = this.#unread.subarray(end + 4);
    const greeting = this.#greeting();
    if (greeting.kind === 'hang') return false;
    if (greeting.kind === 'refuse') {
      const headers = Object.entries({ 'content-length': '4', connection: 'close', ...greeting.headers });
      const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      this.#socket.end(`HTTP/1.1 ${greeting.status} No\r\n${lines}\r\nbusy`);
      return false;
    }
    const key = /^sec-websocket-key: *(\S+)/im.exec(this.#request)?.[1] ?? '';
    // RFC 6455, 4.2.2.
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
    this.#socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
    this.#isOpen = true;
    return true;
  }

  /** A client's frame is always masked; ours here are short. */
  #next(): PeerFrame | undefined {
    const [first, second] = this.#unread;
    if (first === undefined || second === undefined) return undefined;
    const short = second & 0x7f;
    if (short === 127) throw new Error('the contract sends no frame of 64 KiB');
    const start = short === 126 ? 4 : 2;
    const length = short === 126 && this.#unread.length >= 4 ? this.#unread.readUInt16BE(2) : short;
    if (this.#unread.length < start + 4 + length) return undefined;
    const mask = this.#unread.subarray(start, start + 4);
    const payload = Buffer.from(this.#unread.subarray(start + 4, start + 4 + length));
    for (const [at, byte] of payload.entries()) payload[at] = byte ^ (mask[at % 4] ?? 0);
    this.#unread = this.#unread.subarray(start + 4 + length);
    return { opcode: first & 0x0f, payload };
  }
}

function header(opcode: number, length: number, isFinal: boolean): Buffer {
  const first = (isFinal ? 0x80 : 0) | opcode;
  if (length < 126) return Buffer.from([first, length]);
  if (length < 65_536) return Buffer.from([first, 126, length >> 8, length & 0xff]);
  const long = Buffer.alloc(10);
  long[0] = first;
  long[1] = 127;
  long.writeBigUInt64BE(BigInt(length), 2);
  return long;
}
