/** What the demo prints at its end. Pure. */

import { isClone } from '../launcher.ts';
import type { CommandCounts } from './slack-stand-in.ts';
import { isClean, type Verdict } from './verdict.ts';

/** What became of the application's messages to Slack. */
export interface Messages {
  sent: number;
  posted: number;
  tooFast: number;
}

/** What is told at the end. */
export interface Story {
  verdict: Verdict;
  commands: CommandCounts;
  messages: Messages;
  /** Second copies that the connectors have counted. */
  suppressed: number;
}

export function closingWords({ verdict, commands, messages, suppressed }: Story): string {
  const { sent, received, lost, duplicated, strange } = verdict;
  const lines = [
    '',
    'Events, counted by id (slash commands aside):',
    `  sent         ${sent}`,
    `  received     ${received}`,
    `  lost         ${lost}`,
    `  duplicated   ${duplicated}`,
    ...(strange === 0 ? [] : [`  unknown      ${strange}`]),
    `  (${suppressed} second copies were suppressed, by the connectors' own count; what the killed one counted last is gone)`,
    '',
    `Slash commands: ${commands.typed} typed, ${commands.answered} answered by the application, ${commands.plain} acknowledged ` +
      `without an answer, ${commands.failed} failed`,
    ...(commands.failed === 0 ? [] : ['  (Slack does not repeat a command that reached a connector as it was killed)']),
    `Messages to Slack: ${messages.sent} sent, ${messages.posted} posted, ${messages.tooFast} refused because they came too fast`,
    '',
    isClean(verdict) ? 'Each event exactly once.' : 'NOT each event exactly once: this is a bug, please report it.',
    '',
    ...(isClone ? NEXT : []),
  ];
  return lines.join('\n');
}

/** Of files that only a clone has. */
const NEXT = [
  'Next:',
  '  your own bot, with a Redis of yours (put its team id and app-level token into the file):',
  '    mkdir -p bots && cp examples/slackbot.yaml bots/',
  '    node bin/relax.mjs standalone --bots bots --redis-url redis://localhost:6379',
  '    node bin/relax.mjs status --redis-url redis://localhost:6379',
  '  no Slack app yet: docs/install.md has the way to one in five minutes; until then, a stand-in for Slack:',
  '    node bin/relax.mjs slack --apps 1 --control',
  '  examples/consumers shows how an application reads the queue; "make test" runs every test',
  '',
];
