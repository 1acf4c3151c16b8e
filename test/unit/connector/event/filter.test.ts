import { describe, expect, it } from 'vitest';
import { normalize } from '#connector/event/normalize.ts';
import type { EventFilter } from '#core/protocol/assignment.ts';
import { RECEIVED_AT_MS, sourceOf } from './source.ts';

const fate = (frame: unknown, events: Partial<EventFilter> = {}): string => {
  const filter = { include: [], exclude: [], own: false, ...events };
  const result = normalize(frame, sourceOf({ events: filter }), RECEIVED_AT_MS);
  if (result.kind === 'event') return result.item.type;
  return result.kind === 'filtered' ? `filtered: ${result.reason}` : result.kind;
};

const plain = { type: 'message', channel: 'C1', user: 'U1', text: 'hi', ts: '1.1' };
const own = { ...plain, user: 'UBOT' };
const edited = { type: 'message', subtype: 'message_changed', channel: 'C1', ts: '2.2', message: { user: 'UBOT' } };
const typing = { type: 'user_typing', channel: 'C1', user: 'U1' };

describe('what reaches the queue', () => {
  it.each<[string, unknown, Partial<EventFilter>, string]>([
    ['plain messages do', plain, {}, 'message_new'],
    ['own plain messages do not', own, {}, 'filtered: own'],
    ['own plain messages do if asked for', own, { own: true }, 'message_new'],
    ['own edits do, as in 2015', edited, {}, 'message_edited'],
    ['own reactions do, as in 2015', { type: 'reaction_added', user: 'UBOT', item: {} }, {}, 'reaction_added'],
    ['an exclude list acts on the type of the item', plain, { exclude: ['message_new'] }, 'filtered: excluded'],
    ['an exclude list acts on the type of Slack', edited, { exclude: ['message'] }, 'filtered: excluded'],
    ['an exclude list leaves the others alone', edited, { exclude: ['message_new'] }, 'message_edited'],
    ['an include list acts on the type of the item', plain, { include: ['message_new'] }, 'message_new'],
    ['an include list acts on the type of Slack', edited, { include: ['message'] }, 'message_edited'],
    ['an include list leaves out the others', edited, { include: ['message_new'] }, 'filtered: not_included'],
    ['exclude wins over include', plain, { include: ['message'], exclude: ['message_new'] }, 'filtered: excluded'],
    ['states of the moment do not', typing, {}, 'filtered: lossy'],
    ['marks of readers do not', { type: 'im_marked', channel: 'D1', ts: '1.1' }, {}, 'filtered: lossy'],
    ['states of the moment do if included', typing, { include: ['user_typing'] }, 'user_typing'],
    ['frames about the socket never do', { type: 'hello' }, { include: ['hello'] }, 'filtered: transport'],
    ['replies never do', { ok: true, reply_to: 1, ts: '1.1' }, {}, 'filtered: transport'],
    ['a frame without a type is malformed', { text: 'what?' }, {}, 'malformed'],
    ['a frame whose type is no text is malformed', { type: 5 }, {}, 'malformed'],
    ['what is no object is malformed', [plain], {}, 'malformed'],
  ])('%s', (_name, frame, events, expected) => {
    expect(fate(frame, events)).toBe(expected);
  });
});
