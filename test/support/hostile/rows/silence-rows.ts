import { acceptBytes, answerBytes } from '../http-bytes.ts';
import type { Row } from '../row.ts';
import { firstCall, firstUpgrade, isFirstToApi, isFirstToSocket, recovers, recoversUnspent } from './first-attempt.ts';

/** Time limits of the connector: the runtime's for a connection, ours for a call, for an upgrade, for hello. */
const CONNECT_MS = 11_000;
const CALL_MS = 12_000;
const UPGRADE_MS = 10_000;
const HELLO_MS = 10_000;
const LATE_MS = 5_000;

const silentApi = recovers(['SlackUnavailable'], { detectedWithinMs: CALL_MS + LATE_MS });
const silentUpgrade = recovers(['ConnectionLost'], { detectedWithinMs: UPGRADE_MS + LATE_MS });

/** Lines of the table. */
const API_TLS = 'API: no TLS, or a handshake of a byte a second';
const API_ANSWER = 'API: no answer, one of a byte a second, or one that never ends';
const SOCKET = 'websocket: no TLS, no answer to the upgrade, or either at a byte a second';

/** Nothing comes, or so slowly that it is as good as nothing. */
export const SILENCE_ROWS: readonly Row[] = [
  {
    fault: 'API: TCP accepted, but never TLS',
    line: API_TLS,
    script: () => ({ connected: (_line, of) => !isFirstToApi(of) }),
    promise: recoversUnspent(['SlackUnavailable'], { detectedWithinMs: CONNECT_MS + LATE_MS }),
  },
  {
    fault: 'API: TLS handshake of a byte a second',
    line: API_TLS,
    script: () => ({
      connected: (line, of) => {
        if (isFirstToApi(of)) line.trickle(1_000);
        return true;
      },
    }),
    promise: recoversUnspent(['SlackUnavailable'], { detectedWithinMs: CONNECT_MS + LATE_MS }),
  },
  {
    fault: 'API: no answer',
    line: API_ANSWER,
    script: () => ({ api: firstCall(() => undefined) }),
    promise: silentApi,
  },
  {
    fault: 'API: headers of a byte a second',
    line: API_ANSWER,
    script: () => ({ api: firstCall((call) => call.trickle(answerBytes({ body: call.granted() }))) }),
    promise: silentApi,
  },
  {
    fault: 'API: a body of a byte a second',
    line: API_ANSWER,
    script: () => ({
      api: firstCall((call) => {
        const answer = answerBytes({ body: call.granted() });
        const end = answer.indexOf('\r\n\r\n') + 4;
        call.write(answer.slice(0, end));
        call.trickle(answer.slice(end));
      }),
    }),
    promise: silentApi,
  },
  {
    fault: 'API: a chunked body that never ends',
    line: API_ANSWER,
    script: () => ({
      api: firstCall((call) => {
        call.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n');
        call.pour('1\r\n \r\n', 200);
      }),
    }),
    promise: silentApi,
  },
  {
    fault: 'websocket: TCP accepted, but never TLS',
    line: SOCKET,
    script: () => ({ connected: (_line, of) => !isFirstToSocket(of) }),
    promise: silentUpgrade,
  },
  {
    fault: 'websocket: TLS handshake of a byte a second',
    line: SOCKET,
    script: () => ({
      connected: (line, of) => {
        if (isFirstToSocket(of)) line.trickle(1_000);
        return true;
      },
    }),
    promise: silentUpgrade,
  },
  {
    fault: 'upgrade: no answer',
    line: SOCKET,
    script: () => ({ upgrade: firstUpgrade(() => undefined) }),
    promise: silentUpgrade,
  },
  {
    fault: 'upgrade: an answer of a byte a second',
    line: SOCKET,
    script: () => ({ upgrade: firstUpgrade((call) => call.trickle(acceptBytes(call.key))) }),
    promise: silentUpgrade,
  },
  {
    fault: 'an open websocket without hello',
    script: () => ({ upgrade: firstUpgrade((call) => call.accept()) }),
    promise: recovers(['HelloTimeout'], { detectedWithinMs: HELLO_MS + LATE_MS }),
  },
  {
    fault: 'a live websocket whose packets vanish, both ways',
    script: () => ({
      live: ({ nth, line, slack }) => {
        if (nth > 1) return;
        // After the hello has left.
        setTimeout(() => {
          slack.faultBegins();
          line.swallow();
        }, 100);
      },
    }),
    // 10 s, unless the process gets no CPU: then it forgives the silence that it may have caused itself.
    promise: recovers(['ConnectionLost'], { detectedWithinMs: 30_000 }),
  },
];
