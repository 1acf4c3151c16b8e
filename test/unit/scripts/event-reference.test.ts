import { describe, expect, it } from 'vitest';
import { envelopeTraits, rtmTraits } from '#scripts/event-probe.ts';
import { eventReference } from '#scripts/event-reference.ts';

describe('what identifies an event, asked of the code', () => {
  it('is read off its id, field by field', () => {
    const reaction = {
      type: 'reaction_added',
      user: '',
      reaction: '',
      item: { type: 'message', channel: '', ts: '' },
      event_ts: '',
    };
    expect(rtmTraits(reaction)).toEqual({
      itemType: 'reaction_added',
      identifiedBy: ['item.type', 'item.channel', 'item.ts', 'reaction', 'user', 'event_ts'],
      markedBy: 'event_ts',
      isLossy: false,
      isUrgent: false,
    });
    expect(rtmTraits({ type: 'user_typing', channel: '', user: '' })).toMatchObject({
      identifiedBy: ['rest'],
      markedBy: 'arrival',
      isLossy: true,
    });
    expect(rtmTraits({ type: 'hello' })).toBeUndefined();
  });

  it('is Slack’s number in an envelope, and the envelope where there is none', () => {
    const payloadOf = (event: object) => ({
      team_id: '',
      api_app_id: '',
      event,
      type: '',
      event_id: '',
      event_time: 1,
    });
    const traitsOf = (event: object) => envelopeTraits('events_api', payloadOf(event));
    expect(traitsOf({ type: 'x', ts: '' })).toMatchObject({ identifiedBy: ['event_id'], markedBy: 'ts' });
    expect(traitsOf({ type: 'x' })).toMatchObject({ identifiedBy: ['event_id'], markedBy: 'event_id' });
    expect(envelopeTraits('slash_commands', { command: '' })).toMatchObject({
      itemType: 'slash_commands',
      identifiedBy: ['envelope_id'],
      markedBy: 'arrival',
      isUrgent: true,
    });
  });
});

describe('docs/events.md', () => {
  const rows = eventReference()
    .split('\n')
    .filter((line) => line.startsWith('| `'));

  it.each([
    ['assistant_thread_started', 'event_ts'],
    ['assistant_thread_context_changed', 'event_ts'],
    ['app_context_changed', 'event_id'],
    ['agent_session_stopped', 'event_ts'],
    ['agent_session_title_changed', 'event_ts'],
  ])('has %s', (type, mark) => {
    expect(rows).toContain(`| \`${type}\` | \`${type}\` | - | - | \`event_id\` | \`${mark}\` | yes | if named |`);
  });

  it('names what comes only if asked for', () => {
    const lossy = rows.filter((line) => line.includes('if included')).map((line) => line.split('`')[1]);
    expect(lossy).toEqual(
      expect.arrayContaining(['user_typing', 'presence_change', 'manual_presence_change', 'im_marked']),
    );
  });

  it('has every type once', () => {
    const types = rows.map((line) => line.split('`')[1]);
    expect(new Set(types).size).toBe(types.length);
    expect(types.length).toBeGreaterThan(130);
  });
});
