/** The teams of the demo: what `relax slack` is told to make up, and the manifests by which Relax serves them. Pure. */

/** Teams with a classic bot over RTM; teams with an app of their own; teams of the one app that many have installed. */
export const WORLD = { rtmTeams: 6, ownApps: 8, appTeams: 6 } as const;

export const teamCount = WORLD.rtmTeams + WORLD.ownApps + WORLD.appTeams;

/** Two for each team over RTM, two for each app. */
export const socketCount = 2 * (WORLD.rtmTeams + WORLD.ownApps + 1);

export interface RtmTeam {
  teamID: string;
  token: string;
}

export interface DemoApp {
  appID: string;
  appToken: string;
  teams: readonly string[];
}

/** File name -> YAML. @param apps the last one is the app of many teams */
export function manifestsOf(rtmTeams: readonly RtmTeam[], apps: readonly DemoApp[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const [index, { teamID, token }] of rtmTeams.entries()) {
    const name = `rtm-${index + 1}`;
    files.set(
      `${name}.yaml`,
      secret(name, 'token', token) + slackBot(name, teamID, `credentials: ${refTo(name)}`, 'RTM'),
    );
  }
  for (const { appID, appToken, teams } of apps) {
    const name = `app-${appID.toLowerCase()}`;
    const [team = '', ...others] = teams;
    const spec =
      others.length === 0
        ? slackBot(name, team, `credentials: ${refTo(name)}`, 'SocketMode')
        : slackApp(name, appID) +
          teams.map((each) => slackBot(`team-${each.toLowerCase()}`, each, appRef(name), 'App')).join('');
    files.set(`${name}.yaml`, secret(name, 'app-token', appToken) + spec);
  }
  return files;
}

const NAMESPACE = 'demo';
const refTo = (secretName: string): string => `{ secretRef: { name: ${secretName} } }`;
const appRef = (name: string): string => `appRef: { name: ${name} }`;

const secret = (name: string, key: string, token: string): string => `apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: ${NAMESPACE} }
stringData: { ${key}: ${token} }
---
`;

const slackBot = (
  name: string,
  teamID: string,
  source: string,
  transport: string,
): string => `apiVersion: relax.dev/v1alpha1
kind: SlackBot
metadata: { name: ${name}, namespace: ${NAMESPACE} }
spec:
  teamID: ${teamID}
  transport: ${transport}
  ${source}
---
`;

const slackApp = (name: string, appID: string): string => `apiVersion: relax.dev/v1alpha1
kind: SlackApp
metadata: { name: ${name}, namespace: ${NAMESPACE} }
spec:
  appID: ${appID}
  credentials: ${refTo(name)}
---
`;
