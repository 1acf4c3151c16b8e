import { generatedApp, generatedInstallation } from '#slack-simulator/app.ts';

/** SlackApps, and SlackBots over Socket Mode, as objects for the API server. Each is of the nth generated app. */
const API_VERSION = 'relax.dev/v1alpha1';

const appSecret = (n: number, name: string, namespace: string): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace, labels: { 'relax.dev/credentials': 'true' } },
  stringData: { 'app-token': generatedApp(n).appToken },
});

/** With its Secret: a SlackBot that has the nth app, and the app's first team, to itself. */
export const socketModeBotOf = (n: number, name: string, namespace: string): object[] => [
  appSecret(n, name, namespace),
  {
    apiVersion: API_VERSION,
    kind: 'SlackBot',
    metadata: { name, namespace },
    spec: {
      teamID: generatedInstallation(n, 1).teamID,
      transport: 'SocketMode',
      credentials: { secretRef: { name } },
    },
  },
];

/** With its Secret. */
export const slackAppOf = (n: number, name: string, namespace: string): object[] => [
  appSecret(n, name, namespace),
  {
    apiVersion: API_VERSION,
    kind: 'SlackApp',
    metadata: { name, namespace },
    spec: { appID: generatedApp(n).appID, credentials: { secretRef: { name } } },
  },
];

/** The SlackBot of a team in which the SlackApp of that name is installed. */
export const carriedBotOf = (bot: { name: string; namespace: string; teamID: string; app: string }): object => ({
  apiVersion: API_VERSION,
  kind: 'SlackBot',
  metadata: { name: bot.name, namespace: bot.namespace },
  spec: { teamID: bot.teamID, transport: 'App', appRef: { name: bot.app } },
});
