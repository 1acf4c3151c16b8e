/** A SlackApp with its Secret, as a file of a bots directory holds them. `spec`: further lines of it, indented. */
export const appYaml = (app: {
  name: string;
  appID: string;
  appToken: string;
  spec?: string;
}): string => `apiVersion: v1
kind: Secret
metadata: { name: ${app.name}, namespace: bots }
stringData: { app-token: ${app.appToken} }
---
apiVersion: relax.dev/v1alpha1
kind: SlackApp
metadata: { name: ${app.name}, namespace: bots }
spec:
  appID: ${app.appID}
  credentials: { secretRef: { name: ${app.name} } }
${app.spec ?? ''}
`;

/** A SlackBot that an app carries. */
export const carriedBotYaml = (bot: { name: string; teamID: string; app: string; spec?: string }): string =>
  `apiVersion: relax.dev/v1alpha1
kind: SlackBot
metadata: { name: ${bot.name}, namespace: bots }
spec:
  teamID: ${bot.teamID}
  transport: App
  appRef: { name: ${bot.app} }
${bot.spec ?? ''}
`;

/** A SlackBot over Socket Mode with its Secret. */
export const socketModeBotYaml = (bot: { name: string; teamID: string; appToken: string; spec?: string }): string =>
  `apiVersion: v1
kind: Secret
metadata: { name: ${bot.name}, namespace: bots }
stringData: { app-token: ${bot.appToken} }
---
apiVersion: relax.dev/v1alpha1
kind: SlackBot
metadata: { name: ${bot.name}, namespace: bots }
spec:
  teamID: ${bot.teamID}
  transport: SocketMode
  credentials: { secretRef: { name: ${bot.name} } }
${bot.spec ?? ''}
`;
