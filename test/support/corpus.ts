import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from '#slack-simulator/frames.ts';

/** Slack's own sample payloads, values blanked: see test/fixtures/slack/README.md for source and licence. */
const fixtures = join(import.meta.dirname, '../fixtures/slack');

export type RtmSample = { name: string; frame: Frame };
export type EventsApiSample = { name: string; payload: Frame };

/** All RTM frames of the corpus, by file name without its ending, in alphabetical order. */
export function rtmFrames(): RtmSample[] {
  return samples('rtm').map(({ name, value }) => ({ name, frame: value }));
}

/** All Events API payloads of the corpus, each with its outer wrapper. */
export function eventsApiPayloads(): EventsApiSample[] {
  return samples('events').map(({ name, value }) => ({ name, payload: value }));
}

function samples(folder: string): { name: string; value: Frame }[] {
  const path = join(fixtures, folder);
  return readdirSync(path)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => ({
      name: file.slice(0, -'.json'.length),
      value: JSON.parse(readFileSync(join(path, file), 'utf8')) as Frame,
    }));
}
