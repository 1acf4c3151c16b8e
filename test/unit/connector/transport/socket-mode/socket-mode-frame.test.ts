import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSocketModeFrame } from '#connector/transport/socket-mode/socket-mode-frame.ts';
import type { EventFrame, Frame } from '#connector/transport/transport.ts';

const decode = (frame: unknown): Frame => decodeSocketModeFrame(JSON.stringify(frame));

function eventOf(frame: unknown): EventFrame {
  const decoded = typeof frame === 'string' ? decodeSocketModeFrame(frame) : decode(frame);
  if (decoded.kind !== 'event') throw new Error(`not an event but ${decoded.kind}`);
  return decoded;
}

const MESSAGE = { type: 'message', channel: 'C1', user: 'U2', text: 'hi', ts: '1700000000.000100' };
const PAYLOAD = {
  token: 'verification-secret',
  team_id: 'T1',
  enterprise_id: 'E1',
  api_app_id: 'A1',
  event: MESSAGE,
  type: 'event_callback',
  event_id: 'Ev1',
  event_time: 1700000000,
  event_context: '4-abc',
  authorizations: [{ enterprise_id: null, team_id: 'T1', user_id: 'UBOT', is_bot: true, is_enterprise_install: false }],
  is_ext_shared_channel: false,
};
const events = (changes: object = {}, outer: object = {}): object => ({
  envelope_id: 'e-1',
  payload: { ...PAYLOAD, ...changes },
  type: 'events_api',
  accepts_response_payload: false,
  retry_attempt: 0,
  retry_reason: '',
  ...outer,
});

describe('hello', () => {
  it.each<[object, Frame]>([
    [
      {
        type: 'hello',
        connection_info: { app_id: 'A1' },
        num_connections: 2,
        debug_info: { host: 'applink-1', approximate_connection_time: 18060 },
      },
      { kind: 'hello', sockets: 2, appID: 'A1' },
    ],
    [{ type: 'hello' }, { kind: 'hello' }],
    [{ type: 'hello', num_connections: '2', connection_info: null }, { kind: 'hello' }],
    [{ type: 'hello', num_connections: -1, connection_info: { app_id: {} } }, { kind: 'hello' }],
  ])('%j', (frame, decoded) => {
    expect(decode(frame)).toStrictEqual(decoded);
  });
});

describe('disconnect', () => {
  it.each(['warning', 'refresh_requested', 'something_new', '', 7, undefined])(
    'for the reason %s: the successor comes first',
    (reason) => {
      expect(decode({ type: 'disconnect', reason, debug_info: { host: 'wss-111.slack.com' } })).toEqual({
        kind: 'leaving',
      });
    },
  );

  it('because Socket Mode was switched off: a person has to switch it on', () => {
    expect(decode({ type: 'disconnect', reason: 'link_disabled' })).toEqual({
      kind: 'refused',
      refusal: {
        reason: 'SocketModeDisabled',
        error: 'link_disabled',
        message: expect.stringContaining('Switch it on'),
      },
    });
  });

  it('because of too many websockets: this one is gone', () => {
    const frame = { type: 'disconnect', reason: 'too_many_websockets', num_connections: 0, connection_info: {} };
    expect(decode(frame)).toEqual({
      kind: 'closing',
      trouble: { reason: 'TooManyWebsockets', message: expect.stringContaining('Stop other programs') },
    });
  });
});

