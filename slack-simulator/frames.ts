import { randomUUID } from 'node:crypto';

/** Anything that Slack puts in one websocket frame or one answer. */
export type Frame = Record<string, unknown>;

export const eventKinds = [
  'message',
  'edited',
  'deleted',
  'reaction_added',
  'reaction_removed',
  'team_join',
  'im_created',
  'channel_joined',
  'bot_message',
  'own_message',
] as const;
export type EventKind = (typeof eventKinds)[number];

export type EventOptions = {
  channel?: string | undefined;
  user?: string | undefined;
  /** Without it the text is `event <id>`, so that the id can be read off the text as well. */
  text?: string | undefined;
  /** The timestamp of the message that an edit, a deletion or a reaction is about. */
  about?: string | undefined;
};

/** Who speaks and when; everything else in a frame follows from it. `ts` and `aboutTs` are Slack timestamps. */
type EventContext = { teamID: string; botUserID: string; botID: string; ts: string; aboutTs: string };

/** A generated frame with the id that names it among all events of all teams. */
type NamedFrame = { id: string; frame: Frame };

/**
 * A frame of the given kind, shaped as Slack sends it over RTM (java-slack-sdk json-logs/samples/rtm, slack-api-ref
 * events). Its id is found again by `eventIDOf`, whatever the program under test adds around the frame.
 */
export function generateEvent(kind: EventKind, context: EventContext, options: EventOptions = {}): NamedFrame {
  const channel = options.channel ?? 'C0GENERAL1';
  const user = kind === 'own_message' ? context.botUserID : (options.user ?? 'U0PERSON01');
  const id = randomUUID();
  const text = options.text ?? `event ${id}`;
  const { teamID, ts, aboutTs } = context;
  switch (kind) {
    case 'message':
      return { id, frame: { ...plain({ channel, user, text, ts, teamID }), client_msg_id: id } };
    case 'own_message':
      return {
        id,
        frame: { ...plain({ channel, user, text, ts, teamID }), client_msg_id: id, bot_id: context.botID },
      };
    case 'bot_message':
      return {
        id,
        frame: {
          type: 'message',
          subtype: 'bot_message',
          channel,
          bot_id: 'B0OTHER001',
          username: 'another bot',
          text,
          client_msg_id: id,
          team: teamID,
          ts,
          event_ts: ts,
        },
      };
    case 'edited':
      return {
        id,
        frame: {
          type: 'message',
          subtype: 'message_changed',
          hidden: true,
          channel,
          message: {
            ...original({ user, text, ts: aboutTs, teamID }),
            client_msg_id: id,
            edited: { user, ts },
          },
          previous_message: original({ user, text: 'before', ts: aboutTs, teamID }),
          ts,
          event_ts: ts,
        },
      };
    case 'deleted':
      return {
        id,
        frame: {
          type: 'message',
          subtype: 'message_deleted',
          hidden: true,
          channel,
          deleted_ts: aboutTs,
          previous_message: { ...original({ user, text, ts: aboutTs, teamID }), client_msg_id: id },
          ts,
          event_ts: ts,
        },
      };
    case 'reaction_added':
    case 'reaction_removed':
      return {
        id: `${teamID}/${ts}`,
        frame: {
          type: kind,
          user,
          reaction: 'thumbsup',
          item_user: context.botUserID,
          item: { type: 'message', channel, ts: aboutTs },
          team: teamID,
          event_ts: ts,
        },
      };
    case 'team_join':
      return { id: freshID('U', id), frame: { type: kind, user: person(freshID('U', id), teamID, ts) } };
    case 'im_created':
      return {
        id: freshID('D', id),
        frame: { type: kind, user, channel: { id: freshID('D', id), created: seconds(ts), is_im: true, user } },
      };
    case 'channel_joined':
      return {
        id: freshID('C', id),
        frame: {
          type: kind,
          channel: {
            id: freshID('C', id),
            name: `channel-${id.slice(0, 8)}`,
            is_channel: true,
            is_member: true,
            created: seconds(ts),
            creator: user,
            members: [user, context.botUserID],
          },
        },
      };
  }
}

/**
 * The id of a generated frame, or of a generated payload of a slash command or an interaction, read off it alone: this is
 * how a test counts what came out at the far end. Undefined for what this simulator did not make.
 */
export function eventIDOf(frame: Frame): string | undefined {
  for (const holder of [frame, frame.message, frame.previous_message]) {
    const id = field(holder, 'client_msg_id');
    if (id !== undefined) return id;
  }
  switch (frame.type) {
    case 'reaction_added':
    case 'reaction_removed': {
      const team = field(frame, 'team');
      const ts = field(frame, 'event_ts');
      return team === undefined || ts === undefined ? undefined : `${team}/${ts}`;
    }
    case 'team_join':
      return field(frame.user, 'id');
    case 'im_created':
    case 'channel_joined':
      return field(frame.channel, 'id');
    default:
      return field(frame, 'trigger_id') ?? field(frame.view, 'external_id');
  }
}

function field(holder: unknown, name: string): string | undefined {
  if (typeof holder !== 'object' || holder === null) return undefined;
  const value = (holder as Frame)[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

type Said = { user: string; text: string; ts: string; teamID: string };

const plain = ({ channel, ...said }: Said & { channel: string }): Frame => ({
  ...original(said),
  channel,
  source_team: said.teamID,
  user_team: said.teamID,
  suppress_notification: false,
  event_ts: said.ts,
});

const original = ({ user, text, ts, teamID }: Said): Frame => ({ type: 'message', user, text, team: teamID, ts });

const person = (id: string, teamID: string, ts: string): Frame => ({
  id,
  team_id: teamID,
  name: `person-${id.toLowerCase()}`,
  deleted: false,
  real_name: 'A new person',
  tz: 'Europe/Berlin',
  profile: { real_name: 'A new person', display_name: 'new', team: teamID },
  is_bot: false,
  is_app_user: false,
  updated: seconds(ts),
});

const freshID = (letter: string, uuid: string): string =>
  `${letter}0${uuid.replaceAll('-', '').slice(0, 16).toUpperCase()}`;

const seconds = (ts: string): number => Number(ts.slice(0, ts.indexOf('.')));
