import type { TLSSocket } from 'node:tls';
import type { HostileSlack } from './hostile-slack.ts';
import type { Line } from './line.ts';
import { appIDOf, isAppToken } from './subject-names.ts';
import {
  type ClientFrame,
  closePayload,
  type FrameOptions,
  FrameReader,
  frameBytes,
  OPCODE,
} from './websocket-frame.ts';

/** Slack's end of a websocket: does what Slack does until a script forbids it. */
export class HostileSocket {
  readonly line: Line;
  readonly tls: TLSSocket;
  readonly slack: HostileSlack;
  readonly token: string;
  /** Of the sockets with this token, from 1. */
  readonly nth: number;
  /** What the client sent, in order. */
  readonly frames: ClientFrame[] = [];
  readonly #reader = new FrameReader();
  /** Whether pings, of text and of the protocol, are answered. */
  answersPings = true;
  /** Whether a close frame is answered, and TCP ended after it. */
  answersClose = true;
  /** Takes a frame in place of the proper answer to it. @returns true: answer properly */
  onFrame: ((frame: ClientFrame) => boolean) | undefined;

  constructor(parts: { line: Line; tls: TLSSocket; slack: HostileSlack; token: string; nth: number }) {
    this.line = parts.line;
    this.tls = parts.tls;
    this.slack = parts.slack;
    this.token = parts.token;
    this.nth = parts.nth;
  }

  hello(more: Readonly<Record<string, unknown>> = {}): void {
    const about = isAppToken(this.token) ? { connection_info: { app_id: appIDOf(this.token) } } : {};
    this.text(JSON.stringify({ type: 'hello', ...about, ...more }));
  }

  text(text: string): void {
    this.frame(OPCODE.text, text);
  }

  frame(opcode: number, payload: Buffer | string = '', options: FrameOptions = {}): void {
    this.raw(frameBytes(opcode, payload, options));
  }

  close(code: number, reason: Buffer | string = ''): void {
    this.frame(OPCODE.close, closePayload(code, reason));
  }

  raw(bytes: Buffer): void {
    if (!this.tls.destroyed) this.tls.write(bytes);
  }

  /** Bytes that came after the upgrade. */
  received(chunk: Buffer): void {
    for (const frame of this.#reader.read(chunk)) {
      this.frames.push(frame);
      if (this.onFrame === undefined || this.onFrame(frame)) this.#answer(frame);
    }
  }

  #answer({ opcode, payload }: ClientFrame): void {
    if (opcode === OPCODE.ping && this.answersPings) this.frame(OPCODE.pong, payload);
    if (opcode === OPCODE.close && this.answersClose) {
      this.frame(OPCODE.close, payload);
      this.tls.end();
    }
    if (opcode !== OPCODE.text || !this.answersPings) return;
    const { type, id } = JSON.parse(payload.toString()) as { type?: string; id?: number };
    if (type === 'ping') this.text(JSON.stringify({ type: 'pong', reply_to: id }));
  }
}
