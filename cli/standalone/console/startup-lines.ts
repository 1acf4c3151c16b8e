import type { StandaloneConfig } from '../../../core/config/config.ts';

/** The first lines: what runs, from what, to where. @param port of the metrics, if there are any */
export function startupLines(config: StandaloneConfig, keyFile: string, port: number | undefined): string[] {
  const { botsDirectory, connectors, zones, queue, cluster, slackApiUrl } = config;
  const many = connectors === 1 ? '1 connector process' : `${connectors} connector processes`;
  const metrics = port === undefined ? 'no metrics' : `metrics at http://localhost:${port}/metrics`;
  const urgent = queue.urgent === undefined ? '' : `, urgent ones to ${queue.urgent}`;
  return [
    `relax standalone: SlackBots and SlackApps from ${botsDirectory}, ${many} in zones ${zones.join(', ')}, events to the Redis list ${queue.name}${urgent}`,
    `cluster ${cluster}, fleet key ${keyFile}, Slack at ${slackApiUrl}, ${metrics}; edits in the directory take effect at once; "relax status" tells more`,
  ];
}

/** For a directory without an object of ours: where to begin. */
export const emptyDirectoryRemedy = ({ botsDirectory }: StandaloneConfig): string =>
  `${botsDirectory} holds no SlackBot yet: copy examples/slackbot.yaml into it and put your team id and token there`;
