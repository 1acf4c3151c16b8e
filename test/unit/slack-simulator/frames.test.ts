import { describe, expect, it } from 'vitest';
import { eventIDOf, eventKinds, generateEvent } from '#slack-simulator/frames.ts';
import { createTimestamps } from '#slack-simulator/timestamps.ts';

const timestamps = createTimestamps();
const nowMs = Date.parse('2026-11-24T10:00:00Z');
const generate = (kind: (typeof eventKinds)[number]) =>
  generateEvent(kind, {
    teamID: 'T1',
    botUserID: 'U0BOT',
    botID: 'B0BOT',
    aboutTs: timestamps.next(nowMs),
    ts: timestamps.next(nowMs),
  });

describe.each(eventKinds)('a generated %s', (kind) => {
  it('has its id found from the frame alone, also after a round trip through JSON', () => {
    const { id, frame } = generate(kind);
    expect(eventIDOf(JSON.parse(JSON.stringify(frame)))).toBe(id);
  });

  it('has an id of its own each time', () => {
    const ids = Array.from({ length: 1000 }, () => generate(kind).id);
    expect(new Set(ids).size).toBe(1000);
  });
});

it('puts the id of a message into its text and client_msg_id', () => {
  const { id, frame } = generate('message');
  expect(frame).toMatchObject({ type: 'message', text: `event ${id}`, client_msg_id: id });
});

it.each(['edited', 'deleted'] as const)(
  'gives a message that was %s an outer ts unlike that of the message it is about',
  (kind) => {
    const { frame } = generate(kind);
    const inner = (frame.message ?? frame.previous_message) as { ts: string };
    expect(frame.ts).toMatch(/^\d{10}\.\d{6}$/);
    expect(inner.ts).not.toBe(frame.ts);
  },
);

it('makes an own message by the bot user', () => {
  expect(generate('own_message').frame).toMatchObject({ user: 'U0BOT', bot_id: 'B0BOT' });
  expect(generate('own_message').frame).not.toHaveProperty('subtype');
});

it('finds no id in frames that it did not make', () => {
  expect(eventIDOf({ type: 'hello' })).toBeUndefined();
  expect(eventIDOf({ type: 'im_created', channel: {} })).toBeUndefined();
  expect(eventIDOf({ type: 'message', message: null })).toBeUndefined();
});
