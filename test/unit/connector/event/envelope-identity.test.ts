import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Mark } from '#connector/event/mark.ts';
import { documentedEventsApiPayloads, eventsApiPayloads, interactions } from '#test/support/corpus.ts';
import { filled } from './filled.ts';
import { type Delivery, type Fields, payloadOf, throughRtm, throughSocketMode } from './through.ts';

const TIME_S = 1_700_000_000;
const message: Fields = { type: 'message', channel: 'C1', user: 'U1', text: 'hi', ts: '1700000000.000100' };

const keyOf = (payload: unknown, delivery: Delivery = {}, type = 'events_api'): { id: string; mark: unknown } => {
  const { item, mark } = throughSocketMode(type, payload, delivery);
  return { id: item.id, mark };
};
const idOf = (...args: Parameters<typeof keyOf>): string => keyOf(...args).id;

const timed = (atMs: number): Mark => ({ kind: 'timed', atMs, delayed: false });

describe('the id of an event in an envelope', () => {
  it.each<[string, Fields, string, unknown]>([
    ['an event', payloadOf(message), 'T1/A1/message/Ev1', timed(TIME_S * 1000)],
    [
      'an edit',
      payloadOf({ ...message, subtype: 'message_changed' }),
      'T1/A1/message.message_changed/Ev1',
      timed(TIME_S * 1000),
    ],
    [
      'an event with a time of its own and another of its message',
      payloadOf({ ...message, event_ts: '1700000009.1' }),
      'T1/A1/message/Ev1',
      timed(1_700_000_009_000),
    ],
    [
      'an event without a time of its own',
      payloadOf({ type: 'team_join', user: { id: 'U9' } }),
      'T1/A1/team_join/Ev1',
      { kind: 'numbered', delayed: false },
    ],
    [
      'an event whose time is blank',
      payloadOf({ type: 'emoji_changed', event_ts: '0000000000.000000' }),
      'T1/A1/emoji_changed/Ev1',
      { kind: 'numbered', delayed: false },
    ],
    [
      'an event without a number',
      payloadOf(message, { event_id: '' }),
      'T1/A1/message/C1/1700000000.000100',
      timed(1_700_000_000_000),
    ],
    [
      'app_rate_limited',
      { token: 's', type: 'app_rate_limited', team_id: 'T1', minute_rate_limited: 1_700_000_040, api_app_id: 'A1' },
      'T1/A1/app_rate_limited/1700000040',
      timed(1_700_000_040_000),
    ],
  ])('of %s can be read', (_name, payload, id, mark) => {
    expect(keyOf(payload)).toEqual({ id, mark });
  });

  it.each<[string, Fields, string]>([
    ['slash_commands', { team_id: 'T1', api_app_id: 'A1', command: '/x' }, 'T1/A1/slash_commands/env-1'],
    ['interactive', { type: 'block_actions', team: { id: 'T1' }, api_app_id: 'A1' }, 'T1/A1/block_actions/env-1'],
    ['interactive', { team: { id: 'T1' }, api_app_id: 'A1' }, 'T1/A1/interactive/env-1'],
    ['something_new', { team_id: 'T1', api_app_id: 'A1', type: 'x' }, 'T1/A1/something_new/env-1'],
  ])('of %s names the envelope, and the mark is that of its arrival', (type, payload, id) => {
    expect(keyOf(payload, {}, type)).toEqual({ id, mark: { kind: 'untimed' } });
  });

  it('has a mark for a day where Slack may send copies for a day', () => {
    const source = { delayedEvents: true };
    expect(keyOf(payloadOf(message), { source }).mark).toEqual({ kind: 'timed', atMs: TIME_S * 1000, delayed: true });
    const untimed = payloadOf({ type: 'tokens_revoked' });
    expect(keyOf(untimed, { source }).mark).toEqual({ kind: 'numbered', delayed: true });
    expect(keyOf({ team_id: 'T1' }, { source }, 'slash_commands').mark).toEqual({ kind: 'untimed' });
  });

  it('goes to one shard, that of the tenant', () => {
    expect(throughSocketMode('events_api', payloadOf(message)).shardKey).toBe('T1');
  });
});

