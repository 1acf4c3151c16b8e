import { describe, expect, it } from 'vitest';
import type { SlackBotStatus } from '#core/api/slackbot.ts';
import { transitionEvents } from '#operator/kinds/transition-events.ts';

type Said = `${'True' | 'False' | 'Unknown'} ${string}`;
const status = (ready: Said, credentials: Said = 'True Accepted'): SlackBotStatus => ({
  connectionSummary: '2/2',
  conditions: Object.entries({ Ready: ready, CredentialsValid: credentials }).map(([type, said]) => {
    const [value = '', reason = ''] = said.split(' ');
    const times = { lastTransitionTime: '2026-11-24T00:00:00Z', observedGeneration: 1 };
    return { type, status: value as 'True', reason, message: `${reason} it is`, ...times };
  }),
});
const live = status('True Live');

describe('an Event', () => {
  it.each<[string, SlackBotStatus | undefined, SlackBotStatus, string[]]>([
    ['of a new bot on its way', undefined, status('False Connecting', 'Unknown NotTried'), []],
    ['of a bot that becomes ready', status('False Connecting'), live, ['Normal Ready: 2/2 sockets are live']],
    ['of the same again', live, live, []],
    ['of a lost bot', live, status('False ConnectionLost'), ['Warning ConnectionLost: ConnectionLost it is']],
    ['of a fleet without connectors', live, status('False NoConnectors'), []],
    ['of another reason', status('False ConnectionLost'), status('False RateLimited'), []],
    [
      'of a refused token, once',
      live,
      status('False TokenRevoked', 'False TokenRevoked'),
      ['Warning TokenRevoked: TokenRevoked it is'],
    ],
    ['of a suspension', live, status('False Suspended'), ['Normal Suspended: Suspended it is']],
    [
      'of a duplicate from the start',
      undefined,
      status('False DuplicateBot'),
      ['Warning DuplicateBot: DuplicateBot it is'],
    ],
  ])('%s: $3', (_, before, after, expected) => {
    const told = transitionEvents(before, after).map(({ type, reason, note }) => `${type} ${reason}: ${note}`);
    expect(told).toEqual(expected);
  });
});
