/** What the package `ws` gives of a frame, under Node and under Bun. */

import { isUtf8 } from 'node:buffer';
import type { RawData } from 'ws';
import { EDGE_BYTES } from './socket.ts';

/** Bun gives a string only after it has validated it. */
export function isText(data: RawData | string): boolean {
  if (typeof data === 'string') return true;
  return isUtf8(bufferOf(data));
}

/** Bun gives a string where Node gives a Buffer. */
export function textOf(data: RawData | string): string {
  return typeof data === 'string' ? data : bufferOf(data).toString();
}

export function edgesOf(data: RawData | string): string {
  const bytes = typeof data === 'string' ? Buffer.from(data) : bufferOf(data);
  return (
    bytes.toString('latin1', 0, EDGE_BYTES) + bytes.toString('latin1', Math.max(EDGE_BYTES, bytes.length - EDGE_BYTES))
  );
}

function bufferOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

/** In UTF-8, a unit of a text takes three bytes at most, so that nearly no text needs to be measured. */
export function isLongerThan(bytes: number, data: RawData | string): boolean {
  if (typeof data === 'string' && data.length * 3 <= bytes) return false;
  return lengthOf(data) > bytes;
}

export function lengthOf(data: RawData | string): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  return Array.isArray(data) ? data.reduce((sum, part) => sum + part.byteLength, 0) : data.byteLength;
}
