import { expect, it } from 'vitest';
import { eventsApiPayloads, rtmFrames } from '#test/support/corpus.ts';

it('holds the RTM frames, each with a type', () => {
  const frames = rtmFrames();
  expect(frames).toHaveLength(85);
  expect(frames.filter(({ frame }) => typeof frame.type !== 'string')).toEqual([]);
  expect(frames.map(({ name }) => name)).toContain('ReactionAddedEvent');
});

it('holds the Events API payloads, each with its wrapper', () => {
  const payloads = eventsApiPayloads();
  expect(payloads).toHaveLength(96);
  expect(payloads.filter(({ payload }) => !('event' in payload && 'team_id' in payload))).toEqual([]);
});
