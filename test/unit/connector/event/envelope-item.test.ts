import { describe, expect, it } from 'vitest';
import { itemJson } from '#connector/event/item-json.ts';
import { type Normalized, normalize } from '#connector/event/normalize.ts';
import { decodeSocketModeFrame } from '#connector/transport/socket-mode/socket-mode-frame.ts';
import { RECEIVED_AT_MS, sourceOf } from './source.ts';
import { envelopeFrame, type Fields, itemOf, payloadOf, throughSocketMode } from './through.ts';

const MESSAGE: Fields = { type: 'message', channel: 'C1', user: 'U1', text: 'hi', ts: '1700000000.000100' };

/** As the slot does it. */
function read(type: string, payload: Fields, source: Parameters<typeof sourceOf>[0] = {}): Normalized {
  const decoded = decodeSocketModeFrame(envelopeFrame(type, payload));
  if (decoded.kind !== 'event') throw new Error(`not an event but ${decoded.kind}`);
  return normalize(decoded.event, sourceOf(source), RECEIVED_AT_MS, decoded);
}

describe('the item of an event in an envelope', () => {
  it('has Slack’s event, what was around it and where to answer, in this order', () => {
    const frame =
      '{"envelope_id":"e-1","payload":{"token":"secret","team_id":"T1","api_app_id":"A1","event": {"type":"x","n":12345678901234567890} ,' +
      '"event_id":"Ev1","event_time":1700000000},"type":"events_api","accepts_response_payload":false,"retry_attempt":1,"retry_reason":"timeout"}';
    const decoded = decodeSocketModeFrame(frame);
    if (decoded.kind !== 'event') throw new Error('not an event');
    const reply = { to: 'relax:{c:c1}:replies:p', id: 'e-1', before: '2026-11-24T08:30:17.750Z' };
    const event = normalize(decoded.event, sourceOf(), RECEIVED_AT_MS, { ...decoded, reply });
    if (event.kind !== 'event') throw new Error('not queued');
    expect(itemJson(event)).toBe(
      '{"type":"x","user_uid":"","channel_uid":"","team_uid":"T1","im":false,"text":"","relax_bot_uid":"UBOT","timestamp":"",' +
        `"provider":"slack","event_timestamp":"${RECEIVED_AT_MS}000000","namespace":"","attachments":null,` +
        '"id":"T1/A1/x/Ev1","bot":"bots/acme","event":{"type":"x","n":12345678901234567890},' +
        '"envelope":{"team_id":"T1","api_app_id":"A1","event_id":"Ev1","event_time":1700000000,"envelope_id":"e-1",' +
        '"retry_attempt":1,"retry_reason":"timeout"},' +
        '"reply":{"to":"relax:{c:c1}:replies:p","id":"e-1","before":"2026-11-24T08:30:17.750Z"},' +
        '"received_at":"2026-11-24T08:30:15.250Z"}',
    );
  });

  it('names the tenant as its team, and the resource’s team where Slack names none', () => {
    const source = { teamID: 'TSPEC' };
    expect(itemOf(throughSocketMode('events_api', payloadOf(MESSAGE), { source })).team_uid).toBe('T1');
    const nameless = payloadOf(MESSAGE, { team_id: null, authorizations: [] });
    expect(itemOf(throughSocketMode('events_api', nameless, { source })).team_uid).toBe('TSPEC');
  });

  it('names the bot of the installation, and otherwise the one that is known', () => {
    expect(itemOf(throughSocketMode('events_api', payloadOf(MESSAGE))).relax_bot_uid).toBe('UBOT1');
    expect(itemOf(throughSocketMode('slash_commands', { team_id: 'T1' })).relax_bot_uid).toBe('UBOT');
  });

  it('that no consumer could parse is not written', () => {
    const deep = `{"envelope_id":"e","type":"events_api","payload":{"x":${'['.repeat(20_000)}${']'.repeat(20_000)},"event":{"type":"a"}}}`;
    const decoded = decodeSocketModeFrame(deep);
    if (decoded.kind !== 'event') throw new Error('not an event');
    const event = normalize(decoded.event, sourceOf(), RECEIVED_AT_MS, decoded);
    expect(event.kind === 'event' && itemJson(event)).toBeUndefined();
  });
});

