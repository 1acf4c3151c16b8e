import { acceptBytes } from '../http-bytes.ts';
import type { Promised, Row } from '../row.ts';
import type { UpgradeCall } from '../slack-call.ts';
import { frameBytes, OPCODE } from '../websocket-frame.ts';
import { firstUpgrade, HARMLESS, recovers } from './first-attempt.ts';

const LOST = recovers(['ConnectionLost']);
const REFUSED = recovers(['ConnectionRefused']);

/** Lines of the table. */
const UNACCEPTABLE = 'an answer that RFC 6455 does not accept, or none';
const ODD = 'early hints first, or accepted byte by byte';

const upgrade = (
  fault: string,
  answer: (call: UpgradeCall) => void,
  promise: Promised = LOST,
  line = UNACCEPTABLE,
): Row => ({
  fault: `upgrade: ${fault}`,
  line: `upgrade: ${line}`,
  script: () => ({ upgrade: firstUpgrade(answer) }),
  promise,
});

/** An answer that is followed by a proper hello, in vain. */
const answered = (fault: string, headers: Readonly<Record<string, string | undefined>>): Row =>
  upgrade(fault, (call) => {
    call.accept(headers);
    call.socket.hello();
  });

/** Answers to the upgrade that are no acceptance by RFC 6455, 4.1. */
export const UPGRADE_ROWS: readonly Row[] = [
  answered('a wrong Sec-WebSocket-Accept', { 'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }),
  answered('no Sec-WebSocket-Accept', { 'Sec-WebSocket-Accept': undefined }),
  answered('Upgrade to something else', { Upgrade: 'h2c' }),
  answered('an extension that was not asked for', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }),
  answered('a subprotocol that was not asked for', { 'Sec-WebSocket-Protocol': 'mqtt' }),
  answered('a header line of 100 KB', { 'X-Long': 'x'.repeat(100_000) }),
  answered('10,000 header lines', Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`X-${n}`, 'x']))),
  // Without either of them, 101 is a status like any other.
  upgrade('no Upgrade header', (call) => call.accept({ Upgrade: undefined }), REFUSED),
  upgrade('no Connection header', (call) => call.accept({ Connection: undefined }), REFUSED),
  upgrade('bytes that are not HTTP', (call) => call.write('SSH-2.0-OpenSSH_9.6\r\n')),
  upgrade('closed without an answer', (call) => call.tls.end()),
  upgrade(
    'HTTP 200 with a body that never ends',
    (call) => {
      call.write('HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ntransfer-encoding: chunked\r\n\r\n');
      call.pour('1\r\n \r\n', 200);
    },
    REFUSED,
  ),
  upgrade(
    'early hints before the acceptance',
    (call) => {
      call.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n');
      call.greet();
    },
    HARMLESS,
    ODD,
  ),
  upgrade(
    'accepted byte by byte, hello and all',
    (call) => {
      const hello = frameBytes(OPCODE.text, '{"type":"hello"}').toString('latin1');
      for (const byte of acceptBytes(call.key) + hello) call.write(Buffer.from(byte, 'latin1'));
    },
    HARMLESS,
    ODD,
  ),
];