describe('an events_api envelope', () => {
  it('is the event inside, what was around it without the token, and how it came', () => {
    const { token: _, event: __, ...around } = PAYLOAD;
    expect(eventOf(events({}, { retry_attempt: 2, retry_reason: 'timeout' }))).toStrictEqual({
      kind: 'event',
      event: MESSAGE,
      text: JSON.stringify(MESSAGE),
      envelope: {
        type: 'events_api',
        id: 'e-1',
        takesAnswer: false,
        isSentAgain: true,
        appID: 'A1',
        teamID: 'T1',
        enterpriseID: 'E1',
        botUserID: 'UBOT',
        eventID: 'Ev1',
        outer: { ...around, envelope_id: 'e-1', retry_attempt: 2, retry_reason: 'timeout' },
      },
      ack: 'e-1',
    });
  });

  it('has the event in Slack’s own text, its digits, keys and blanks', () => {
    const text = '{"type" : "message","10":1,"2":12345678901234567890,\n "a":1.0,"text":"\\u00e9 \\"}"}';
    expect(eventOf(`{"type":"events_api","envelope_id":"e","payload":{"event": ${text} ,"team_id":"T1"}}`).text).toBe(
      text,
    );
    const twice = `{"type":"events_api","envelope_id":"e","payload":{"event":{"type":"a"},"event":${text}}}`;
    expect(eventOf(twice).text).toBe(text);
  });

  it('takes no answer, even if it says so: it is acknowledged when its outcome is final', () => {
    expect(eventOf(events({}, { accepts_response_payload: true })).envelope?.takesAnswer).toBe(false);
  });

  it('whose payload is the text of an object is read all the same', () => {
    const inText = eventOf(events({}, { payload: JSON.stringify(PAYLOAD) }));
    expect(inText).toStrictEqual(eventOf(events()));
  });

  it('takes no answer, whatever it says: its acknowledgement must not wait for one', () => {
    expect(eventOf(events({}, { accepts_response_payload: true })).envelope?.takesAnswer).toBe(false);
  });

  it('passes an event without one inside: app_rate_limited', () => {
    const limited = { type: 'app_rate_limited', team_id: 'T1', minute_rate_limited: 1518467820, api_app_id: 'A1' };
    const decoded = eventOf({ ...events(), payload: { token: 'verification-secret', ...limited } });
    expect(decoded).toMatchObject({ event: limited, text: JSON.stringify(limited), ack: 'e-1' });
    expect(decoded.envelope?.outer).toStrictEqual({
      envelope_id: 'e-1',
      type: 'events_api',
      accepts_response_payload: false,
      retry_attempt: 0,
      retry_reason: '',
    });
  });

  it('without an envelope_id is an event that cannot be acknowledged', () => {
    const { envelope_id: _, ...frame } = events() as Record<string, unknown>;
    expect(Object.keys(eventOf(frame))).not.toContain('ack');
  });
});

const tenantOf = (frame: unknown): unknown => eventOf(frame).envelope?.teamID;

describe('the tenant', () => {
  it.each<[string, object, string]>([
    ['the workspace that has the app', { context_team_id: 'TCTX', team_id: 'TOUT' }, 'TCTX'],
    ['the outer team', { context_team_id: null, team_id: 'TOUT' }, 'TOUT'],
    ['never the sender’s', { event: { ...MESSAGE, team: 'TSENDER', user_team: 'TSENDER' }, team_id: 'TOUT' }, 'TOUT'],
    ['the first authorization’s team', { team_id: '', authorizations: [{ team_id: 'TAUTH' }] }, 'TAUTH'],
    ['the organization that has the app as a whole', { team_id: null, authorizations: [], enterprise_id: 'E1' }, 'E1'],
    ['nobody, if Slack says nothing', { team_id: null, authorizations: 'x', enterprise_id: null }, ''],
  ])('of an event is %s', (_name, changes, teamID) => {
    expect(tenantOf(events(changes))).toBe(teamID);
  });

  it.each<[string, object, string]>([
    ['of the interaction', { team: { id: 'T1' }, user: { id: 'U1', team_id: 'T2' } }, 'T1'],
    ['of the command', { team_id: 'T1' }, 'T1'],
    ['and not an organization, of a view', { team: { id: 'T1' }, view: { app_installed_team_id: 'E1' } }, 'T1'],
    ['that has the app of a view', { team: { id: 'T1' }, view: { app_installed_team_id: 'T9', team_id: 'T1' } }, 'T9'],
    [
      'of the user, for an organization',
      { team: null, user: { id: 'U1', team_id: 'T2' }, enterprise: { id: 'E1' } },
      'T2',
    ],
    ['that is the organization', { team: null, enterprise: { id: 'E1' }, user: { id: 'U1' } }, 'E1'],
  ])('of an interaction is the one %s', (_name, payload, teamID) => {
    expect(tenantOf({ type: 'interactive', envelope_id: 'e', payload })).toBe(teamID);
  });
});

describe("the bot's own user", () => {
  const bot = (authorizations: unknown): unknown => eventOf(events({ authorizations })).envelope?.botUserID;
  it('is that of the authorization of a bot, in the tenant if there are several', () => {
    expect(bot([{ team_id: 'T1', user_id: 'UPERSON', is_bot: false }])).toBe('');
    expect(
      bot([
        { team_id: 'T2', user_id: 'UB2', is_bot: true },
        { team_id: 'T1', user_id: 'UB1', is_bot: true },
      ]),
    ).toBe('UB1');
    expect(bot([{ team_id: 'T2', user_id: 'UB2', is_bot: true }])).toBe('UB2');
    expect(bot([null, 5])).toBe('');
  });
});

