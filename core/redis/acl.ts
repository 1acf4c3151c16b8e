/** What is known about the command that Redis refused, if Redis's error does not say. */
interface AclContext {
  user?: string | undefined;
  /** As ACL writes it: `rpush`, `config|get`. */
  command?: string | undefined;
  /** Pattern of the keys that it was about. */
  keys?: string | undefined;
}

/** All keys that Relax uses, as in docs/install.md. */
const ALL_KEYS = 'relax:* ~{relax:*';

/**
 * Inside a script Redis 6.2 and 7.0 say it without the code, and name neither command nor key:
 * "The user executing the script can't run this command or subcommand".
 */
const REFUSED = /^NOPERM\b|^(?:ERR )?The user executing the script can't/;
const OF_KEY = /\bkeys?\b(?! has no permissions)/i;
const OF_CHANNEL = /\bchannels?\b/i;

/** What an ACL refuses, and the line that grants it; undefined if `text` is not such an error. */
export function aclFault(text: string, context: AclContext = {}): string | undefined {
  if (!REFUSED.test(text)) return undefined;
  const named = /\buser (\S+) has no permissions/i.exec(text)?.[1];
  const user = named ?? context.user ?? '<user>';
  const command = /'([^']+)' command/.exec(text)?.[1]?.toLowerCase() ?? context.command;
  if (/run (?:the|this)\b/.test(text)) {
    if (command === undefined) return `Redis ACL refuses a command: ${text.slice(0, 200)}`;
    return `Redis ACL refuses a command: ${command}. Grant it: ACL SETUSER ${user} +${command}`;
  }
  const by = command === undefined ? '' : ` to ${command}`;
  if (OF_CHANNEL.test(text)) return `Redis ACL refuses a channel${by}. Grant it: ACL SETUSER ${user} &relax:*`;
  if (OF_KEY.test(text)) {
    return `Redis ACL refuses a key${by}. Grant it: ACL SETUSER ${user} ~${context.keys ?? ALL_KEYS}`;
  }
  return `Redis ACL refuses a command: ${text.slice(0, 200)}`;
}

/**
 * An error that a script did not catch names its line, and the line names the command.
 * @returns undefined if it is not about a missing right, or not from inside a script
 */
export function namedRefusal(error: unknown, lua: string): Error | undefined {
  const text = error instanceof Error ? error.message : '';
  const line = /user_script:\s*(\d+)/.exec(text)?.[1];
  if (line === undefined || !/NOPERM|The user executing the script can't/.test(text)) return undefined;
  const calls = lua.split('\n')[Number(line) - 1]?.matchAll(/redis\.p?call\('(\w+)'/g) ?? [];
  const commands = [...new Set([...calls].map(([, command = '']) => command.toLowerCase()))];
  if (commands.length === 0) return undefined;
  const what = /\bkeys?\b/.test(text) ? 'access one of the keys of' : 'run';
  return new Error(`NOPERM inside a script: can't ${what} the '${commands.join(' +')}' command`, { cause: error });
}
