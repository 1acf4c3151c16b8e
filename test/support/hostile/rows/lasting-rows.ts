import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from '../row.ts';
import type { ApiCall, UpgradeCall } from '../slack-call.ts';
import type { SubjectKind } from '../subject-names.ts';
import { recovers, recoversUnspent } from './first-attempt.ts';

/** A fault that lasts, counted from the first attempt: what it costs is bounded by the budget. */
const LASTS_MS = 4_000;

/** Calls of the API that the bucket of a team, or of an app, has for that time and the way back. */
const MOST_CALLS: Record<SubjectKind, number> = { rtm: 2, socketMode: 7 };
const NAMES: Record<SubjectKind, string> = { rtm: 'RTM', socketMode: 'Socket Mode' };
/** After that: the rest of RTM's 10 s, or the longest backoff of so few failures. */
const RECOVERED_WITHIN_MS = 20_000;

/** @param otherwise what is done once the fault is over */
function lasting<C extends ApiCall | UpgradeCall>(fault: (call: C) => void, otherwise: (call: C) => void) {
  let firstAtMs: number | undefined;
  return (call: C): void => {
    firstAtMs ??= performance.now();
    if (performance.now() - firstAtMs < LASTS_MS) fault(call);
    else otherwise(call);
  };
}

const rowsFor = (transport: SubjectKind): Row[] => {
  const about = { transports: [transport], heal: () => sleep(LASTS_MS) };
  const changes = { recoveredWithinMs: RECOVERED_WITHIN_MS, mostCalls: MOST_CALLS[transport] };
  const over = `for 4 s, over ${NAMES[transport]}`;
  return [
    {
      ...about,
      fault: `API: HTTP 503 ${over}`,
      line: 'API: HTTP 503 for 4 s',
      script: () => ({
        api: lasting<ApiCall>(
          (call) => call.answer({ status: 503 }),
          (call) => call.grant(),
        ),
      }),
      promise: recovers(['SlackUnavailable'], changes),
    },
    {
      ...about,
      fault: `upgrade: reset ${over}`,
      line: 'upgrade: reset for 4 s',
      script: () => ({
        upgrade: lasting<UpgradeCall>(
          (call) => call.line.reset(),
          (call) => call.greet(),
        ),
      }),
      promise: recovers(['ConnectionLost'], changes),
    },
  ];
};

const proxyName = 'slack.test';

/** Faults that do not end with the first attempt. */
export const LASTING_ROWS: readonly Row[] = [
  ...rowsFor('rtm'),
  ...rowsFor('socketMode'),
  {
    fault: 'proxy: closes without an answer, for 4 s',
    proxied: true,
    apiUrl: (slack) => slack.apiUrl(proxyName),
    begin: ({ proxy, slack }) => {
      const startedAtMs = performance.now();
      proxy.behave(slack.port, (tunnel) => {
        if (performance.now() - startedAtMs < LASTS_MS) tunnel.client.end();
        else tunnel.open();
      });
    },
    heal: () => sleep(LASTS_MS),
    // fetch asked thousands of times a second (core/slack/http-post.ts).
    verify: ({ proxy, slack }) => {
      const asked = proxy.asked(slack.port);
      return asked > 12 ? [`the proxy was asked ${asked} times`] : [];
    },
    promise: recoversUnspent(['SlackUnavailable'], { mostCalls: 1 }),
  },
];
