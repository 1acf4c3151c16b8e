/** Websocket frames (RFC 6455, 5.2) as the load's server writes and reads them, without a library between it and TLS. */

export const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;

/** A whole, unmasked message, as servers send it. */
export function serverFrame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([serverHeader(opcode, payload.length), payload]);
}

function serverHeader(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | opcode, length]);
  if (length < 65_536) return Buffer.from([0x80 | opcode, 126, length >> 8, length & 0xff]);
  throw new RangeError(`a frame of ${length} bytes`);
}

export interface ClientFrame {
  opcode: number;
  payload: Buffer;
}

/**
 * The whole frames at the beginning of what a client sent, unmasked.
 * @returns `rest`: what has not come whole yet
 * @throws RangeError for a frame of 64 KiB or more, which no client of Slack sends
 */
export function readClientFrames(bytes: Buffer): { frames: ClientFrame[]; rest: Buffer } {
  const frames: ClientFrame[] = [];
  let at = 0;
  while (bytes.length - at >= 2) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    if (short === 127) throw new RangeError('a frame of 64 KiB or more');
    const maskAt = at + (short === 126 ? 4 : 2);
    if (bytes.length < maskAt + 4) break;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
    const from = maskAt + 4;
    if (bytes.length < from + length) break;
    const payload = Buffer.from(bytes.subarray(from, from + length));
    for (let n = 0; n < length; n += 1) payload[n] = (payload[n] ?? 0) ^ (bytes[maskAt + (n % 4)] ?? 0);
    frames.push({ opcode: (bytes[at] ?? 0) & 0x0f, payload });
    at = from + length;
  }
  return { frames, rest: bytes.subarray(at) };
}
