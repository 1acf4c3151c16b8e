import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { disableBot, type Normalized, normalize } from '#connector/event/normalize.ts';
import { decodeSocketModeFrame } from '#connector/transport/socket-mode/socket-mode-frame.ts';
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
        'app_mention',
        'slash_commands',
        'disable_bot',
      ]),
    );
  });

  it.each(samples.map((sample) => [sample.id, sample] as const))('are what Relax writes: %s', (_id, sample) => {
    const result = read(sample, Date.parse(sample.received_at));
    expect(JSON.stringify(result.kind === 'event' ? result.item : result)).toBe(JSON.stringify(sample));
  });
});

function read(sample: QueueItem, atMs: number): Normalized {
  if (sample.type === 'disable_bot') return disableBot(source, 'invalid_auth', atMs);
  if (sample.envelope === undefined) return normalize(sample.event, source, atMs);
  const decoded = decodeSocketModeFrame(JSON.stringify(frameOf(sample, sample.envelope)));
  if (decoded.kind !== 'event') throw new Error(`not an event but ${decoded.kind}`);
  const { reply } = sample;
  return normalize(decoded.event, { ...source, botUserID: '' }, atMs, { ...decoded, reply });
}

/** What Slack sent: of an event its wrapper comes in the payload, of anything else the envelope has no more than `type`. */
function frameOf({ event }: QueueItem, envelope: Readonly<Record<string, unknown>>): unknown {
  const { envelope_id, retry_attempt, retry_reason, ...wrapper } = envelope;
  return wrapper.event_id === undefined
    ? { ...envelope, payload: event }
    : { type: 'events_api', envelope_id, payload: { ...wrapper, event }, retry_attempt, retry_reason };
}
