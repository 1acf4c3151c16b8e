import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { source } from './pages.ts';

interface Manifest {
  features: { app_home: object; slash_commands: object[] };
  oauth_config: { scopes: { bot: string[] } };
  settings: {
    event_subscriptions: { bot_events: string[] };
    interactivity: { is_enabled: boolean };
    socket_mode_enabled: boolean;
  };
}

/** The scope without which Slack does not send the event: https://docs.slack.dev/reference/events */
const SCOPES: Readonly<Record<string, string>> = {
  app_mention: 'app_mentions:read',
  'message.channels': 'channels:history',
  'message.groups': 'groups:history',
  'message.im': 'im:history',
  'message.mpim': 'mpim:history',
  reaction_added: 'reactions:read',
  reaction_removed: 'reactions:read',
  team_join: 'users:read',
};

const manifest = parse(source('examples/slack-app/manifest.yaml')) as Manifest;
const scopes = manifest.oauth_config.scopes.bot;

it.each(manifest.settings.event_subscriptions.bot_events)(
  'the Slack app of the examples has the scope of %s',
  (event) => {
    expect(scopes).toContain(SCOPES[event]);
  },
);

it('and asks for no scope that it does not need', () => {
  const needed = manifest.settings.event_subscriptions.bot_events.map((event) => SCOPES[event]);
  expect(scopes.filter((scope) => !needed.includes(scope))).toEqual(['commands', 'chat:write']);
});

it('and speaks Socket Mode, takes slash commands and modals, and lets people write to the bot', () => {
  const { features, settings } = manifest;
  expect(settings).toMatchObject({ socket_mode_enabled: true, interactivity: { is_enabled: true } });
  expect(features).toMatchObject({
    app_home: { messages_tab_enabled: true, messages_tab_read_only_enabled: false },
    slash_commands: [{ command: '/acme' }],
  });
});
