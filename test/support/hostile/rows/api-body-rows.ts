import { gzipSync } from 'node:zlib';
import { HTML } from '../http-bytes.ts';
import type { Promised, Row } from '../row.ts';
import type { ApiCall } from '../slack-call.ts';
import { firstCall, HARMLESS, recovers, waitsFor } from './first-attempt.ts';

const api = (fault: string, answer: (call: ApiCall) => void, promise: Promised, line?: string): Row => ({
  fault: `API: ${fault}`,
  ...(line === undefined ? {} : { line: `API: ${line}` }),
  script: () => ({ api: firstCall(answer) }),
  promise,
});

/** Lines of the table. */
const NO_ANSWER = "200 with a body that is no answer of Slack's";
const TOO_LARGE = 'a body too large: 3 MB, 1 TB announced, 50 KB of gzip that become 50 MB';
const BROKEN = 'HTTP that is broken, or ends early';
const ODD = 'early hints first, or an answer in chunks of one byte';

const body = (fault: string, text: string): Row =>
  api(`200 with ${fault}`, (call) => call.json(text), recovers(['SlackAnswerUnreadable']), NO_ANSWER);

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
const keptAnswer = (body: string): string =>
  `${HEAD}content-length: ${Buffer.byteLength(body)}\r\nconnection: keep-alive\r\n\r\n${body}`;
/** Larger than any answer of Slack's, of which a megabyte is read. */
const HUGE_BYTES = 3 * 1_048_576;

/** Answers of the API that are not Slack's, or not whole. */
export const API_BODY_ROWS: readonly Row[] = [
  body('no body', ''),
  body('a page of HTML', HTML),
  body('JSON that ends early', '{"ok":true,"url":"wss'),
  body('null', 'null'),
  body('a list', '[{"ok":true}]'),
  body('an empty object', '{}'),
  body('ok as a text', '{"ok":"true"}'),
  body('ok:false without an error', '{"ok":false}'),
  body('ok:false and an error that is no text', '{"ok":false,"error":{"code":1}}'),
  body('nesting of 100,000 levels', '['.repeat(100_000)),
  api('ok:false, internal_error', (call) => call.refuse('internal_error'), recovers(['SlackUnavailable'])),
  api('ok:false, an unknown error', (call) => call.refuse('the_moon_is_down'), recovers(['SlackUnavailable'])),
  api('ok:false, ratelimited', (call) => call.refuse('ratelimited'), waitsFor(['RateLimited'], 30_000)),
  api(
    'ok:false, migration_in_progress',
    (call) => call.refuse('migration_in_progress'),
    recovers(['MigrationInProgress']),
  ),
  api('a body of 3 MB', (call) => call.json(' '.repeat(HUGE_BYTES)), recovers(['SlackAnswerUnreadable']), TOO_LARGE),
  api(
    'a body that claims to be of 1 TB, pouring in',
    (call) => {
      call.write(`${HEAD}content-length: 1000000000000\r\n\r\n`);
      call.pour(' '.repeat(65_536), 5);
    },
    recovers(['SlackAnswerUnreadable']),
    TOO_LARGE,
  ),
  api(
    'a gzip bomb: 50 KB that become 50 MB',
    (call) => {
      const bomb = gzipSync(Buffer.alloc(50 * 1_048_576));
      call.write(`${HEAD}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
      call.write(bomb);
    },
    recovers(['SlackAnswerUnreadable']),
    TOO_LARGE,
  ),
  api(
    'gzip that is none',
    (call) => {
      const bytes = 'this is not gzip';
      call.write(
        `${HEAD}content-encoding: gzip\r\nconnection: close\r\ncontent-length: ${bytes.length}\r\n\r\n${bytes}`,
      );
    },
    recovers(['SlackAnswerUnreadable']),
    BROKEN,
  ),
  api(
    'a body that ends before its length',
    (call) => {
      call.write(`${HEAD}content-length: 5000\r\n\r\n${call.granted()}`);
      call.tls.end();
    },
    recovers(['SlackUnavailable']),
    BROKEN,
  ),
  api(
    'a broken chunk',
    (call) => call.write(`${HEAD}transfer-encoding: chunked\r\n\r\nnot a length\r\n`),
    recovers(['SlackUnavailable']),
    BROKEN,
  ),
  api(
    'a header line of 100 KB',
    (call) => call.write(`${HEAD}x-long: ${'x'.repeat(100_000)}\r\n\r\n`),
    recovers(['SlackUnavailable']),
    BROKEN,
  ),
  api(
    'bytes that are not HTTP',
    (call) => call.write('SSH-2.0-OpenSSH_9.6\r\n'),
    recovers(['SlackUnavailable']),
    BROKEN,
  ),
  {
    fault: 'API: the connection is kept, and reset under the next call',
    // A call within 4 s of the other, over the same connection.
    transports: ['socketMode'],
    script: () => ({
      api: (call) => {
        if (call.nth === 1) call.write(keptAnswer(call.granted()));
        else if (call.nth === 2) call.resetAfter(Buffer.alloc(0));
        else call.grant();
      },
      upgrade: (call) => {
        if (call.slack.calls(call.token) === 1) call.tls.end();
        else call.greet();
      },
    }),
    promise: recovers(['ConnectionLost'], { mostCalls: 3 }),
  },
  api('closed instead of an answer', (call) => call.tls.end(), recovers(['SlackUnavailable']), BROKEN),
  api(
    'early hints before the answer',
    (call) => {
      call.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n');
      call.grant();
    },
    HARMLESS,
    ODD,
  ),
  api(
    'an answer in chunks of one byte',
    (call) => {
      const chunks = [...Buffer.from(call.granted()).toString('latin1')].map((byte) => `1\r\n${byte}\r\n`);
      call.write(`${HEAD}transfer-encoding: chunked\r\nconnection: close\r\n\r\n`);
      for (const chunk of chunks) call.write(chunk);
      call.tls.end('0\r\n\r\n');
    },
    HARMLESS,
    ODD,
  ),
];
