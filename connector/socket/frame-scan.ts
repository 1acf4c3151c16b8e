/** Where a stream of websocket frames stands (RFC 6455, 5.2), as far as its headers say. Pure. */

export interface FrameScan {
  /** Bytes of the payload that are still to come. */
  skipBytes: number;
  /** The beginning of a header whose rest is still to come. */
  header: Buffer;
  /** A message has begun whose last fragment has not. */
  isUnfinished: boolean;
}

const NO_BYTES = Buffer.alloc(0);

export const NEW_SCAN: FrameScan = { skipBytes: 0, header: NO_BYTES, isUnfinished: false };

/**
 * @param chunk from a server, which does not mask; what the protocol forbids is for others to judge. Nothing of it is kept: a
 * part of a Buffer keeps all of it in memory
 */
export function scanFrames(scan: FrameScan, chunk: Buffer): FrameScan {
  let { skipBytes, isUnfinished } = scan;
  const bytes = scan.header.length === 0 ? chunk : Buffer.concat([scan.header, chunk]);
  let at = 0;
  for (;;) {
    const passed = Math.min(skipBytes, bytes.length - at);
    at += passed;
    skipBytes -= passed;
    const header = headerAt(bytes, at);
    if (skipBytes > 0 || header === undefined) break;
    at += header.bytes;
    skipBytes = header.payloadBytes;
    if (header.isData) isUnfinished = !header.isLast;
  }
  if (at < bytes.length) return { skipBytes, header: Buffer.from(bytes.subarray(at)), isUnfinished };
  return skipBytes === 0 && !isUnfinished ? NEW_SCAN : { skipBytes, header: NO_BYTES, isUnfinished };
}

interface FrameHeader {
  bytes: number;
  payloadBytes: number;
  isData: boolean;
  isLast: boolean;
}

/** @returns undefined if not all of it is there */
function headerAt(bytes: Buffer, at: number): FrameHeader | undefined {
  const [first, second] = [bytes[at], bytes[at + 1]];
  if (first === undefined || second === undefined) return undefined;
  const short = second & 0x7f;
  const length = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < at + length) return undefined;
  return {
    bytes: length,
    payloadBytes:
      short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short,
    isData: (first & 0x0f) < 8,
    isLast: (first & 0x80) !== 0,
  };
}
