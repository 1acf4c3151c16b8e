import * as z from 'zod/mini';
import { redactTokens } from '../process/redact.ts';

/**
 * What an application asks Relax to send: one JSON object on the list `RELAX_COMMANDS` (docs/commands.md), its result, and
 * the letter on the dead list if it can't be done. Pure.
 */
export interface Command {
  /** The application's own name for it; undefined if it gave none. */
  id: string | undefined;
  /** Slack's id of the workspace; at least one of team and bot is there. */
  team: string | undefined;
  /** "namespace/name" of the SlackBot. */
  bot: string | undefined;
  channel: string;
  /** Empty only if there are blocks. */
  text: string;
  /** `ts` of the message whose thread it joins. */
  thread: string | undefined;
  blocks: readonly unknown[] | undefined;
  via: Via;
}

/** How it is sent: by chat.postMessage, or over a websocket of RTM. */
export type Via = 'api' | 'rtm';

/** Why a command was not done: `reason` is for programs, `message` for people and names the remedy. */
export interface CommandFailure {
  reason: string;
  /** Slack's own code, if Slack has said anything. */
  error?: string | undefined;
  message: string;
}

/** What is at `CommandKeys.result`, and what became of the command. Times are ISO 8601, by Redis's clock. */
export type CommandResult =
  /** With the last failure while it is tried again. */
  | ({ state: 'queued'; at: string } & Partial<CommandFailure>)
  | { state: 'sent'; at: string; channel: string; ts: string; bot: string }
  | ({ state: 'failed'; at: string } & CommandFailure);

/** A final result is kept this long, and so long the same id is not sent again. */
export const RESULT_TTL_MS = 3_600_000;
/** That of a command which still waits: longer than any waits that makes no progress. */
export const QUEUED_RESULT_TTL_MS = 24 * 3_600_000;
/** The newest are kept. */
export const MOST_DEAD_LETTERS = 10_000;
/** Far more than Slack takes: 40,000 characters of text and 50 blocks. */
export const MOST_COMMAND_BYTES = 262_144;

export type ParsedCommand =
  | { command: Command }
  /** `id` if that could be read. */
  | { failure: CommandFailure; id: string | undefined };

/** RTM takes no more characters (docs.slack.dev/legacy/legacy-rtm-api). */
const MOST_RTM_CHARACTERS = 4_000;
const EXAMPLE = '{"type":"message","team":"T024BE7LH","channel":"C024BE91L","text":"hello"}';

interface Field {
  /** Other names of it. */
  aliases?: readonly string[];
  isGood(value: unknown): boolean;
  expects: string;
}

const matches =
  (pattern: RegExp) =>
  (value: unknown): boolean =>
    typeof value === 'string' && pattern.test(value);

const FIELDS: Readonly<Record<keyof Command | 'type', Field>> = {
  type: { isGood: (value) => value === 'message', expects: '"message", the only type' },
  id: {
    isGood: (value) =>
      typeof value === 'string' && value !== '' && value.length <= 200 && value.isWellFormed() && !hasControls(value),
    expects: 'a string of 1 to 200 characters',
  },
  team: {
    aliases: ['team_id'],
    isGood: matches(/^[TE][A-Z0-9]{1,40}$/),
    expects: "Slack's id of the workspace (T...)",
  },
  bot: {
    isGood: matches(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/),
    expects: '"namespace/name" of a SlackBot',
  },
  channel: {
    isGood: matches(/^[CDGUW][A-Z0-9]{1,40}$/),
    expects: "Slack's id of the conversation (C..., G... or D...) or of a user (U... or W...), since names change",
  },
  text: { isGood: (value) => typeof value === 'string', expects: 'a string' },
  thread: {
    aliases: ['thread_ts'],
    isGood: matches(/^\d{1,20}\.\d{1,20}$/),
    expects: 'the ts of the first message of the thread, as a string ("1795509015.000200")',
  },
  blocks: { isGood: Array.isArray, expects: "an array of Slack's blocks" },
  via: { isGood: (value) => value === 'api' || value === 'rtm', expects: '"api" (chat.postMessage) or "rtm"' },
};
const NAMES = new Map(
  Object.entries(FIELDS).flatMap(([name, { aliases = [] }]) =>
    [name, ...aliases].map((known) => [known, name] as const),
  ),
);

