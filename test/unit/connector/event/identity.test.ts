import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventSource } from '#connector/event/event-source.ts';
import { normalize } from '#connector/event/normalize.ts';
import { eventKinds, generateEvent } from '#slack-simulator/frames.ts';
import { eventsApiPayloads, rtmFrames } from '#test/support/corpus.ts';
import { RECEIVED_AT_MS, sourceOf } from './source.ts';

type Frame = Record<string, unknown>;

/** Includes whatever is filtered by default, so that each frame yields an id. */
const ALL = { include: [], exclude: [], own: true };

const identityOf = (frame: unknown, source: Partial<EventSource> = {}, receivedAtMs = RECEIVED_AT_MS) => {
  const type = (frame as Frame).type;
  const events = { ...ALL, include: typeof type === 'string' ? [type] : [] };
  const result = normalize(frame, sourceOf({ events, ...source }), receivedAtMs);
  return result.kind === 'event' ? { id: result.item.id, mark: result.mark } : undefined;
};
const idOf = (frame: unknown, source: Partial<EventSource> = {}): string | undefined => identityOf(frame, source)?.id;

const message = { type: 'message', channel: 'C1', user: 'U1', text: 'hi', ts: '1355517523.000005' };
const edit = (ts: string, text: string): Frame => ({
  type: 'message',
  subtype: 'message_changed',
  channel: 'C1',
  ts,
  message: { user: 'U1', text, ts: message.ts },
});
const reaction = (type: string, event_ts: string, changes: Frame = {}): Frame => ({
  type,
  user: 'U2',
  reaction: '+1',
  item: { type: 'message', channel: 'C1', ts: message.ts },
  event_ts,
  ...changes,
});

describe('the id of an event', () => {
  it.each<[Frame, string, unknown]>([
    [message, 'TDEADBEEF/UBOT/message/C1/1355517523.000005', { kind: 'timed', atMs: 1355517523000 }],
    [edit('20.1', 'x'), 'TDEADBEEF/UBOT/message.message_changed/C1/20.1', { kind: 'timed', atMs: 20_000 }],
    [
      reaction('reaction_added', '30.5'),
      'TDEADBEEF/UBOT/reaction_added/message/C1/1355517523.000005/+1/U2/30.5',
      { kind: 'timed', atMs: 30_000 },
    ],
    [
      { type: 'team_join', user: { id: 'U9', updated: 1479400000 } },
      'TDEADBEEF/UBOT/team_join/U9/1479400000',
      { kind: 'timed', atMs: 1479400000000 },
    ],
    [
      { type: 'im_created', user: 'U9', channel: { id: 'D9', created: 1479400000 } },
      'TDEADBEEF/UBOT/im_created/D9/U9/1479400000',
      { kind: 'timed', atMs: 1479400000000 },
    ],
    [
      { type: 'member_joined_channel', user: 'U1', channel: 'C1', event_ts: '4.4' },
      'TDEADBEEF/UBOT/member_joined_channel/user=U1/channel=C1/4.4',
      { kind: 'timed', atMs: 4_000 },
    ],
  ])('can be read: %j', (frame, id, mark) => {
    expect(identityOf(frame)).toEqual({ id, mark });
  });

  it.each<[string, Frame]>([
    ['a channel joined', { type: 'channel_joined', channel: { id: 'C9', created: 1479400000 } }],
    ['a team join without a version', { type: 'team_join', user: { id: 'U9' } }],
    ['a preference', { type: 'pref_change', name: 'a', value: true }],
    ['a message without a time', { type: 'message', channel: 'C1', text: 'x' }],
  ])('of %s is marked by arrival, since the event has no time', (_name, frame) => {
    expect(identityOf(frame)?.mark).toEqual({ kind: 'untimed' });
  });

  it('is the same whatever the cluster, the bot resource, its generation, its namespace and the token', () => {
    const elsewhere = {
      cluster: 'c2',
      ownerUid: 'u',
      bot: 'x/y',
      generation: 7,
      queueNamespace: 'n',
      tokenDigest: 'e',
    };
    for (const kind of eventKinds) {
      const { frame } = generateEvent(kind, {
        teamID: 'T1',
        botUserID: 'UBOT',
        botID: 'B1',
        ts: '1700000000.000100',
        aboutTs: '1699999999.000100',
      });
      expect(idOf(frame, elsewhere)).toBe(idOf(frame));
    }
  });

  it('is not touched by what may differ between copies', () => {
    const joined = { type: 'channel_joined', channel: { id: 'C9', name: 'x', unread_count: 0, members: ['U1', 'U2'] } };
    const copy = {
      type: 'channel_joined',
      channel: { id: 'C9', name: 'x', unread_count: 3, members: ['U2', 'U1'], latest: {} },
    };
    expect(idOf(copy)).toBe(idOf(joined));
    const change = { type: 'user_change', user: { id: 'U1', updated: 5, name: 'n' } };
    expect(idOf({ ...change, cache_ts: 99, event_ts: '5.5' })).toBe(idOf(change));
  });
});

