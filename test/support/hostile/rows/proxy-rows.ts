import type { Tunnel } from '../hostile-proxy.ts';
import { DIRECT_HOST } from '../hostile-slack.ts';
import type { Promised, Row, World } from '../row.ts';
import { HARMLESS, recovers, recoversUnspent } from './first-attempt.ts';

/** A name that only the proxy can reach: tunnels lead to this machine. */
const HOST = 'slack.test';

const asked =
  (times: number) =>
  ({ proxy, slack }: World): string[] => {
    const tunnels = proxy.asked(slack.port);
    return tunnels === times ? [] : [`the proxy was asked ${tunnels} times`];
  };

const wayOf = (nth: number): string => (nth === 1 ? 'API' : 'websocket');
/** The only one of its faults that takes a time limit to be noticed. */
const SILENT = 'never answers';

const proxied = (fault: string, nth: number, behavior: (tunnel: Tunnel) => void, promise: Promised): Row => ({
  fault: `proxy, ${wayOf(nth)}: ${fault}`,
  line: `proxy, ${wayOf(nth)}: ${fault === SILENT ? fault : 'refuses, resets, closes, speaks no HTTP'}`,
  proxied: true,
  apiUrl: (slack) => slack.apiUrl(HOST),
  begin: ({ proxy, slack }) =>
    proxy.behave(slack.port, (tunnel) => (tunnel.nth === nth ? behavior(tunnel) : tunnel.open())),
  promise,
});

const refuses =
  (status: number) =>
  (tunnel: Tunnel): void => {
    tunnel.client.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 6\r\nconnection: close\r\n\r\nsorry\n`);
  };

interface Fault {
  words: string;
  behavior(tunnel: Tunnel): void;
  /** Of a call of the API, which may have reached Slack for all we know. */
  isReached?: boolean;
  withinMs?: number;
}

const FAULTS: readonly Fault[] = [
  { words: 'refuses with 407', behavior: refuses(407) },
  { words: 'refuses with 502', behavior: refuses(502) },
  { words: SILENT, behavior: () => undefined, withinMs: 16_000 },
  { words: 'resets without an answer', behavior: ({ client }) => client.resetAndDestroy() },
  {
    words: 'resets in the middle of its answer',
    behavior: ({ client }) => client.write('HTTP/1.1 200 Conn', () => setTimeout(() => client.resetAndDestroy(), 15)),
  },
  { words: 'closes without an answer', behavior: ({ client }) => client.end() },
  { words: 'answers with bytes that are not HTTP', behavior: ({ client }) => client.end('SSH-2.0-OpenSSH_9.6\r\n') },
];

/** A proxy in the way. */
export const PROXY_ROWS: readonly Row[] = [
  {
    ...proxied('works', 1, (tunnel) => tunnel.open(), HARMLESS),
    fault: 'proxy: works',
    line: 'proxy: works',
    // One tunnel for the API, one for the websocket.
    verify: asked(2),
  },
  {
    fault: 'proxy: NO_PROXY leads past one that refuses everything',
    proxied: true,
    apiUrl: (slack) => slack.apiUrl(DIRECT_HOST),
    begin: ({ proxy, slack }) => proxy.behave(slack.port, refuses(502)),
    verify: asked(0),
    promise: HARMLESS,
  },
  ...FAULTS.flatMap(({ words, behavior, isReached = false, withinMs = 8_000 }) => [
    proxied(
      words,
      1,
      behavior,
      (isReached ? recovers : recoversUnspent)(['SlackUnavailable'], { detectedWithinMs: withinMs }),
    ),
    proxied(words, 2, behavior, recovers(['ConnectionLost'], { detectedWithinMs: withinMs })),
  ]),
];
