import { randomUUID } from 'node:crypto';
import type { Installation } from '../app.ts';
import type { Frame } from '../frames.ts';
import { verificationToken } from './event-payload.ts';

export const interactiveKinds = [
  'block_actions',
  'view_submission',
  'view_closed',
  'shortcut',
  'message_action',
  'block_suggestion',
] as const;
export type InteractiveKind = (typeof interactiveKinds)[number];

export type CommandOptions = {
  /** With its slash; `/relax` by default. */
  command?: string | undefined;
  text?: string | undefined;
  channel?: string | undefined;
  user?: string | undefined;
};

export type InteractionOptions = {
  user?: string | undefined;
  channel?: string | undefined;
  /** `callback_id` of a shortcut or of the view. */
  callbackID?: string | undefined;
  /** `action_id` of the button, or of the select whose options are asked for. */
  actionID?: string | undefined;
  /** What the user typed so far, or the button's value. */
  value?: string | undefined;
  /** Replaces fields of the payload. */
  payload?: Frame | undefined;
};

/** Where something happens: Slack's own ids come from it. `ts`: a fresh Slack timestamp. */
export type Scene = { installation: Installation; teamID: string; ts: string; origin: string };

/** `id`: read off the payload by `eventIDOf`. */
export type NamedPayload = { id: string; payload: Frame };

/** Whether Slack takes an answer inside the acknowledgement (docs.slack.dev/apis/events-api/using-socket-mode). */
export const takesAnswer = (kind: InteractiveKind): boolean =>
  kind === 'view_submission' || kind === 'block_suggestion';

export function commandPayload(scene: Scene, options: CommandOptions = {}): NamedPayload {
  const { installation, teamID } = scene;
  const id = freshTriggerID();
  const user = options.user ?? 'U0PERSON01';
  return {
    id,
    payload: {
      token: verificationToken,
      team_id: teamID,
      team_domain: domainOf(teamID),
      ...(installation.enterpriseID === undefined
        ? {}
        : { enterprise_id: installation.enterpriseID, enterprise_name: 'Simulated org' }),
      channel_id: options.channel ?? 'C0GENERAL1',
      channel_name: 'general',
      user_id: user,
      user_name: user.toLowerCase(),
      command: options.command ?? '/relax',
      text: options.text ?? '',
      api_app_id: installation.appID,
      is_enterprise_install: String(installation.isEnterpriseInstall),
      response_url: responseURL(scene, 'commands'),
      trigger_id: id,
    },
  };
}

/** A payload of the given kind, shaped as in java-slack-sdk json-logs/samples/app-backend. */
export function interactionPayload(
  kind: InteractiveKind,
  scene: Scene,
  options: InteractionOptions = {},
): NamedPayload {
  const id = freshTriggerID();
  return {
    id,
    payload: { ...common(kind, scene, options), ...specifics(kind, id, scene, options), ...options.payload },
  };
}

function common(kind: InteractiveKind, { installation, teamID }: Scene, options: InteractionOptions): Frame {
  const user = options.user ?? 'U0PERSON01';
  const { enterpriseID } = installation;
  return {
    type: kind,
    token: verificationToken,
    team: { id: teamID, domain: domainOf(teamID) },
    user: { id: user, username: user.toLowerCase(), name: user.toLowerCase(), team_id: teamID },
    api_app_id: installation.appID,
    enterprise: enterpriseID === undefined ? null : { id: enterpriseID, name: 'Simulated org' },
    is_enterprise_install: installation.isEnterpriseInstall,
  };
}

function specifics(kind: InteractiveKind, id: string, scene: Scene, options: InteractionOptions): Frame {
  const callbackID = options.callbackID ?? 'simulated_callback';
  const actionID = options.actionID ?? 'simulated_action';
  const channel = { id: options.channel ?? 'C0GENERAL1', name: 'general' };
  switch (kind) {
    case 'block_actions':
      return {
        trigger_id: id,
        container: { type: 'message', message_ts: scene.ts, channel_id: channel.id, is_ephemeral: false },
        channel,
        message: { type: 'message', user: scene.installation.botUserID, ts: scene.ts, text: 'a message with a button' },
        state: { values: {} },
        response_url: responseURL(scene, 'actions'),
        actions: [
          {
            type: 'button',
            block_id: 'simulated_block',
            action_id: actionID,
            text: { type: 'plain_text', text: 'Press', emoji: true },
            value: options.value ?? 'pressed',
            action_ts: scene.ts,
          },
        ],
      };
    case 'view_submission':
      return { trigger_id: id, view: view(id, scene, callbackID), response_urls: [] };
    case 'view_closed':
      return { view: view(id, scene, callbackID), is_cleared: false };
    case 'shortcut':
      return { trigger_id: id, callback_id: callbackID, action_ts: scene.ts };
    case 'message_action':
      return {
        trigger_id: id,
        callback_id: callbackID,
        action_ts: scene.ts,
        message_ts: scene.ts,
        channel,
        message: { type: 'message', user: 'U0PERSON02', ts: scene.ts, text: 'the message it is about' },
        response_url: responseURL(scene, 'app'),
      };
    case 'block_suggestion': {
      const shown = view(id, scene, callbackID);
      return {
        container: { type: 'view', view_id: shown.id },
        view: shown,
        action_id: actionID,
        block_id: 'simulated_block',
        value: options.value ?? '',
      };
    }
    default:
      return kind satisfies never;
  }
}

/** `external_id` names the payload where Slack sends no trigger_id. */
function view(id: string, { installation, teamID, ts }: Scene, callbackID: string): Frame {
  return {
    id: `V${id.slice(-10).toUpperCase()}`,
    team_id: teamID,
    type: 'modal',
    external_id: id,
    callback_id: callbackID,
    app_id: installation.appID,
    bot_id: installation.botID,
    title: { type: 'plain_text', text: 'Simulated', emoji: true },
    submit: { type: 'plain_text', text: 'Submit', emoji: true },
    blocks: [],
    state: {
      values: { simulated_block: { simulated_input: { type: 'plain_text_input', value: 'typed by the user' } } },
    },
    private_metadata: '',
    hash: `${ts.split('.')[0]}.${id.slice(-8)}`,
    root_view_id: `V${id.slice(-10).toUpperCase()}`,
    previous_view_id: null,
    app_installed_team_id: installation.teamID,
  };
}

const freshTriggerID = (): string => {
  const hex = randomUUID().replaceAll('-', '');
  return `${Number.parseInt(hex.slice(0, 10), 16)}.${Number.parseInt(hex.slice(10, 20), 16)}.${hex}`;
};

const responseURL = ({ origin, teamID }: Scene, place: string): string =>
  `${origin}/${place}/${teamID}/${randomUUID()}`;

const domainOf = (teamID: string): string => `team-${teamID.toLowerCase()}`;
