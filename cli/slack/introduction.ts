import { isIP } from 'node:net';
import { columns } from '../terminal/columns.ts';

/** What the user of a running simulator must know about it. */
export interface RunningSlack {
  url: string;
  host: string;
  caFile: string | undefined;
  control: boolean;
  teams: readonly { teamID: string; tokens: readonly string[] }[];
  apps: readonly {
    appID: string;
    tokens: readonly string[];
    installations: readonly { teamID: string; botToken: string }[];
  }[];
}

/** The number that fits on a screen with everything else. */
const MOST_ROWS = 10;

/** What a person needs: its address, its teams, and lines to copy. */
export function introduction(slack: RunningSlack): string {
  return [
    'A stand-in for Slack, for development. No workspace is behind it, and its tokens are made up.',
    ...(isLoopback(slack.host) ? [] : ['Whoever reaches this address may use it, and no password is asked for.']),
    '',
    `  Web API   ${slack.url}`,
    ...appLines(slack),
    ...teamLines(slack),
    '',
    'Set this where Relax runs:',
    '',
    `  export RELAX_SLACK_API_URL=${slack.url}`,
    ...(slack.caFile === undefined ? [] : [`  export NODE_EXTRA_CA_CERTS=${slack.caFile}`]),
    ...(isAnyAddress(slack.host)
      ? ['', `On another machine, with a name or address of this one in place of ${slack.host}.`]
      : []),
    '',
    ...eventLines(slack),
    '',
    'Ctrl-C ends it.',
  ].join('\n');
}

function teamLines({ teams, apps, ...slack }: RunningSlack): string[] {
  if (teams.length === 0 && apps.length === 0) {
    return ['', '  It knows no team: --teams N makes some up for RTM, --apps N some apps for Socket Mode.'];
  }
  if (teams.length === 0) return [];
  const rows = teams.map(({ teamID, tokens: [token = ''] }) => [teamID, token]);
  return table(['TEAM', 'BOT TOKEN'], rows, slack, 'teams');
}

function appLines({ apps, ...slack }: RunningSlack): string[] {
  if (apps.length === 0) return [];
  const rows = apps.map(({ appID, tokens: [token = ''] }) => [appID, token]);
  const teams = apps.flatMap(({ appID, installations }) =>
    installations.map(({ teamID, botToken }) => [appID, teamID, botToken]),
  );
  return [
    ...table(['APP', 'APP-LEVEL TOKEN'], rows, slack, 'apps'),
    ...table(['INSTALLED APP', 'TEAM', 'BOT TOKEN'], teams, slack, 'apps'),
  ];
}

/** As many rows as a screen takes, and where the others are. */
function table(
  head: string[],
  all: string[][],
  slack: Pick<RunningSlack, 'url' | 'caFile' | 'control'>,
  path: string,
): string[] {
  const rows = all.slice(0, MOST_ROWS);
  const more = all.length - rows.length;
  const rest = slack.control ? `: ${curl(slack, path)}` : ', which --control lists';
  return ['', ...columns(head, rows).map((line) => `  ${line}`), ...(more === 0 ? [] : [`  and ${more} more${rest}`])];
}

function eventLines(slack: RunningSlack): string[] {
  if (!slack.control) return ['With --control, events are sent to it by hand.'];
  const [app] = slack.apps;
  const [team] = slack.teams;
  const ofApp = app === undefined ? [] : appCommands(slack, app.appID, app.installations[0]?.teamID);
  if (team === undefined && app !== undefined) return ofApp;
  const ofTeam = command(slack, 'Send an event to all RTM sockets of a team:', 'events', {
    teamID: team?.teamID ?? 'T1',
    text: 'hello',
  });
  return app === undefined ? ofTeam : [...ofApp, '', ...ofTeam];
}

function appCommands(slack: RunningSlack, appID: string, teamID: string | undefined): string[] {
  return [
    ...command(slack, 'Send an event of a team to one of the sockets of its app:', 'apps/events', {
      appID,
      teamID,
      text: 'hello',
    }),
    '',
    ...command(slack, 'Type a slash command in that team:', 'apps/commands', {
      appID,
      teamID,
      command: '/acme',
      text: 'hello',
    }),
    '',
    'See how it was acknowledged, and with which answer:',
    '',
    `  ${curl(slack, 'apps/deliveries')}`,
  ];
}

const command = (slack: RunningSlack, what: string, path: string, body: object): string[] => [
  what,
  '',
  `  ${curl(slack, path)} -d '${JSON.stringify(body)}'`,
];

/** The control API has no token, and is beside the Web API. */
function curl({ url, caFile }: Pick<RunningSlack, 'url' | 'caFile'>, path: string): string {
  const trust = caFile === undefined ? '' : ` --cacert ${caFile}`;
  return `curl -s${trust} ${new URL(`/_control/${path}`, url)}`;
}

const isAnyAddress = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** A name may resolve to any address, so only this one is trusted. */
const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