/** A problem names the field and the remedy. An absent field may also be null. */
export function parseCommand(text: string): ParsedCommand {
  const value = objectOf(text);
  if (value === undefined) {
    return { failure: malformed(`it is not a JSON object: push one such as ${EXAMPLE}`), id: undefined };
  }
  const { fields, problems } = readFields(value);
  const id = stringOf(fields.get('id'));
  if (problems.length === 0) problems.push(...problemsTogether(fields));
  if (problems.length > 0) return { failure: malformed(problems.join('; ')), id };
  const blocks = fields.get('blocks');
  return {
    command: {
      id,
      team: stringOf(fields.get('team')),
      bot: stringOf(fields.get('bot')),
      channel: stringOf(fields.get('channel')) ?? '',
      text: stringOf(fields.get('text')) ?? '',
      thread: stringOf(fields.get('thread')),
      blocks: Array.isArray(blocks) ? blocks : undefined,
      via: fields.get('via') === 'rtm' ? 'rtm' : 'api',
    },
  };
}

/** @param bytes of a command that is not read at all */
export const tooLarge = (bytes: number): CommandFailure =>
  malformed(
    `it has ${bytes} bytes, and ${MOST_COMMAND_BYTES} are the most: send a shorter text, or a file by Slack's files API`,
  );

export const malformed = (problem: string): CommandFailure => ({
  reason: 'Malformed',
  message: redactTokens(`The command was refused: ${problem}.`).slice(0, 1_000),
});

const objectSchema = z.record(z.string(), z.unknown());
type JsonObject = z.infer<typeof objectSchema>;

function objectOf(text: string): JsonObject | undefined {
  try {
    return objectSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Good values by field; those that are bad or unknown are problems. */
function readFields(value: JsonObject): { fields: Map<string, unknown>; problems: string[] } {
  const fields = new Map<string, unknown>();
  const problems: string[] = [];
  for (const [key, given] of Object.entries(value)) {
    const name = NAMES.get(key);
    const field = fieldOf(name);
    if (name === undefined || field === undefined) {
      problems.push(`${shown(key)} is not a field of a command: remove it (there are ${[...NAMES.keys()].join(', ')})`);
    } else if (given !== null && !field.isGood(given)) {
      problems.push(`${key} ${shown(given)} is refused: it must be ${field.expects}`);
    } else if (given !== null && fields.has(name) && fields.get(name) !== given) {
      problems.push(`${key} says something else than ${name}, which means the same: give one of them`);
    } else if (given !== null) {
      fields.set(name, given);
    }
  }
  return { fields, problems };
}

function problemsTogether(fields: ReadonlyMap<string, unknown>): string[] {
  const problems: string[] = [];
  const text = stringOf(fields.get('text')) ?? '';
  if (!fields.has('type')) problems.push('type is missing: set it to "message"');
  if (!fields.has('team') && !fields.has('bot')) {
    problems.push('team and bot are both missing: give the id of the workspace, or "namespace/name" of the SlackBot');
  }
  if (!fields.has('channel')) problems.push(`channel is missing: give ${FIELDS.channel.expects}`);
  if (text === '' && !hasItems(fields.get('blocks'))) problems.push('text is missing: give text, or blocks, or both');
  if (fields.get('via') === 'rtm') {
    if (fields.has('blocks')) problems.push('blocks can\'t be sent over RTM: remove them, or set via to "api"');
    if (text.length > MOST_RTM_CHARACTERS) {
      problems.push(
        `text has ${text.length} characters, and RTM takes ${MOST_RTM_CHARACTERS}: shorten it, or set via to "api"`,
      );
    }
  }
  return problems;
}

const fieldOf = (name: string | undefined): Field | undefined =>
  Object.entries(FIELDS).find(([known]) => known === name)?.[1];

const hasItems = (value: unknown): boolean => Array.isArray(value) && value.length > 0;
const stringOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

// biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
const hasControls = (value: string): boolean => /[\u0000-\u001f\u007f]/.test(value);

/** Of a value that may be anything, and long. */
function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'undefined';
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}

/** @param command as the application wrote it: in the letter it stands as it is if it is an object, else as a text */
export function deadLetter(
  { reason, error, message }: CommandFailure,
  { id, at, command }: { id: string; at: string; command: string },
): string {
  const head = JSON.stringify({ id, at, reason, error, message });
  return `${head.slice(0, -1)},"command":${objectOf(command) === undefined ? JSON.stringify(command) : command}}`;
}
