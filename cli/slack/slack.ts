import { once } from 'node:events';
import { generatedApp, generatedInstallation } from '../../slack-simulator/app.ts';
import { startSimulator } from '../../slack-simulator/simulator.ts';
import { generatedTeam } from '../../slack-simulator/team.ts';
import { introduction } from './introduction.ts';
import { type SlackOptions, simulatorOptions } from './options.ts';

/** What `relax slack --json` prints when it is ready, as a line of JSON. */
export interface SlackReady {
  /** For RELAX_SLACK_API_URL. */
  url: string;
  port: number;
  /** For NODE_EXTRA_CA_CERTS, with --tls. */
  caFile?: string | undefined;
  pid: number;
  /** How many of each it knows. `teams`: those with a bot for RTM; each app has teams of its own. */
  teams: number;
  apps: number;
}

/** `relax slack`: a stand-in for Slack until `signal` aborts. Resolves with the exit code. */
export async function runSlack(options: SlackOptions, signal: AbortSignal): Promise<number> {
  const slack = await startSimulator(simulatorOptions(options));
  for (let n = 1; n <= options.teams; n += 1) slack.addTeam(generatedTeam(n));
  for (let n = 1; n <= options.apps; n += 1) {
    const { appID } = slack.apps.add(generatedApp(n));
    for (let team = 1; team <= options.appTeams; team += 1) slack.apps.install(appID, generatedInstallation(n, team));
  }
  const { url, port, caFile } = slack;
  const ready: SlackReady = { url, port, caFile, pid: process.pid, teams: options.teams, apps: options.apps };
  const { host, control } = options;
  const words = options.json
    ? JSON.stringify(ready)
    : introduction({ url, host, caFile, control, teams: slack.teams(), apps: slack.apps.list() });
  process.stdout.write(`${words}\n`);
  if (!signal.aborted) await once(signal, 'abort');
  await slack.stop();
  return 0;
}
