import { message, messageText, say, wrapped } from '../events.ts';
import type { HostileSocket } from '../hostile-socket.ts';
import type { LifePromise, LifeRow } from '../life-row.ts';
import type { SubjectKind } from '../subject-names.ts';
import { frameBytes, OPCODE } from '../websocket-frame.ts';
import { REPLACED, UNHARMED } from './life-promises.ts';

/** 10 s, unless the process gets no CPU: then it forgives the silence that it may have caused itself. */
const SILENT: LifePromise = { kind: 'replaced', reasons: ['ConnectionLost'], detectedWithinMs: 30_000 };

const text = (kind: SubjectKind, token: string, event: string, n: number): string =>
  wrapped(kind, token, event, `odd-${n}`);

/** A message with one more field, written by hand. @param more JSON of its value */
const withField = (more: string): string => `${JSON.stringify(message('odd')).slice(0, -1)},"odd":${more}}`;

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

const inFragments = (payload: Buffer, bytes: number): Buffer[] =>
  Array.from({ length: Math.ceil(payload.length / bytes) }, (_, at) => {
    const fin = (at + 1) * bytes >= payload.length;
    const opcode = at === 0 ? OPCODE.text : OPCODE.continuation;
    return frameBytes(opcode, payload.subarray(at * bytes, (at + 1) * bytes), { fin });
  });

/** What RFC 6455 forbids. */
const VIOLATIONS: readonly Buffer[] = [
  frameBytes(OPCODE.text, 'x', { rsv: 4 }),
  frameBytes(OPCODE.text, 'x', { rsv: 2 }),
  frameBytes(OPCODE.text, 'x', { rsv: 1 }),
  frameBytes(3, 'x'),
  frameBytes(11, 'x'),
  frameBytes(OPCODE.text, 'x', { mask: Buffer.from([1, 2, 3, 4]) }),
  frameBytes(OPCODE.ping, 'x', { fin: false }),
  frameBytes(OPCODE.ping, 'x'.repeat(126)),
  frameBytes(OPCODE.close, '', { fin: false }),
  frameBytes(OPCODE.continuation, 'x'),
  Buffer.concat([frameBytes(OPCODE.text, 'x', { fin: false }), frameBytes(OPCODE.text, 'x')]),
];

/** So many times, or until the socket has ended. */
const sendsEvery = (socket: HostileSocket, everyMs: number, times: number, send: (n: number) => void): Promise<void> =>
  new Promise((resolve) => {
    let sent = 0;
    const end = (): void => {
      clearInterval(timer);
      resolve();
    };
    const timer = setInterval(() => {
      send(sent);
      sent += 1;
      if (sent === times) end();
    }, everyMs);
    socket.line.on('close', end);
  });

/** Until the socket has ended. */
const sendsOn = (socket: HostileSocket, everyMs: number, send: () => void): void => {
  const timer = setInterval(send, everyMs);
  socket.line.on('close', () => clearInterval(timer));
};

/** Lines of the table. */
const FORBIDDEN = 'frames that the protocol forbids, or that announce 2^62 bytes and more';
const STORMS = '10,000 pings or pongs a second, of whatever size';
const UNANSWERED = 'a peer that sends pings or pongs, and answers nothing';
const FRAGMENTS = 'an event in thousands of fragments, or with pings between them';
const LARGE = 'an event of 1.1 MB or 10 MB';
const ODD_TEXTS = 'texts that are no events, not UTF-8 or absurd JSON; binary frames';

/** Over RTM no answer to a ping of ours can come between fragments, so the peer is given up for that. */
const NO_DEADLINE: NonNullable<LifeRow['notOnBun']> = {
  transport: 'socketMode',
  why: 'its websockets show no frames, so no deadline for a message in fragments can be kept (message-deadline.ts)',
};

