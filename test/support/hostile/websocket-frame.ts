/** Websocket frames by hand (RFC 6455, 5.2), so that a server can send what no library would. */

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameOptions {
  fin?: boolean;
  /** RSV1 to RSV3 as the bits 4, 2 and 1. */
  rsv?: number;
  /** A server must not mask. */
  mask?: Buffer;
  /** The length that the header claims, if it isn't the payload's. */
  claimedBytes?: bigint;
}

export function frameBytes(opcode: number, payload: Buffer | string = '', options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, mask } = options;
  const bytes = Buffer.from(payload);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const header = Buffer.concat([Buffer.from([first]), lengthBytes(options.claimedBytes ?? BigInt(bytes.length))]);
  if (mask === undefined) return Buffer.concat([header, bytes]);
  header[1] = (header[1] ?? 0) | 0x80;
  return Buffer.concat([header, mask, masked(bytes, mask)]);
}

export function closePayload(code: number, reason: Buffer | string = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

function lengthBytes(length: bigint): Buffer {
  if (length < 126n) return Buffer.from([Number(length)]);
  const bytes = Buffer.alloc(length < 65_536n ? 3 : 9);
  bytes[0] = length < 65_536n ? 126 : 127;
  if (length < 65_536n) bytes.writeUInt16BE(Number(length), 1);
  else bytes.writeBigUInt64BE(length, 1);
  return bytes;
}

const masked = (bytes: Buffer, mask: Buffer): Buffer =>
  Buffer.from(bytes.map((byte, at) => byte ^ (mask[at % 4] ?? 0)));

export interface ClientFrame {
  opcode: number;
  payload: Buffer;
}

/** Reads what a client sends: always masked, and never fragmented here. */
export class FrameReader {
  #unread: Buffer = Buffer.alloc(0);

  read(chunk: Buffer): ClientFrame[] {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    const frames: ClientFrame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): ClientFrame | undefined {
    const bytes = this.#unread;
    const [first, second] = bytes;
    if (first === undefined || second === undefined) return undefined;
    const short = second & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < start + 4) return undefined;
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    const end = start + 4 + length;
    if (bytes.length < end) return undefined;
    this.#unread = bytes.subarray(end);
    return { opcode: first & 0x0f, payload: masked(bytes.subarray(start + 4, end), bytes.subarray(start, start + 4)) };
  }
}
