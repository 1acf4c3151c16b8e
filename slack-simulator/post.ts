import type { Frame } from './frames.ts';

/** What a bot wants to say, over the Web API or over RTM. */
export type Posted = {
  channel: string;
  text: string;
  threadTs: string | undefined;
  blocks: unknown[] | undefined;
  username: string | undefined;
};

export type ReadPost = { ok: true; post: Posted } | { ok: false; error: string };

/** docs.slack.dev/reference/methods/chat.postMessage; longer texts are refused here, where Slack may also cut them off. */
const maxTextLength = 40_000;
/** docs.slack.dev/reference/block-kit/blocks */
const maxBlocks = 50;

/** Reads the arguments of chat.postMessage, of a form or of JSON. */
export function readPost(args: Frame): ReadPost {
  const channel = textOf(args.channel);
  if (channel === undefined) return { ok: false, error: 'channel_not_found' };
  const blocks = args.blocks === undefined || args.blocks === '' ? undefined : blocksOf(args.blocks);
  if (blocks === null) return { ok: false, error: 'invalid_blocks' };
  const text = textOf(args.text) ?? '';
  if (text === '' && blocks === undefined) return { ok: false, error: 'no_text' };
  if (text.length > maxTextLength) return { ok: false, error: 'msg_too_long' };
  const post = { channel, text, threadTs: textOf(args.thread_ts), blocks, username: textOf(args.username) };
  return { ok: true, post };
}

/** Null if they are none. */
function blocksOf(value: unknown): unknown[] | null {
  const parsed = typeof value === 'string' ? parse(value) : value;
  if (!Array.isArray(parsed) || parsed.length === 0 || parsed.length > maxBlocks) return null;
  return parsed.every(isBlock) ? parsed : null;
}

const isBlock = (block: unknown): boolean =>
  typeof block === 'object' && block !== null && 'type' in block && typeof block.type === 'string';

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** What a message's fields are in an event or an answer, beside its text. */
export const extrasOf = ({ threadTs, blocks, username }: Posted): Frame => ({
  ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
  ...(blocks === undefined ? {} : { blocks }),
  ...(username === undefined ? {} : { username }),
});