/** What can come over a live socket, one frame after the other. */
export const FRAME_ROWS: readonly LifeRow[] = [
  {
    fault: 'frames that the protocol forbids',
    line: FORBIDDEN,
    slots: VIOLATIONS.length,
    inflict: (socket, _kind, at) => socket.raw(VIOLATIONS[at] ?? Buffer.alloc(0)),
    promise: REPLACED,
  },
  {
    fault: 'headers that announce 2^62 bytes and more',
    line: FORBIDDEN,
    slots: 3,
    inflict: (socket, _kind, at) =>
      socket.frame(OPCODE.text, 'x', { claimedBytes: [2n ** 62n, 2n ** 64n - 1n, 2n ** 53n][at] ?? 0n }),
    promise: REPLACED,
    // It may have been an event.
    offers: () => ({ tooLarge: 1 }),
  },
  {
    fault: '10,000 pings a second for three seconds',
    line: STORMS,
    async inflict(socket, kind) {
      const pings = Buffer.concat(Array.from({ length: 100 }, (_, n) => frameBytes(OPCODE.ping, `storm ${n}`)));
      await sendsEvery(socket, 10, 300, (n) => {
        socket.raw(pings);
        if (n < 50) say(socket, kind, `event ${n}`);
      });
    },
    promise: UNHARMED,
    offers: () => ({ event: 50 }),
  },
  {
    fault: '10,000 pongs a second for three seconds',
    line: STORMS,
    async inflict(socket) {
      const pongs = Buffer.concat(Array.from({ length: 100 }, (_, n) => frameBytes(OPCODE.pong, `storm ${n}`)));
      await sendsEvery(socket, 10, 300, () => socket.raw(pongs));
    },
    promise: UNHARMED,
  },
  {
    fault: 'pings of 125 bytes, and of none',
    line: STORMS,
    async inflict(socket) {
      const sizes = [125, 0, 1, 125];
      await sendsEvery(socket, 50, 10, (n) => socket.frame(OPCODE.ping, 'p'.repeat(sizes[n % sizes.length] ?? 0)));
    },
    promise: UNHARMED,
  },
  {
    fault: 'a peer that pings and answers nothing',
    line: UNANSWERED,
    inflict(socket) {
      socket.answersPings = false;
      sendsOn(socket, 500, () => socket.frame(OPCODE.ping, 'are you there'));
    },
    promise: SILENT,
  },
  {
    fault: 'a peer that sends pongs that nobody asked for, and answers nothing',
    line: UNANSWERED,
    inflict(socket) {
      socket.answersPings = false;
      sendsOn(socket, 500, () => socket.frame(OPCODE.pong, 'I am here'));
    },
    promise: SILENT,
  },
  {
    fault: 'an event in fragments of one byte, with a ping after each',
    line: FRAGMENTS,
    inflict(socket, kind) {
      const ping = frameBytes(OPCODE.ping, 'between');
      const fragments = inFragments(Buffer.from(messageText(socket, kind, 'in pieces, ä€😀')), 1);
      socket.raw(Buffer.concat(fragments.flatMap((fragment) => [fragment, ping]).slice(0, -1)));
    },
    promise: UNHARMED,
    offers: () => ({ event: 1 }),
  },
  {
    fault: 'an event in ten thousand fragments',
    line: FRAGMENTS,
    inflict(socket, kind) {
      const fragments = inFragments(Buffer.from(messageText(socket, kind, 'x'.repeat(9_600))), 1);
      for (let at = 0; at < fragments.length; at += 100) socket.raw(Buffer.concat(fragments.slice(at, at + 100)));
    },
    promise: UNHARMED,
    offers: () => ({ event: 1 }),
  },
  {
    fault: 'fragments of one byte without end',
    inflict(socket) {
      socket.frame(OPCODE.text, '{', { fin: false });
      const fragments = Buffer.concat(
        Array.from({ length: 100 }, () => frameBytes(OPCODE.continuation, ' ', { fin: false })),
      );
      sendsOn(socket, 10, () => socket.raw(fragments));
    },
    promise: SILENT,
    notOnBun: NO_DEADLINE,
  },
  {
    fault: 'a fragment that never ends, while pings are answered',
    inflict: (socket) => socket.frame(OPCODE.text, '{"type":', { fin: false }),
    promise: { ...SILENT, detectedWithinMs: 22_000 },
    notOnBun: NO_DEADLINE,
  },
  {
    fault: 'a frame that comes byte by byte',
    inflict(socket) {
      socket.raw(frameBytes(OPCODE.text, '{', { claimedBytes: 1_000_000n }));
      sendsOn(socket, 500, () => socket.raw(Buffer.from(' ')));
    },
    promise: SILENT,
  },
  {
    fault: 'an event of 1.1 MB',
    line: LARGE,
    inflict: (socket, kind) => say(socket, kind, 'x'.repeat(1_100_000)),
    promise: UNHARMED,
    offers: () => ({ event: 1 }),
  },
  {
    fault: 'an event of 10 MB',
    line: LARGE,
    inflict: (socket, kind) => say(socket, kind, 'x'.repeat(10_000_000)),
    promise: UNHARMED,
    offers: () => ({ tooLarge: 1 }),
    acknowledges: 1,
  },
  {
    fault: 'an event of 17 MB',
    inflict: (socket, kind) => say(socket, kind, 'x'.repeat(17_000_000)),
    promise: REPLACED,
    offers: () => ({ tooLarge: 1 }),
  },
  {
    fault: 'an event that is not UTF-8',
    line: ODD_TEXTS,
    inflict(socket, kind) {
      const [before, after] = messageText(socket, kind, '\u0001cut\u0001').split('\\u0001cut\\u0001');
      socket.frame(
        OPCODE.text,
        Buffer.concat([Buffer.from(before ?? ''), Buffer.from([0xc3, 0x28]), Buffer.from(after ?? '')]),
      );
    },
    promise: UNHARMED,
    offers: () => ({ malformed: 1 }),
    acknowledges: 1,
  },
  {
    fault: 'binary frames',
    line: ODD_TEXTS,
    inflict(socket) {
      for (let n = 0; n < 100; n += 1) socket.frame(OPCODE.binary, Buffer.alloc(n));
    },
    promise: UNHARMED,
  },
  {
    fault: '10,000 empty texts',
    line: ODD_TEXTS,
    inflict(socket) {
      const empty = Buffer.concat(Array.from({ length: 100 }, () => frameBytes(OPCODE.text)));
      for (let n = 0; n < 100; n += 1) socket.raw(empty);
    },
    promise: UNHARMED,
    offers: () => ({ malformed: 10_000 }),
  },
  {
    fault: 'texts that are no events: NUL bytes, HTML, bare values',
    line: ODD_TEXTS,
    inflict(socket) {
      for (const each of ['\0\0\0', '<html>', 'null', '[]', '"x"', '1e999', '{', '{}', 'true']) socket.text(each);
    },
    promise: UNHARMED,
    offers: () => ({ malformed: 9 }),
  },
  {
    fault: 'events with numbers beyond all measure, lone surrogates, NUL and keys twice',
    line: ODD_TEXTS,
    inflict(socket, kind) {
      const odd = [
        '1e999',
        '-1e999',
        `${'9'.repeat(400)}`,
        '"\\ud800"',
        '"\\u0000"',
        '{"a":1,"a":2}',
        '{"__proto__":{"x":1}}',
      ];
      for (const [n, field] of odd.entries()) socket.text(text(kind, socket.token, withField(field), n));
    },
    promise: UNHARMED,
    offers: () => ({ event: 7 }),
  },
  {
    fault: 'JSON of 100,000 levels: as an event, inside one, and around one',
    line: ODD_TEXTS,
    inflict(socket, kind) {
      socket.text(text(kind, socket.token, withField(nested(100_000)), 1));
      socket.text(nested(100_000));
      const attachments = `${JSON.stringify(message('odd')).slice(0, -1)},"attachments":${nested(100_000)},"blocks":${nested(100_000)}}`;
      socket.text(text(kind, socket.token, attachments, 2));
      if (kind === 'rtm') return;
      socket.text(`{"deep":${nested(100_000)},${messageText(socket, kind, 'inside').slice(1)}`);
    },
    promise: UNHARMED,
    offers: (kind) => ({ event: kind === 'rtm' ? 2 : 3, malformed: 1 }),
  },
  {
    fault: 'a peer that reads nothing, while events come',
    inflict(socket, kind) {
      socket.tls.pause();
      for (let n = 0; n < 1_000; n += 1) say(socket, kind, `event ${n}`);
    },
    promise: SILENT,
    offers: () => ({ event: 1_000 }),
    acknowledges: 'any',
  },
];
