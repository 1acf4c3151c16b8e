/** What is known of the command that Redis refused, where its own words don't tell. */
export interface AclContext {
  user?: string | undefined;
  /** As ACL writes it: `rpush`, `config|get`. */
  command?: string | undefined;
  /** Pattern of the keys that it was about. */
  keys?: string | undefined;
}

/** All that Relax uses, as docs/install.md has it. */
const ALL_KEYS = 'relax:* ~{relax:*';

/**
 * Inside a script Redis 6.2 and 7.0 say it without the code, and name neither command nor key:
 * "The user executing the script can't run this command or subcommand".
 */
const REFUSED = /^NOPERM\b|^(?:ERR )?The user executing the script can't/;
const OF_KEY = /\bkeys?\b(?! has no permissions)/i;
const OF_CHANNEL = /\bchannels?\b/i;

/** What an ACL refuses and the line that grants it; undefined when `text` is no such answer of Redis. */
export function aclFault(text: string, context: AclContext = {}): string | undefined {
  if (!REFUSED.test(text)) return undefined;
  const named = /\buser (\S+) has no permissions/i.exec(text)?.[1];
  const user = named ?? context.user ?? '<user>';
  const command = /'([^'\s]+)' command/.exec(text)?.[1]?.toLowerCase() ?? context.command;
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