describe('the Relax fields of', () => {
  const fieldsOf = (type: string, payload: Fields): unknown => {
    const item = itemOf(throughSocketMode(type, payload));
    const { user_uid, channel_uid, im, text, timestamp, event_timestamp } = item;
    return { type: item.type, user_uid, channel_uid, im, text, timestamp, event_timestamp };
  };
  const clock = `${RECEIVED_AT_MS}000000`;
  const none = { user_uid: '', channel_uid: '', im: false, text: '', timestamp: '', event_timestamp: clock };
  const by = { team: { id: 'T1' }, user: { id: 'U1', team_id: 'T1' } };

  it.each<[string, string, Fields, Fields]>([
    [
      'a slash command',
      'slash_commands',
      { team_id: 'T1', user_id: 'U1', channel_id: 'D1', command: '/deploy', text: 'now please' },
      { ...none, type: 'slash_commands', user_uid: 'U1', channel_uid: 'D1', im: true, text: 'now please' },
    ],
    [
      'a button of a message',
      'interactive',
      {
        type: 'block_actions',
        ...by,
        channel: { id: 'C1', name: 'c' },
        container: { type: 'message', message_ts: '5.1', channel_id: 'C1' },
        message: { ts: '5.1', text: 'Choose!' },
        actions: [{ action_id: 'a', action_ts: '6.1' }],
      },
      { ...none, type: 'block_actions', user_uid: 'U1', channel_uid: 'C1', timestamp: '5.1', event_timestamp: '6.1' },
    ],
    [
      'a button of an ephemeral message',
      'interactive',
      { type: 'block_actions', ...by, container: { message_ts: '5.1', channel_id: 'C1' }, actions: [] },
      { ...none, type: 'block_actions', user_uid: 'U1', channel_uid: 'C1', timestamp: '5.1' },
    ],
    [
      'a message shortcut',
      'interactive',
      {
        type: 'message_action',
        ...by,
        channel: { id: 'C1' },
        message_ts: '5.1',
        message: { ts: '5.1', text: 'what they wrote' },
        action_ts: '6.1',
      },
      {
        ...none,
        type: 'message_action',
        user_uid: 'U1',
        channel_uid: 'C1',
        text: 'what they wrote',
        timestamp: '5.1',
        event_timestamp: '6.1',
      },
    ],
    [
      'a global shortcut',
      'interactive',
      { type: 'shortcut', ...by, action_ts: '6.1' },
      { ...none, type: 'shortcut', user_uid: 'U1', event_timestamp: '6.1' },
    ],
    ['a view', 'interactive', { type: 'view_submission', ...by }, { ...none, type: 'view_submission', user_uid: 'U1' }],
    ['an interaction without a type', 'interactive', by, { ...none, type: 'interactive', user_uid: 'U1' }],
    [
      'a kind of envelope that is new',
      'something_new',
      { type: 'x', team_id: 'T1', user_id: 'U1', channel_id: 'C1' },
      { ...none, type: 'something_new', user_uid: 'U1', channel_uid: 'C1' },
    ],
    [
      'an assistant’s thread',
      'events_api',
      payloadOf({
        type: 'assistant_thread_started',
        assistant_thread: { user_id: 'U1', channel_id: 'D1', thread_ts: '5.1', context: { channel_id: 'C9' } },
        event_ts: '6.1',
      }),
      {
        ...none,
        type: 'assistant_thread_started',
        user_uid: 'U1',
        channel_uid: 'D1',
        im: true,
        timestamp: '5.1',
        event_timestamp: '6.1',
      },
    ],
  ])('%s', (_name, type, payload, fields) => {
    expect(fieldsOf(type, payload)).toEqual(fields);
  });
});

