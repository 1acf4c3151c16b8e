import type { Answer } from '#test/support/network/names.ts';
import type { Row } from '../row.ts';
import { firstCall, recovers, recoversUnspent } from './first-attempt.ts';

/** Names of subjects are shared by the rows of a run, so each row has its own. */
const FAULTS: readonly { to: Answer; words: string; withinMs: number }[] = [
  { to: 'ENOTFOUND', words: 'no such name (ENOTFOUND)', withinMs: 8_000 },
  { to: 'EAI_AGAIN', words: 'no answer from the resolver (EAI_AGAIN)', withinMs: 8_000 },
  { to: 'hang', words: 'the resolver hangs', withinMs: 15_500 },
];

const lineOf = (to: Answer): string =>
  to === 'hang' ? 'the resolver hangs' : 'no such name, or no answer from the resolver';

const apiName = (port: number): string => `api-${port}.slack.test`;
const socketName = (port: number): string => `socket-${port}.slack.test`;

/** The way to Slack begins with its name. */
export const DNS_ROWS: readonly Row[] = FAULTS.flatMap(({ to, words, withinMs }): Row[] => [
  {
    fault: `API: ${words}`,
    line: `API: ${lineOf(to)}`,
    apiUrl: (slack) => slack.apiUrl(apiName(slack.port)),
    begin: ({ subject, slack }) => subject.resolve(apiName(slack.port), to),
    heal: ({ subject, slack }) => subject.resolve(apiName(slack.port), '127.0.0.1'),
    promise: recoversUnspent(['SlackUnavailable'], { detectedWithinMs: withinMs }),
  },
  {
    fault: `websocket: ${words}`,
    line: `websocket: ${lineOf(to)}`,
    script: () => ({
      api: firstCall((call) => call.grant(call.socketUrl.replace('127.0.0.3', socketName(call.slack.port)))),
    }),
    begin: ({ subject, slack }) => subject.resolve(socketName(slack.port), to),
    // All look-ups of a process share a few threads, two under Bun on two cores, and one that hangs has taken one.
    alone: to === 'hang',
    promise: recovers(['ConnectionLost'], { detectedWithinMs: withinMs }),
  },
]);
