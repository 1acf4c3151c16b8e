import type { HostileCertificates } from '../certificates.ts';
import type { Row } from '../row.ts';
import { isFirstToApi, isFirstToSocket, recovers, recoversUnspent } from './first-attempt.ts';

const WRONG = [
  ['expired', 'an expired certificate'],
  ['otherName', 'a certificate for another name'],
  ['unknownCA', 'a certificate by an unknown CA'],
  ['selfSigned', 'a self-signed certificate'],
] as const satisfies readonly (readonly [keyof HostileCertificates, string])[];

const NOT_SLACK = 'a certificate that is expired, for another name, by an unknown CA or self-signed; or no TLS';

/** Whoever answers is not Slack, as far as TLS can tell. */
export const TLS_ROWS: readonly Row[] = [
  ...WRONG.flatMap(([name, words]): Row[] => [
    {
      fault: `API: ${words}`,
      line: `API: ${NOT_SLACK}`,
      script: (certificates) => ({ certificate: (of) => (isFirstToApi(of) ? certificates[name] : undefined) }),
      promise: recoversUnspent(['SlackUnavailable']),
    },
    {
      fault: `websocket: ${words}`,
      line: `websocket: ${NOT_SLACK}`,
      script: (certificates) => ({ certificate: (of) => (isFirstToSocket(of) ? certificates[name] : undefined) }),
      promise: recovers(['ConnectionLost']),
    },
  ]),
  {
    fault: 'API: plain HTTP where TLS should be',
    line: `API: ${NOT_SLACK}`,
    script: () => ({
      connected: (line, of) => {
        if (!isFirstToApi(of)) return true;
        line.end('HTTP/1.1 400 Bad Request\r\n\r\n');
        return false;
      },
    }),
    promise: recoversUnspent(['SlackUnavailable']),
  },
  {
    fault: 'websocket: plain HTTP where TLS should be',
    line: `websocket: ${NOT_SLACK}`,
    script: () => ({
      connected: (line, of) => {
        if (!isFirstToSocket(of)) return true;
        line.end('HTTP/1.1 400 Bad Request\r\n\r\n');
        return false;
      },
    }),
    promise: recovers(['ConnectionLost']),
  },
];
