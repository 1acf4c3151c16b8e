import { expect, it } from 'vitest';
import {
  documentedEventsApiPayloads,
  documentedRtmFrames,
  eventsApiPayloads,
  interactions,
  rtmFrames,
} from '#test/support/corpus.ts';

it('holds the RTM frames, each with a type', () => {
  const frames = rtmFrames();
  expect(frames).toHaveLength(85);
  expect(documentedRtmFrames().length).toBeGreaterThan(15);
  expect([...frames, ...documentedRtmFrames()].filter(({ frame }) => typeof frame.type !== 'string')).toEqual([]);
  expect(frames.map(({ name }) => name)).toContain('ReactionAddedEvent');
});

it('holds the Events API payloads, each with its wrapper', () => {
  const payloads = eventsApiPayloads();
  expect(payloads).toHaveLength(96);
  expect(payloads.filter(({ payload }) => !('event' in payload && 'team_id' in payload))).toEqual([]);
});

it('holds the events that Slack has added for agents and assistants', () => {
  const types = documentedEventsApiPayloads().map(({ payload }) => {
    const event = (payload.event ?? payload) as Record<string, unknown>;
    return event.type;
  });
  expect(types).toEqual(
    expect.arrayContaining([
      'assistant_thread_started',
      'assistant_thread_context_changed',
      'app_context_changed',
      'agent_session_stopped',
      'agent_session_title_changed',
      'function_executed',
      'app_rate_limited',
    ]),
  );
});

it('holds slash commands and interactions of every type', () => {
  const samples = interactions();
  expect(samples.filter(({ type }) => type === 'slash_commands')).toHaveLength(1);
  expect(new Set(samples.map(({ payload }) => payload.type))).toEqual(
    new Set([
      undefined,
      'block_actions',
      'block_suggestion',
      'dialog_cancellation',
      'dialog_submission',
      'dialog_suggestion',
      'interactive_message',
      'message_action',
      'shortcut',
      'view_closed',
      'view_submission',
    ]),
  );
});
