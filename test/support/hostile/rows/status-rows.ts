import { HTML } from '../http-bytes.ts';
import type { Promised, Row } from '../row.ts';
import { firstCall, firstUpgrade, recovers, waitsFor } from './first-attempt.ts';

const REDIRECTS = [301, 302, 307];
const REFUSALS = [400, 401, 403, 404, 407, 409];
const FAILURES = [500, 502, 503, 504];
/** What the API's 429 costs that says not how long. */
const DEFAULT_RETRY_AFTER_MS = 30_000;

const headersOf = (status: number): Record<string, string> => ({
  'content-type': 'text/html',
  ...(REDIRECTS.includes(status) ? { location: 'https://127.0.0.1:1/elsewhere' } : {}),
});

function apiPromise(status: number): Promised {
  if (status === 429) return waitsFor(['RateLimited'], DEFAULT_RETRY_AFTER_MS);
  if (status >= 500) return recovers(['SlackUnavailable']);
  return recovers(['SlackAnswerUnreadable']);
}

/** The statuses of its kind, which share a line of the table. */
const statusesLike = (status: number): string =>
  [REDIRECTS, REFUSALS, FAILURES].find((group) => group.includes(status))?.join(', ') ?? `${status}`;

const onApi = (status: number, body: string, what: string): Row => ({
  fault: `API: HTTP ${status}, ${what}`,
  line: `API: HTTP ${statusesLike(status)}`,
  script: () => ({ api: firstCall((call) => call.answer({ status, body, headers: headersOf(status) })) }),
  promise: apiPromise(status),
});

const onUpgrade = (status: number, body: string, what: string): Row => ({
  fault: `upgrade: HTTP ${status}, ${what}`,
  line: `upgrade: HTTP ${statusesLike(status)}`,
  script: () => ({ upgrade: firstUpgrade((call) => call.answer({ status, body, headers: headersOf(status) })) }),
  promise: recovers(['ConnectionRefused']),
});

const ALL = [...REDIRECTS, ...REFUSALS, 429, ...FAILURES];

/** Every status that a server or a proxy in between may give, instead of an answer of Slack's. */
export const STATUS_ROWS: readonly Row[] = [
  ...ALL.map((status) => onApi(status, HTML, 'a page of HTML')),
  ...ALL.map((status) => onUpgrade(status, HTML, 'a page of HTML')),
  onApi(502, '', 'no body'),
  onApi(404, '', 'no body'),
  {
    fault: 'API: HTTP 101, which nobody asked for',
    script: () => ({
      api: firstCall((call) => call.write('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')),
    }),
    promise: recovers(['SlackUnavailable']),
  },
  onUpgrade(503, '', 'no body'),
  onUpgrade(200, HTML, 'a page of HTML'),
];
