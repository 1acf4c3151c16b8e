import { say } from '../events.ts';
import type { LifePromise, LifeRow } from '../life-row.ts';
import { OPCODE } from '../websocket-frame.ts';

/** The close handshake of a socket takes a second at most, whoever does not end it. */
const closed = (detectedWithinMs = 2_500): LifePromise => ({
  kind: 'replaced',
  reasons: ['ConnectionLost'],
  detectedWithinMs,
});

/** Codes that a peer must not send, and some that it may. */
const CODES = [0, 999, 1004, 1005, 1006, 1015, 2_999, 5_000, 65_535, 1000, 1001, 1012, 3_000, 4_999];

/** How a live socket can end. */
export const CLOSING_ROWS: readonly LifeRow[] = [
  {
    fault: 'a connection that ends without a close frame',
    inflict: ({ tls }) => void tls.end(),
    promise: closed(),
  },
  {
    fault: 'a connection whose peer has half closed it',
    inflict: ({ line }) => void line.end(),
    promise: closed(),
  },
  {
    fault: 'a TCP reset',
    inflict: ({ line }) => void setTimeout(() => line.reset(), 50),
    promise: closed(),
    // The acknowledgement may have been under way.
    acknowledges: 'any',
  },
  {
    fault: "a close handshake of the peer's that leaves TCP open",
    inflict(socket) {
      socket.answersClose = false;
      socket.close(1000, 'bye');
    },
    promise: closed(),
  },
  {
    fault: 'a close handshake of ours that is never answered',
    inflict(socket) {
      socket.answersClose = false;
    },
    promise: { kind: 'unharmed' },
  },
  {
    fault: 'close frames with odd codes',
    slots: CODES.length,
    inflict: (socket, _kind, at) => socket.close(CODES[at] ?? 0),
    promise: closed(),
  },
  {
    fault: 'close frames without a code, of one byte, and with a reason that is not UTF-8',
    slots: 3,
    inflict: (socket, _kind, at) =>
      socket.frame(OPCODE.close, [Buffer.alloc(0), Buffer.from([3]), Buffer.from([3, 0xe8, 0xff, 0xfe])][at] ?? ''),
    promise: closed(),
  },
  {
    fault: 'events after the close frame',
    inflict(socket, kind) {
      socket.answersClose = false;
      socket.close(1000);
      for (let n = 0; n < 100; n += 1) say(socket, kind, 'too late');
    },
    promise: closed(),
  },
  {
    fault: 'a hundred thousand bytes of events, then a close frame and the end',
    inflict(socket, kind) {
      for (let n = 0; n < 500; n += 1) say(socket, kind, `event ${n}`);
      socket.close(1001);
      socket.tls.end();
    },
    promise: closed(),
    offers: () => ({ event: 500 }),
    // Those that were still to be acknowledged when TCP had ended come again, as Slack does it.
    acknowledges: 'any',
  },
];
