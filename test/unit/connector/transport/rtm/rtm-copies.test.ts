import { describe, expect, it } from 'vitest';
import { copiedEvent } from '#connector/transport/rtm/rtm-copies.ts';

const self = { botUserID: 'UBOT' };
const message = { type: 'message', channel: 'C1', user: 'U2', text: 'hi', ts: '1700000000.000100' };

describe('an event over RTM', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['a message', message, 'message/C1/1700000000.000100'],
    [
      'an edit',
      { ...message, subtype: 'message_changed', event_ts: '1700000001.000200' },
      'message/C1/1700000001.000200',
    ],
    ['a message of another bot', { ...message, user: undefined, bot_id: 'B7' }, 'message/C1/1700000000.000100'],
    ['a reaction', { type: 'reaction_added', user: 'UBOT', event_ts: '1.000001' }, 'reaction_added//1.000001'],
    [
      'a new channel',
      { type: 'channel_created', channel: { id: 'C9' }, event_ts: '2.000001' },
      'channel_created/C9/2.000001',
    ],
  ])('goes to every socket of the token: %s', (_, event, id) => {
    expect(copiedEvent(event, self)).toBe(id);
  });

  it.each<[string, Record<string, unknown>]>([
    ['an ephemeral message', { ...message, is_ephemeral: true }],
    ['what the bot itself says, which the socket that it was sent over may not get', { ...message, user: 'UBOT' }],
    ['the answer to a message of ours', { ...message, reply_to: 4 }],
    ['an event of a type that nobody knows', { type: 'novelty', event_ts: '2.000001' }],
    ['what one person has starred', { type: 'star_added', user: 'U2', event_ts: '2.000001' }],
    ['typing', { type: 'user_typing', channel: 'C1', user: 'U2', ts: '1.000001' }],
    ['presence', { type: 'presence_change', user: 'U2', presence: 'away', event_ts: '1.000001' }],
    ['a mark of what was read', { type: 'channel_marked', channel: 'C1', ts: '1.000001' }],
    ['an event without a time, which nothing tells from a repetition', { type: 'team_join', user: { id: 'U9' } }],
  ])('may go to some sockets only: %s', (_, event) => {
    expect(copiedEvent(event, self)).toBeUndefined();
  });
});
