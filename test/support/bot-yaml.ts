import { generatedTeam } from '#slack-simulator/team.ts';

/** A SlackBot with its Secret, as a file of a bots directory holds them. `spec`: further lines of it, indented. */
export const botYaml = (bot: { name: string; teamID: string; token: string; spec?: string }): string => `apiVersion: v1
kind: Secret
metadata: { name: ${bot.name}, namespace: bots }
stringData: { token: ${bot.token} }
---
apiVersion: relax.dev/v1alpha1
kind: SlackBot
metadata: { name: ${bot.name}, namespace: bots }
spec:
  teamID: ${bot.teamID}
  credentials: { secretRef: { name: ${bot.name} } }
${bot.spec ?? ''}
`;

/** The nth generated team's, by the name bot-N. */
export function generatedBotYaml(n: number, changes: { token?: string; spec?: string } = {}): string {
  const { teamID, token } = generatedTeam(n);
  return botYaml({ name: `bot-${n}`, teamID, token, ...changes });
}
