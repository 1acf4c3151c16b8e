import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Frame } from '#slack-simulator/frames.ts';

/** Sample payloads of Slack: see test/fixtures/slack/README.md for sources and licence. */
const fixtures = join(import.meta.dirname, '../fixtures/slack');

export type RtmSample = { name: string; frame: Frame };
export type EventsApiSample = { name: string; payload: Frame };
/** `type`: that of the Socket Mode envelope which carries the payload. */
export type InteractionSample = { name: string; type: 'slash_commands' | 'interactive'; payload: Frame };

/** All RTM frames of Slack's own corpus, by file name without its ending, in alphabetical order. */
export function rtmFrames(): RtmSample[] {
  return samples('rtm/*').map(({ name, value }) => ({ name, frame: value }));
}

/** All Events API payloads of Slack's own corpus, each with its outer wrapper. */
export function eventsApiPayloads(): EventsApiSample[] {
  return samples('events/*').map(({ name, value }) => ({ name, payload: value }));
}

/** RTM frames that Slack's corpus lacks, after its documentation. */
export function documentedRtmFrames(): RtmSample[] {
  return samples('docs/rtm/*').map(({ name, value }) => ({ name, frame: value }));
}

/** Events API payloads that Slack's corpus lacks, after its documentation: mostly events of agents and assistants. */
export function documentedEventsApiPayloads(): EventsApiSample[] {
  return samples('docs/events/*').map(({ name, value }) => ({ name, payload: value }));
}

/** Slash commands, shortcuts, actions, views, dialogs: of the corpus and of the documentation. */
export function interactions(): InteractionSample[] {
  return [
    ...samples('app-backend/slash-commands/*').map(({ name, value }) => interaction(name, 'slash_commands', value)),
    ...samples('app-backend/{dialogs,interactive-components,views}/*').map(({ name, value }) =>
      interaction(name, 'interactive', value),
    ),
    ...samples('docs/interactive/*').map(({ name, value }) => interaction(name, 'interactive', value)),
  ];
}

const interaction = (name: string, type: InteractionSample['type'], payload: Frame): InteractionSample => ({
  name,
  type,
  payload,
});

function samples(pattern: string): { name: string; value: Frame }[] {
  return globSync(`${pattern}.json`, { cwd: fixtures })
    .sort()
    .map((file) => ({
      name: basename(file, '.json'),
      value: JSON.parse(readFileSync(join(fixtures, file), 'utf8')) as Frame,
    }));
}
