import { InvalidArgumentError, Option } from 'commander';

/** The options of `relax send` beside those that say where Redis is: the fields of a command, as text. */
export interface SendOptions {
  team?: string;
  bot?: string;
  channel: string;
  text?: string;
  blocks?: string;
  thread?: string;
  via?: string;
  id?: string;
  /** Seconds. */
  wait: number;
  json: boolean;
}

export const sendOptions = (): Option[] => [
  new Option('--team <id>', "Slack's id of the workspace; this or --bot is required"),
  new Option('--bot <namespace/name>', 'the SlackBot in whose name it is sent'),
  new Option('--channel <id>', "Slack's id of the channel, or of a user for a direct message").makeOptionMandatory(),
  new Option('--text <text>', 'what to say'),
  new Option('--blocks <json>', "an array of Slack's blocks, as JSON"),
  new Option('--thread <ts>', 'timestamp of the message whose thread it joins'),
  new Option('--via <way>', "api: chat.postMessage; rtm: over the bot's RTM websocket").choices(['api', 'rtm']),
  new Option('--id <id>', 'a name of your own, so that the same command is not sent twice; made up unless given'),
  new Option('--wait <seconds>', 'how long to wait for the result; 0: push and end').argParser(seconds).default(30),
  new Option('--json', 'print the result as one line of JSON').default(false, 'off'),
];

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 86_400) return value;
  throw new InvalidArgumentError('It takes a number of seconds, 86400 at most.');
}
