import { say } from '../events.ts';
import type { LifeRow } from '../life-row.ts';
import { OPCODE } from '../websocket-frame.ts';
import { REPLACED, UNHARMED } from './life-promises.ts';

/** Codes that a peer must not send, and some that it may. */
const CODES = [0, 999, 1004, 1005, 1006, 1015, 2_999, 5_000, 65_535, 1000, 1001, 1012, 3_000, 4_999];

/** Lines of the table. */
const NO_CLOSE_FRAME = 'a connection that ends, is half closed or reset, without a close frame';
const CLOSE_FRAMES = 'close frames with an odd code, without one, or malformed';
const EVENTS_AROUND = 'events right before or after the close frame';

/** How a live socket can end. */
export const CLOSING_ROWS: readonly LifeRow[] = [
  {
    fault: 'a connection that ends without a close frame',
    line: NO_CLOSE_FRAME,
    inflict: ({ tls }) => void tls.end(),
    promise: REPLACED,
  },
  {
    fault: 'a connection whose peer has half closed it',
    line: NO_CLOSE_FRAME,
    inflict: ({ line }) => void line.end(),
    promise: REPLACED,
  },
  {
    fault: 'a TCP reset',
    line: NO_CLOSE_FRAME,
    inflict: ({ line }) => void setTimeout(() => line.reset(), 50),
    promise: REPLACED,
    // The acknowledgement may have been under way.
    acknowledges: 'any',
  },
  {
    fault: "a close handshake of the peer's that leaves TCP open",
    inflict(socket) {
      socket.answersClose = false;
      socket.close(1000, 'bye');
    },
    promise: REPLACED,
  },
  {
    fault: 'a close handshake of ours that is never answered',
    inflict(socket) {
      socket.answersClose = false;
    },
    promise: UNHARMED,
  },
  {
    fault: 'close frames with odd codes',
    line: CLOSE_FRAMES,
    slots: CODES.length,
    inflict: (socket, _kind, at) => socket.close(CODES[at] ?? 0),
    promise: REPLACED,
  },
  {
    fault: 'close frames without a code, of one byte, and with a reason that is not UTF-8',
    line: CLOSE_FRAMES,
    slots: 3,
    inflict: (socket, _kind, at) =>
      socket.frame(OPCODE.close, [Buffer.alloc(0), Buffer.from([3]), Buffer.from([3, 0xe8, 0xff, 0xfe])][at] ?? ''),
    promise: REPLACED,
  },
  {
    fault: 'events after the close frame',
    line: EVENTS_AROUND,
    inflict(socket, kind) {
      socket.answersClose = false;
      socket.close(1000);
      for (let n = 0; n < 100; n += 1) say(socket, kind, 'too late');
    },
    promise: REPLACED,
  },
  {
    fault: 'a hundred thousand bytes of events, then a close frame and the end',
    line: EVENTS_AROUND,
    inflict(socket, kind) {
      for (let n = 0; n < 500; n += 1) say(socket, kind, `event ${n}`);
      socket.close(1001);
      socket.tls.end();
    },
    promise: REPLACED,
    offers: () => ({ event: 500 }),
    // Those that were still to be acknowledged when TCP had ended come again, as Slack does it.
    acknowledges: 'any',
  },
];