describe('what is queued of envelopes', () => {
  const events = (changes: Fields): { events: { include: string[]; exclude: string[]; own: boolean } } => ({
    events: { include: [], exclude: [], own: false, ...changes },
  });
  const outcome = (result: Normalized): string => (result.kind === 'filtered' ? result.reason : result.kind);

  it.each<[string, Fields, Fields, string]>([
    ['a message of the bot itself', { ...MESSAGE, user: 'UBOT1' }, {}, 'own'],
    ['a mention of the bot by itself', { ...MESSAGE, type: 'app_mention', user: 'UBOT1' }, {}, 'own'],
    ['an edit of the bot itself', { ...MESSAGE, subtype: 'message_changed', user: 'UBOT1' }, {}, 'event'],
    ['a reaction of the bot itself', { type: 'reaction_added', user: 'UBOT1', item: {}, event_ts: '1.1' }, {}, 'event'],
    ['a message of the same app in another team of a shared channel', { ...MESSAGE, app_id: 'A1' }, {}, 'event'],
    [
      'a message of the app, where Slack does not name its bot',
      { ...MESSAGE, bot_id: 'B1', app_id: 'A1' },
      { authorizations: [{ user_id: 'U1', is_bot: false }] },
      'own',
    ],
    [
      'the same, known by the profile of the bot',
      { ...MESSAGE, bot_id: 'B1', bot_profile: { app_id: 'A1' } },
      { authorizations: [] },
      'own',
    ],
    ['a message of another app', { ...MESSAGE, app_id: 'A2' }, { authorizations: [] }, 'event'],
    ['a message of a person', MESSAGE, { authorizations: [], api_app_id: '' }, 'event'],
    ['typing', { type: 'user_typing', channel: 'C1', user: 'U1' }, {}, 'lossy'],
    ['an event that is called like a frame of RTM', { type: 'goodbye' }, {}, 'event'],
  ])('%s', (_name, event, changes, expected) => {
    const result = read('events_api', payloadOf(event, changes), { botUserID: '', ...events({}) });
    expect(outcome(result)).toBe(expected);
  });

  it.each<[string, Fields, string]>([
    ['all of them', {}, 'event'],
    ['interactions', { include: ['interactive'] }, 'event'],
    ['those with a button', { include: ['block_actions'] }, 'event'],
    ['others', { include: ['view_submission'] }, 'not_included'],
    ['no interactions', { exclude: ['interactive'] }, 'excluded'],
    ['none with a button', { exclude: ['block_actions'] }, 'excluded'],
  ])('interactions, if the filter wants %s', (_name, filter, expected) => {
    const result = read('interactive', { type: 'block_actions', team: { id: 'T1' } }, events(filter));
    expect(outcome(result)).toBe(expected);
  });
});

describe('what is urgent', () => {
  const isUrgent = (type: string, payload: Fields, urgent?: string[]): unknown => {
    const result = read(type, payload, { events: { include: [], exclude: [], own: true, urgent } });
    return result.kind === 'event' && result.urgent;
  };
  it.each<[string, unknown, boolean]>([
    ['a slash command', isUrgent('slash_commands', {}), true],
    ['an interaction of any type', isUrgent('interactive', { type: 'made_up' }), true],
    ['a kind of envelope that is new', isUrgent('something_new', {}), false],
    ['a message', isUrgent('events_api', payloadOf(MESSAGE)), false],
    ['a message, by its type in the item', isUrgent('events_api', payloadOf(MESSAGE), ['message_new']), true],
    ['a message, by Slack’s type', isUrgent('events_api', payloadOf(MESSAGE), ['message']), true],
    ['a message, if edits are urgent', isUrgent('events_api', payloadOf(MESSAGE), ['message_edited']), false],
    [
      'a stop button, if it is named',
      isUrgent('events_api', payloadOf({ type: 'agent_session_stopped' }), ['agent_session_stopped']),
      true,
    ],
  ])('%s', (_name, urgent, expected) => {
    expect(urgent).toBe(expected);
  });
});
