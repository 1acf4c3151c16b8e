import type { Command } from '../../core/protocol/command.ts';
import { type WebApiMethod, webApiMethod } from '../../core/slack/slack-error.ts';

/** The method of Slack's Web API that posts a message (docs.slack.dev/reference/methods/chat.postMessage). Pure. */
export const CHAT_POST_MESSAGE: WebApiMethod = webApiMethod(
  'chat.postMessage',
  'Put a valid bot token (xoxb-...) of the app into the Secret.',
  { message_limit_exceeded: { kind: 'rateLimited' } },
);

export const postParams = ({ channel, text, thread, blocks }: Command): Record<string, string> => ({
  channel,
  ...(text === '' ? {} : { text }),
  ...(thread === undefined ? {} : { thread_ts: thread }),
  ...(blocks === undefined ? {} : { blocks: JSON.stringify(blocks) }),
});

const CONVERSATION = 'Check channel: it must be the id of a conversation in the workspace of the bot.';
const INVITE = 'Invite the bot into the conversation, or give the app the scope chat:write.public for public ones.';
const POLICY = "The workspace's administrators do not allow this. Ask them, or post elsewhere.";
const TOO_LONG = 'Shorten it, or send several messages.';
const BLOCKS = "Check blocks against Slack's reference, for example in its Block Kit Builder.";
const SCOPE = 'Give the app the scope chat:write, install it again, and put the new bot token into the Secret.';
const ARGUMENTS = `Slack did not accept the fields of the message. ${BLOCKS}`;

/**
 * Errors for which this message is never posted, however often it is tried, and what can be done. Some of them mean for other
 * methods that the token is refused; here they say only that it may not post.
 */
const UNPOSTABLE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    channel_not_found: CONVERSATION,
    channel_type_not_supported: CONVERSATION,
    user_not_found: CONVERSATION,
    users_not_found: CONVERSATION,
    cannot_dm_bot: 'A bot can write to no other bot in private. Check channel.',
    not_in_channel: INVITE,
    is_archived: 'The conversation is archived. Unarchive it, or post elsewhere.',
    is_inactive: 'The conversation is frozen. Post elsewhere.',
    messages_tab_disabled: "The messages tab of the app is off: switch it on in the app's settings (App Home).",
    no_text: 'Give text, or blocks that show something.',
    msg_too_long: TOO_LONG,
    msg_blocks_too_long: TOO_LONG,
    too_many_attachments: TOO_LONG,
    too_many_contact_cards: TOO_LONG,
    attachment_payload_limit_exceeded: TOO_LONG,
    metadata_too_large: TOO_LONG,
    invalid_blocks: BLOCKS,
    invalid_blocks_format: BLOCKS,
    invalid_attachments: BLOCKS,
    invalid_arguments: ARGUMENTS,
    invalid_array_arg: ARGUMENTS,
    invalid_charset: ARGUMENTS,
    cannot_reply_to_message: 'This message takes no replies. Leave thread out.',
    invalid_thread_ts: 'Check thread: it must be the ts of the first message of a thread in this conversation.',
    thread_not_found: 'Check thread: it must be the ts of the first message of a thread in this conversation.',
    restricted_action: POLICY,
    restricted_action_read_only_channel: POLICY,
    restricted_action_thread_only_channel: POLICY,
    restricted_action_thread_locked: POLICY,
    restricted_action_non_threadable_channel: POLICY,
    thread_locked: POLICY,
    enterprise_is_restricted: POLICY,
    team_not_found: POLICY,
    no_permission: POLICY,
    access_denied: POLICY,
    slack_connect_canvas_sharing_blocked: POLICY,
    slack_connect_file_link_sharing_blocked: POLICY,
    missing_scope: SCOPE,
    not_allowed_token_type: 'The token may not post. Put the bot token (xoxb-...) of the app into the Secret.',
    is_bot: 'The token may not post. Put the bot token (xoxb-...) of the app into the Secret.',
    as_user_not_supported: SCOPE,
  }),
);

/** The remedy, if Slack's error means that this message is never posted. */
export const whyUnpostable = (error: string): string | undefined => UNPOSTABLE.get(error);