const corpus = [...eventsApiPayloads(), ...documentedEventsApiPayloads()].map(
  ({ payload }) => filled(payload) as Fields,
);
const anySample = fc.constantFrom(...corpus);
const anyID = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'TAEvC0123456789'), minLength: 1, maxLength: 12 }),
  fc.constantFrom(
    'T1/A1',
    'T1%2fA1',
    '~x',
    '.',
    '%',
    '..',
    'e'.repeat(5_000),
    `${'e'.repeat(5_000)}!`,
    '\ud800',
    '\ud801',
    'é',
    '\n',
  ),
);
const anyDelivery = fc.record({
  envelopeID: fc.uuid(),
  retry: fc.integer({ min: 0, max: 3 }),
  source: fc.record({
    cluster: fc.string(),
    ownerUid: fc.string(),
    bot: fc.string(),
    generation: fc.nat(),
    queueNamespace: fc.string(),
    botUserID: fc.string(),
    teamID: fc.string(),
    slackTeamID: fc.string(),
  }),
});
/** An event_callback of the corpus with ids of its own. */
const anyNamed = fc
  .tuple(
    anySample.filter(({ event }) => event !== undefined),
    anyID,
    anyID,
    anyID,
  )
  .map(([payload, team, app, eventID]) => ({
    payload: { ...payload, context_team_id: team, api_app_id: app, event_id: eventID, event_time: TIME_S },
    name: [team, app, kindOf(payload), eventID],
  }));

function kindOf({ event }: Fields): string {
  const { type, subtype } = event as Fields;
  return JSON.stringify([type, subtype ?? '']);
}

describe('one event has one key', () => {
  it('over any socket of any cluster, retried, and in any envelope', () => {
    fc.assert(
      fc.property(anySample, anyDelivery, anyDelivery, (payload, one, other) => {
        expect(keyOf(payload, one)).toEqual(keyOf(payload, other));
      }),
      { numRuns: 300 },
    );
  });

  it('whenever Slack dispatches it, which is what event_time says', () => {
    fc.assert(
      fc.property(anySample, fc.nat(), (payload, event_time) => {
        expect(keyOf({ ...payload, event_time })).toEqual(keyOf(payload));
      }),
      { numRuns: 200 },
    );
  });

  it('whatever Slack says about who else may see it', () => {
    const one = payloadOf(message, { context_team_id: 'T1', is_ext_shared_channel: true });
    const other = { ...one, authorizations: [{ team_id: 'T2', user_id: 'UOTHER', is_bot: false }], team_id: 'T2' };
    expect(keyOf(other)).toEqual(keyOf(one));
  });

  it('when its payload comes as a text', () => {
    fc.assert(
      fc.property(anySample, (payload) => {
        expect(keyOf(JSON.stringify(payload))).toEqual(keyOf(payload));
      }),
      { numRuns: 100 },
    );
  });

  it.each(interactions())('even if Slack sent it twice, which it does not: $name', ({ type, payload }) => {
    const values = filled(payload);
    expect(keyOf(values, { envelopeID: 'e-1', source: { cluster: 'c2', bot: 'x/y' } }, type)).toEqual(
      keyOf(values, { envelopeID: 'e-1' }, type),
    );
    expect(idOf(values, { envelopeID: 'e-2' }, type)).not.toBe(idOf(values, { envelopeID: 'e-1' }, type));
  });
});

