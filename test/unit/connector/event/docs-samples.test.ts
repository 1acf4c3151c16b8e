import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { disableBot, normalize } from '#connector/event/normalize.ts';
import type { QueueItem } from '#core/protocol/queue-item.ts';
import { sourceOf } from './source.ts';

const page = readFileSync(new URL('../../../../docs/redis.md', import.meta.url), 'utf8');
const samples = [...page.matchAll(/```json\n(\{.*\})\n```/g)].map(([, json = '']) => JSON.parse(json) as QueueItem);

const source = sourceOf({
  teamID: 'T024BE7LH',
  slackTeamID: 'T024BE7LH',
  botUserID: 'U0BOT',
  tokenDigest: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
});

describe('the samples of docs/redis.md', () => {
  it('cover every type that has a name of its own', () => {
    expect(new Set(samples.map(({ type }) => type))).toEqual(
      new Set([
        'message_new',
        'message_edited',
        'message_deleted',
        'reaction_added',
        'team_joined',
        'im_created',
        'channel_joined',
        'message',
        'member_joined_channel',
        'disable_bot',
      ]),
    );
  });

  it.each(samples.map((sample) => [sample.id, sample] as const))('are what Relax writes: %s', (_id, sample) => {
    const atMs = Date.parse(sample.received_at);
    const result =
      sample.type === 'disable_bot' ? disableBot(source, 'invalid_auth', atMs) : normalize(sample.event, source, atMs);
    expect(JSON.stringify(result.kind === 'event' ? result.item : result)).toBe(JSON.stringify(sample));
  });
});
