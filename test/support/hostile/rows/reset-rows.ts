import type { Connection, SlackScript } from '../hostile-slack.ts';
import { acceptBytes, answerBytes } from '../http-bytes.ts';
import type { Row } from '../row.ts';
import { isAppToken } from '../subject-names.ts';
import { firstCall, firstUpgrade, recovers, recoversUnspent } from './first-attempt.ts';

/** Gives each slot a number of bytes: all even ones to those of RTM, all odd ones to those of Socket Mode. */
function spreading(): (token: string) => number {
  const numbers = new Map<string, number>();
  return (token) => {
    const number = numbers.get(token) ?? numbers.size * 2 + (isAppToken(token) ? 1 : 0);
    numbers.set(token, number);
    return number;
  };
}

/** The answer to an upgrade always has this length. */
const UPGRADE_BYTES = acceptBytes('').length;
/** An answer of the API, filled up so that all have the same length. */
const apiAnswer = (body: string): string => answerBytes({ body: body.padEnd(181) });
const API_BYTES = apiAnswer('').length;
/** Of what a server says in a TLS handshake (about 900 bytes): borders of records and messages. No more than begin at once. */
const TLS_OFFSETS = [0, 1, 4, 5, 6, 9, 80, 127, 128, 133, 140, 300, 500, 700];

const resetInHandshake = (isMeant: (of: Connection) => boolean) => (): SlackScript => ({
  connected: (line, of) => {
    const bytes = isMeant(of) ? TLS_OFFSETS[of.nth - 1] : undefined;
    if (bytes === 0) setImmediate(() => line.reset());
    else if (bytes !== undefined) line.limit(bytes, () => setTimeout(() => line.reset(), 15));
    return true;
  },
});

/** Hundreds of TLS handshakes within seconds make each other late. */
const MANY = { detectedWithinMs: 15_000, recoveredWithinMs: 20_000 };

/** Connections that are reset: each slot of a row another byte further. */
export const RESET_ROWS: readonly Row[] = [
  {
    fault: `API: reset in the TLS handshake, after ${TLS_OFFSETS.length} different numbers of bytes`,
    slots: TLS_OFFSETS.length,
    script: resetInHandshake(({ isSocket }) => !isSocket),
    promise: recoversUnspent(['SlackUnavailable'], { ...MANY, recoveredWithinMs: 9_500 }),
  },
  {
    fault: 'API: reset after each byte of the answer',
    slots: Math.ceil(API_BYTES / 2),
    script: () => {
      const bytesOf = spreading();
      return {
        api: firstCall((call) =>
          call.resetAfter(Buffer.from(apiAnswer(call.granted())).subarray(0, bytesOf(call.token))),
        ),
      };
    },
    promise: recovers(['SlackUnavailable'], MANY),
  },
  {
    fault: `websocket: reset in the TLS handshake, after ${TLS_OFFSETS.length} different numbers of bytes`,
    slots: TLS_OFFSETS.length,
    script: resetInHandshake(({ isSocket }) => isSocket),
    promise: recovers(['ConnectionLost'], MANY),
  },
  {
    fault: 'upgrade: reset after each byte of the answer',
    slots: Math.ceil(UPGRADE_BYTES / 2),
    script: () => {
      const bytesOf = spreading();
      return {
        upgrade: firstUpgrade((call) =>
          call.resetAfter(Buffer.from(acceptBytes(call.key)).subarray(0, bytesOf(call.token))),
        ),
      };
    },
    promise: recovers(['ConnectionLost'], MANY),
  },
];