describe('two events never share a key', () => {
  it('if tenant, app, type or number differ, whatever these ids look like', () => {
    fc.assert(
      fc.property(anyNamed, anyNamed, (one, other) => {
        const same = JSON.stringify(one.name) === JSON.stringify(other.name);
        expect(idOf(one.payload) === idOf(other.payload)).toBe(same);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each<[string, Fields[]]>([
    ['the same event_id in two apps', [payloadOf(message), payloadOf(message, { api_app_id: 'A2' })]],
    ['the same event_id in two tenants', [payloadOf(message), payloadOf(message, { team_id: 'T2' })]],
    [
      'one message of a shared channel that two teams see',
      [
        payloadOf({ ...message, team: 'T1' }, { context_team_id: 'T1', is_ext_shared_channel: true }),
        payloadOf({ ...message, team: 'T1' }, { context_team_id: 'T2', is_ext_shared_channel: true }),
      ],
    ],
    ['a message and the mention in it', [payloadOf(message), payloadOf({ ...message, type: 'app_mention' })]],
    [
      'rate limits of two minutes',
      [1_700_000_040, 1_700_000_100].map((minute_rate_limited) => ({
        type: 'app_rate_limited',
        team_id: 'T1',
        api_app_id: 'A1',
        minute_rate_limited,
      })),
    ],
    [
      'dots in types and subtypes',
      [
        payloadOf({ type: 'a.b' }),
        payloadOf({ type: 'a', subtype: 'b' }),
        payloadOf({ type: 'a', subtype: 'b', x: 1 }, { event_id: 'Ev2' }),
      ],
    ],
  ])('%s', (_name, payloads) => {
    expect(new Set(payloads.map((payload) => idOf(payload))).size).toBe(payloads.length);
  });

  const edit = (ts: string): Fields => ({
    type: 'message',
    subtype: 'message_changed',
    channel: 'C1',
    ts,
    event_ts: ts,
    message: { ...message, edited: { ts } },
  });
  const reaction = (type: string, event_ts: string): Fields => ({
    type,
    user: 'U2',
    reaction: '+1',
    item: { type: 'message', channel: 'C1', ts: message.ts },
    event_ts,
  });
  const stories: [string, Fields[]][] = [
    ['an edit of an edit', [message, edit('1700000001.1'), edit('1700000002.1')]],
    [
      'a reaction added, removed and added again',
      [reaction('reaction_added', '7.1'), reaction('reaction_removed', '7.2'), reaction('reaction_added', '7.3')],
    ],
    ['two users joining', ['U8', 'U9'].map((id) => ({ type: 'team_join', user: { id, updated: 5 } }))],
    [
      'two members of a channel',
      ['U8', 'U9'].map((user) => ({ type: 'member_joined_channel', user, channel: 'C1', event_ts: '7.1' })),
    ],
  ];

  it.each(stories)('%s, with the numbers that Slack gives them', (_name, events) => {
    const ids = events.map((event, n) => idOf(payloadOf(event, { event_id: `Ev${n}` })));
    expect(new Set(ids).size).toBe(events.length);
  });

  it.each(stories)('%s, even without numbers', (_name, events) => {
    const ids = events.map((event) => idOf(payloadOf(event, { event_id: undefined })));
    expect(new Set(ids).size).toBe(events.length);
    expect(new Set(events.map((event) => throughRtm(event).item.id)).size).toBe(events.length);
  });

  it('one message over RTM and over Socket Mode: two bots of two apps', () => {
    expect(throughRtm(message, { slackTeamID: 'T1' }).item.id).not.toBe(idOf(payloadOf(message)));
  });
});

describe('ids in shapes that Slack never sends', () => {
  const odd = fc.oneof(fc.jsonValue({ maxDepth: 2 }), anyID, fc.constant(undefined));
  const shape = fc.record({
    team_id: odd,
    context_team_id: odd,
    api_app_id: odd,
    event_id: odd,
    event_time: odd,
    authorizations: odd,
    enterprise_id: odd,
    event: fc.record({
      type: fc.constantFrom('message', 'x', 'app_rate_limited'),
      ts: odd,
      channel: odd,
      event_ts: odd,
      minute_rate_limited: odd,
      subtype: odd,
    }),
  });

  it('give an id of bounded length, the same for every copy', () => {
    fc.assert(
      fc.property(shape, anyDelivery, (payload, delivery) => {
        const { item, mark, shardKey } = throughSocketMode('events_api', payload);
        expect(item.id.length).toBeLessThan(2_000);
        expect(item.id.isWellFormed()).toBe(true);
        expect(typeof shardKey).toBe('string');
        if (mark.kind === 'timed') expect(Number.isSafeInteger(mark.atMs)).toBe(true);
        expect(keyOf(payload, delivery)).toEqual({ id: item.id, mark });
      }),
      { numRuns: 500 },
    );
  });
});