describe('other envelopes', () => {
  it.each(['slash_commands', 'interactive', 'something_new'])('of %s are their payload without the token', (type) => {
    const frame = `{"envelope_id":"e-2","payload":{"token":"s","id":12345678901234567890,"team_id":"T1"},"type":"${type}","accepts_response_payload":true}`;
    expect(eventOf(frame)).toMatchObject({
      text: '{"id":12345678901234567890,"team_id":"T1"}',
      ack: 'e-2',
      envelope: { type, id: 'e-2', takesAnswer: true, isSentAgain: false, teamID: 'T1', eventID: '' },
    });
    expect(eventOf(frame).event).not.toHaveProperty('token');
    expect(eventOf(frame).envelope?.outer).toStrictEqual({ envelope_id: 'e-2', type, accepts_response_payload: true });
  });
});

describe('what can’t be an event', () => {
  it.each<[string, Frame]>([
    ['', { kind: 'malformed', reason: 'not_json' }],
    ['<html>', { kind: 'malformed', reason: 'not_json' }],
    ['{"envelope_id": "e-1", "payload": {"a":', { kind: 'malformed', reason: 'not_json', ack: 'e-1' }],
    ['{"text":"\\"envelope_id\\":\\"e-1\\"', { kind: 'malformed', reason: 'not_json' }],
    ['null', { kind: 'malformed', reason: 'not_an_object' }],
    ['[{"envelope_id":"e-1"}]', { kind: 'malformed', reason: 'not_an_object', ack: 'e-1' }],
    ['{}', { kind: 'malformed', reason: 'no_type' }],
    ['{"envelope_id":"e-1","payload":{}}', { kind: 'malformed', reason: 'no_type', ack: 'e-1' }],
    ['{"type":"events_api","envelope_id":"e-1"}', { kind: 'malformed', reason: 'no_payload', ack: 'e-1' }],
    [
      '{"type":"interactive","envelope_id":"e-1","payload":[1]}',
      { kind: 'malformed', reason: 'no_payload', ack: 'e-1' },
    ],
    ['{"type":"interactive","envelope_id":"e-1","payload":7}', { kind: 'malformed', reason: 'no_payload', ack: 'e-1' }],
    [
      '{"type":"interactive","envelope_id":"e-1","payload":null}',
      { kind: 'malformed', reason: 'no_payload', ack: 'e-1' },
    ],
    [
      '{"type":"events_api","envelope_id":"e-1","payload":"no"}',
      { kind: 'malformed', reason: 'no_payload', ack: 'e-1' },
    ],
    [
      '{"type":"events_api","envelope_id":"e-1","payload":"[]"}',
      { kind: 'malformed', reason: 'no_payload', ack: 'e-1' },
    ],
    ['{"type":"events_api","envelope_id":"e-1","payload":{}}', { kind: 'malformed', reason: 'no_event', ack: 'e-1' }],
    [
      '{"type":"events_api","envelope_id":"e-1","payload":{"type":"event_callback","event":{"type":5}}}',
      { kind: 'malformed', reason: 'no_event', ack: 'e-1' },
    ],
    ['{"type":"something_new","num_connections":3}', { kind: 'noise' }],
  ])('%s', (frame, decoded) => {
    expect(decodeSocketModeFrame(frame)).toStrictEqual(decoded);
  });
});

describe('whatever a peer sends', () => {
  const payload = fc.oneof(
    fc.jsonValue(),
    fc.json(),
    fc.dictionary(
      fc.constantFrom('event', 'type', 'team_id', 'team', 'user', 'view', 'authorizations', 'event_time', '__proto__'),
      fc.oneof(fc.jsonValue(), fc.constant({ type: 'message' }), fc.constant([{ is_bot: true }])),
    ),
  );
  const envelope = fc.record({
    envelope_id: fc.constantFrom('e-1', 'x/y', '"', 'e'.repeat(1_000)),
    type: fc.oneof(fc.constantFrom('events_api', 'slash_commands', 'interactive', 'new'), fc.jsonValue()),
    payload,
  });

  it('nothing throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (frame) => void decodeSocketModeFrame(frame)));
    expect(decodeSocketModeFrame('['.repeat(500_000)).kind).toBe('malformed');
    const deep = `{"type":"events_api","envelope_id":"e","payload":{"event":${'{"type":"a","b":'.repeat(50_000)}1${'}'.repeat(50_000)}}}`;
    expect(decodeSocketModeFrame(deep).kind).toBe('event');
  });

  it('every envelope can be acknowledged', () => {
    fc.assert(
      fc.property(envelope, (frame) => {
        const decoded = decode(frame);
        if (frame.type === 'hello' || frame.type === 'disconnect') return;
        expect(decoded).toHaveProperty('ack', frame.envelope_id);
      }),
    );
  });

  it('an event is the parse of its text', () => {
    fc.assert(
      fc.property(envelope, (frame) => {
        const decoded = decode(frame);
        if (decoded.kind === 'event') expect(JSON.parse(decoded.text ?? 'null')).toEqual(decoded.event);
      }),
    );
  });
});