describe('events that are easily confused', () => {
  const U1 = { id: 'U1', updated: 5, profile: { status_text: 'here' } };
  it.each<[string, (string | undefined)[]]>([
    [
      'a message, its edits, its deletion',
      [
        idOf(message),
        idOf(edit('20.1', 'x')),
        idOf(edit('20.2', 'x')),
        idOf({ type: 'message', subtype: 'message_deleted', channel: 'C1', ts: '20.3', deleted_ts: message.ts }),
        idOf({ type: 'message', subtype: 'message_replied', channel: 'C1', ts: '20.3', message }),
      ],
    ],
    [
      'a reaction added, removed and added again',
      [
        idOf(reaction('reaction_added', '30.1')),
        idOf(reaction('reaction_removed', '30.2')),
        idOf(reaction('reaction_added', '30.3')),
      ],
    ],
    [
      'reactions at one moment that differ in one part',
      [
        idOf(reaction('reaction_added', '30.1')),
        idOf(reaction('reaction_removed', '30.1')),
        idOf(reaction('reaction_added', '30.1', { user: 'U3' })),
        idOf(reaction('reaction_added', '30.1', { reaction: '-1' })),
        idOf(reaction('reaction_added', '30.1', { item: { type: 'message', channel: 'C2', ts: message.ts } })),
        idOf(reaction('reaction_added', '30.1', { item: { type: 'file', file: 'F1' } })),
        idOf(reaction('reaction_added', '30.1', { item: { type: 'file_comment', file: 'F1', file_comment: 'Fc1' } })),
      ],
    ],
    ['one ts in two channels', [idOf(message), idOf({ ...message, channel: 'C2' })]],
    ['one shared channel in two teams', [idOf(message), idOf(message, { slackTeamID: 'T2' })]],
    ['one channel with two bots', [idOf(message), idOf(message, { botUserID: 'UBOT2' })]],
    [
      'ephemeral messages to two users',
      [idOf({ ...message, is_ephemeral: true }), idOf({ ...message, is_ephemeral: true, user: 'U2' }), idOf(message)],
    ],
    [
      'two changes of a user in one second',
      [
        idOf({ type: 'user_change', user: U1 }),
        idOf({ type: 'user_change', user: { ...U1, profile: { status_text: 'gone' } } }),
      ],
    ],
    [
      'two users joining',
      [
        idOf({ type: 'team_join', user: { id: 'U1', updated: 5 } }),
        idOf({ type: 'team_join', user: { id: 'U2', updated: 5 } }),
        idOf({ type: 'team_join', user: { id: 'U2' } }),
      ],
    ],
    [
      'two preferences',
      [
        idOf({ type: 'pref_change', name: 'a', value: true }),
        idOf({ type: 'pref_change', name: 'a', value: false }),
        idOf({ type: 'pref_change', name: 'b', value: true }),
      ],
    ],
    [
      'links shared at one moment',
      [
        idOf({ type: 'link_shared', user: 'U1', channel: 'C1', links: [{ url: 'https://a' }], event_ts: '5.5' }),
        idOf({ type: 'link_shared', user: 'U1', channel: 'C1', links: [{ url: 'https://b' }], event_ts: '5.5' }),
        idOf({ type: 'link_shared', user: 'U1', channel: 'C1', links: [], message_ts: '5.1', event_ts: '5.5' }),
      ],
    ],
    [
      'functions executed at one moment',
      [
        idOf({ type: 'function_executed', function: { id: 'Fn1' }, inputs: { a: 1 }, event_ts: '5.5' }),
        idOf({ type: 'function_executed', function: { id: 'Fn1' }, inputs: { a: 2 }, event_ts: '5.5' }),
        idOf({ type: 'function_executed', function: { id: 'Fn2' }, inputs: { a: 1 }, event_ts: '5.5' }),
      ],
    ],
    [
      'states of one user at one moment',
      [
        idOf({ type: 'dnd_updated_user', user: 'U1', dnd_status: { dnd_enabled: true }, event_ts: '5.5' }),
        idOf({ type: 'dnd_updated_user', user: 'U1', dnd_status: { dnd_enabled: false }, event_ts: '5.5' }),
        idOf({ type: 'user_status_changed', user: { id: 'U1', profile: { status_text: 'a' } }, event_ts: '5.5' }),
        idOf({ type: 'user_status_changed', user: { id: 'U1', profile: { status_text: 'b' } }, event_ts: '5.5' }),
      ],
    ],
    [
      'pins of two messages at one moment',
      [
        idOf({
          type: 'pin_added',
          user: 'U1',
          channel_id: 'C1',
          item: { type: 'message', message: { ts: '1.1' } },
          event_ts: '5.5',
        }),
        idOf({
          type: 'pin_added',
          user: 'U1',
          channel_id: 'C1',
          item: { type: 'message', message: { ts: '1.2' } },
          event_ts: '5.5',
        }),
      ],
    ],
    [
      'parts that move a slash',
      [
        idOf({ ...message, channel: 'C1/1', ts: '1' }),
        idOf({ ...message, channel: 'C1', ts: '1/1' }),
        idOf({ ...message, channel: 'C1%2f1', ts: '1' }),
      ],
    ],
  ])('%s', (_name, ids) => {
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

/** What names these by itself, so that the rest of them may be anything. */
const NAMED = /^(message|reaction_(added|removed)|team_join|im_created|channel_joined|group_joined)$/;
const ELSEWHERE = ['type', 'subtype', 'event_ts', 'team', 'team_id', 'channel_type', 'enterprise', 'enterprise_id'];
const VOLATILE_KEY =
  /^(event_ts|cache_ts|suppress_notification|last_read|latest|(unread|mention)_count(_display)?|has_unreads)$/;

/** Every way to change one leaf of `value`; of an array its first element stands for all. */
function* mutations(value: unknown): Generator<unknown> {
  if (typeof value !== 'object' || value === null) {
    yield typeof value === 'boolean' ? !value : `${String(value)}!`;
    return;
  }
  const entries = Object.entries(value).filter(([key]) => !VOLATILE_KEY.test(key));
  for (const [key, inner] of Array.isArray(value) ? entries.slice(0, 1) : entries) {
    for (const changed of mutations(inner)) {
      yield Array.isArray(value) ? [changed, ...value.slice(1)] : { ...value, [key]: changed };
    }
  }
}

describe('every sample of Slack that is named by what it says', () => {
  const samples = [...rtmFrames().map(({ frame }) => frame), ...eventsApiPayloads().map(({ payload }) => payload.event)]
    .filter((frame): frame is Frame => typeof frame === 'object' && frame !== null)
    .filter(({ type }) => typeof type === 'string' && !NAMED.test(type) && idOf({ type }) !== undefined);

  it('has one id for its copies, and another with anything changed, though it comes at the same moment', () => {
    expect(samples.length).toBeGreaterThan(100);
    let changes = 0;
    for (const sample of samples) {
      for (const frame of [
        { ...sample, event_ts: '1700000000.000100' },
        { ...sample, event_ts: '' },
      ]) {
        const id = idOf(frame);
        expect(idOf({ ...(reordered(frame) as Frame), cache_ts: 5, suppress_notification: true })).toBe(id);
        for (const changed of mutations(frame) as Generator<Frame>) {
          if (ELSEWHERE.some((key) => changed[key] !== (frame as Frame)[key])) continue;
          changes += 1;
          expect(idOf(changed), JSON.stringify(changed)).not.toBe(id);
        }
      }
    }
    expect(changes).toBeGreaterThan(1_000);
  });
});

/** Frames with Slack's own key names and any values, so that the generator gets past the first `typeof`. */
const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(
      '',
      'C1',
      'U1',
      '1355517523.000005',
      'message',
      'message_changed',
      '\ud800',
      '%2f/',
      0,
      -1,
      1.5,
      null,
    ),
    fc.string(),
    fc.double(),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom('id', 'ts', 'channel', 'user', 'updated', 'created', 'type', 'fields', 'actions', '__proto__'),
      tie('value'),
    ),
  ),
})).value;
const anyFrame = fc
  .tuple(
    fc.oneof(
      anyValue,
      fc.constantFrom(
        'message',
        'reaction_added',
        'team_join',
        'im_created',
        'channel_joined',
        'user_change',
        'star_added',
      ),
    ),
    fc.dictionary(
      fc.constantFrom(
        'subtype',
        'channel',
        'user',
        'ts',
        'event_ts',
        'item',
        'message',
        'text',
        'attachments',
        'reply_to',
        'deleted_ts',
        'reaction',
        'is_ephemeral',
        'name',
        'names',
        'file',
        'bot',
        'channel_id',
      ),
      anyValue,
    ),
  )
  .map(([type, rest]): Frame => ({ type, ...rest }));

const reordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reordered(inner)]),
  );
};

const TYPES: Record<string, string> = {
  type: 'string',
  user_uid: 'string',
  channel_uid: 'string',
  team_uid: 'string',
  im: 'boolean',
  text: 'string',
  relax_bot_uid: 'string',
  timestamp: 'string',
  provider: 'string',
  event_timestamp: 'string',
  namespace: 'string',
  id: 'string',
  bot: 'string',
  received_at: 'string',
};

describe('whatever Slack sends', () => {
  const hold = (frame: unknown): void => {
    const result = normalize(frame, sourceOf(), RECEIVED_AT_MS);
    if (result.kind !== 'event') return;
    const item: Record<string, unknown> = { ...result.item };
    for (const [field, type] of Object.entries(TYPES)) expect(typeof item[field], field).toBe(type);
    expect(item.attachments === null || Array.isArray(item.attachments)).toBe(true);
    expect(item.event_timestamp).not.toBe('');
    expect(result.item.id.length).toBeLessThan(2_000);
    expect(JSON.parse(JSON.stringify(item)).id).toBe(item.id);
    const copy = normalize(reordered(frame), sourceOf({ cluster: 'c2', bot: 'x/y' }), RECEIVED_AT_MS + 86_400_000);
    expect(copy.kind === 'event' && copy.item.id).toBe(item.id);
    expect(copy.kind === 'event' && copy.mark).toEqual(result.mark);
  };

  it('any JSON yields an outcome, fields of the right type, and one id for all copies', () => {
    fc.assert(fc.property(fc.oneof(anyFrame, fc.jsonValue()), hold), { numRuns: 2_000 });
  });

  it('so does every sample of Slack', () => {
    const samples = [
      ...rtmFrames().map(({ frame }) => frame),
      ...eventsApiPayloads().flatMap(({ payload }) => [payload, payload.event]),
    ];
    expect(samples.length).toBeGreaterThan(200);
    for (const sample of samples) hold(sample);
  });

  it('nesting deeper than any stack does not crash', () => {
    const deep = JSON.parse(`{"type":"pref_change","value":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
    expect(idOf(deep)).toMatch(/^TDEADBEEF\/UBOT\/pref_change\/~.{22}$/);
  });

  it('generated events of all kinds have ids of their own', () => {
    const ids = new Set<string | undefined>();
    const count = 200;
    for (let n = 0; n < count; n++) {
      const kind = eventKinds[n % eventKinds.length] ?? 'message';
      const context = { teamID: 'T1', botUserID: 'UBOT', botID: 'B1', aboutTs: '1699999999.000100' };
      ids.add(idOf(generateEvent(kind, { ...context, ts: `1700000000.${String(n).padStart(6, '0')}` }).frame));
    }
    expect(ids.size).toBe(count);
    expect(ids).not.toContain(undefined);
  });
});
