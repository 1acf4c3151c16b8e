import type { Row } from '../row.ts';
import type { ApiCall } from '../slack-call.ts';
import { firstCall, firstUpgrade, recovers } from './first-attempt.ts';

const unreadable = (words: string, url: (call: ApiCall) => string): Row => ({
  fault: `URL: ${words}`,
  line: 'URL: not one of a websocket over TLS',
  script: () => ({ api: firstCall((call) => call.grant(url(call))) }),
  promise: recovers(['SlackAnswerUnreadable']),
});

const undialable = (words: string, url: (call: ApiCall) => string): Row => ({
  fault: `URL: ${words}`,
  line: 'URL: no such host, a closed port, a fragment',
  script: () => ({ api: firstCall((call) => call.grant(url(call))) }),
  promise: recovers(['ConnectionLost']),
});

const withScheme = (scheme: string) => (call: ApiCall) => call.socketUrl.replace('wss:', scheme);

/** URLs of websockets that are none, or can't be used. */
export const URL_ROWS: readonly Row[] = [
  unreadable('of http:', withScheme('http:')),
  unreadable('of https:', withScheme('https:')),
  unreadable('of ws:, from an API over TLS', withScheme('ws:')),
  unreadable('of file:', () => 'file:///etc/passwd'),
  unreadable('empty', () => ''),
  unreadable('not a URL', () => 'the socket is over there'),
  unreadable('a port that can not be', () => 'wss://127.0.0.1:99999/'),
  undialable('a host that does not exist', () => 'wss://no-such-host.slack.test/link/s3cr3t?ticket=s3cr3t'),
  undialable('a port that is closed', () => 'wss://127.0.0.1:1/link/s3cr3t?ticket=s3cr3t'),
  undialable('with a fragment', (call) => `${call.socketUrl}#fragment`),
  {
    fault: 'URL: expired (error frame, code 1)',
    script: () => ({
      upgrade: firstUpgrade((call) => {
        call.accept();
        call.socket.text('{"type":"error","error":{"code":1,"msg":"Socket URL has expired"}}');
      }),
    }),
    transports: ['rtm'],
    promise: recovers(['ConnectionRefused']),
  },
];
