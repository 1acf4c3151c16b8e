import { describe, expect, it } from 'vitest';
import type { EventSource, RefusedBot } from '#connector/event/event-source.ts';
import { disableBot, normalize } from '#connector/event/normalize.ts';
import type { QueueItem } from '#core/protocol/queue-item.ts';
import { RECEIVED_AT_MS, sourceOf } from './source.ts';

const itemOf = (frame: Record<string, unknown>, source: Partial<EventSource> = {}): QueueItem => {
  const result = normalize(frame, sourceOf(source), RECEIVED_AT_MS);
  if (result.kind !== 'event') throw new Error(`not an event but ${result.kind}`);
  return result.item;
};

const CLOCK = `${RECEIVED_AT_MS}000000`;
const NONE = {
  user_uid: '',
  channel_uid: '',
  team_uid: 'TDEADBEEF',
  im: false,
  text: '',
  relax_bot_uid: 'UBOT',
  timestamp: '',
  provider: 'slack',
  event_timestamp: CLOCK,
  namespace: '',
  attachments: null,
};

/** The table of docs/redis.md, which is that of the Relax of 2015. */
const TABLE: [name: string, frame: Record<string, unknown>, fields: Record<string, unknown>][] = [
  [
    'a plain message is message_new',
    { type: 'message', channel: 'C1', user: 'U1', text: '<@UBOT>: 1 &lt; 2 ', ts: '1355517523.000005' },
    {
      type: 'message_new',
      user_uid: 'U1',
      channel_uid: 'C1',
      text: '<@UBOT>: 1 &lt; 2 ',
      timestamp: '1355517523.000005',
      event_timestamp: '1355517523.000005',
    },
  ],
  [
    'an empty subtype is a plain message too, and D is a direct message',
    { type: 'message', subtype: '', channel: 'D1', user: 'U1', text: 'x', ts: '1.5', thread_ts: '1.2' },
    {
      type: 'message_new',
      user_uid: 'U1',
      channel_uid: 'D1',
      im: true,
      text: 'x',
      timestamp: '1.5',
      event_timestamp: '1.5',
    },
  ],
  [
    'a group conversation is no direct message',
    { type: 'message', channel: 'G1', user: 'U1', text: 'x', ts: '1.5' },
    { type: 'message_new', user_uid: 'U1', channel_uid: 'G1', text: 'x', timestamp: '1.5', event_timestamp: '1.5' },
  ],
  [
    'an edit has the inner user, text and ts, and the outer channel and ts',
    {
      type: 'message',
      subtype: 'message_changed',
      channel: 'C1',
      ts: '20.1',
      hidden: true,
      message: { type: 'message', user: 'U2', text: 'new', ts: '10.1', edited: { user: 'U2', ts: '20.1' } },
      previous_message: { text: 'old' },
    },
    {
      type: 'message_edited',
      user_uid: 'U2',
      channel_uid: 'C1',
      text: 'new',
      timestamp: '10.1',
      event_timestamp: '20.1',
    },
  ],
  [
    'a deletion has deleted_ts, and never the text that is gone',
    {
      type: 'message',
      subtype: 'message_deleted',
      channel: 'C1',
      ts: '20.1',
      deleted_ts: '10.1',
      previous_message: { user: 'U2', text: 'gone' },
    },
    { type: 'message_deleted', channel_uid: 'C1', timestamp: '10.1', event_timestamp: '20.1' },
  ],
  [
    'a reaction has no colons; timestamp is the message, event_timestamp the reaction',
    {
      type: 'reaction_added',
      user: 'U2',
      item_user: 'U1',
      reaction: '+1',
      item: { type: 'message', channel: 'C1', ts: '1355517523.000005' },
      event_ts: '1360782804.083113',
    },
    {
      type: 'reaction_added',
      user_uid: 'U2',
      channel_uid: 'C1',
      text: '+1',
      timestamp: '1355517523.000005',
      event_timestamp: '1360782804.083113',
    },
  ],
  [
    'a reaction without a time gets the clock',
    { type: 'reaction_removed', user: 'U2', reaction: '+1', item: { type: 'message', channel: 'D1', ts: '1.1' } },
    { type: 'reaction_removed', user_uid: 'U2', channel_uid: 'D1', im: true, text: '+1', timestamp: '1.1' },
  ],
  [
    'a reaction on a file has no channel and no timestamp',
    { type: 'reaction_added', user: 'U2', reaction: 'x', item: { type: 'file', file: 'F1' }, event_ts: '2.2' },
    { type: 'reaction_added', user_uid: 'U2', text: 'x', event_timestamp: '2.2' },
  ],
  [
    'team_join is team_joined',
    { type: 'team_join', user: { id: 'U9', updated: 5 } },
    { type: 'team_joined', user_uid: 'U9' },
  ],
  [
    'im_created is a direct message by definition',
    { type: 'im_created', user: 'U9', channel: { id: 'D9', created: 5 } },
    { type: 'im_created', user_uid: 'U9', channel_uid: 'D9', im: true },
  ],
  ...['channel_joined', 'group_joined'].map((type): [string, Record<string, unknown>, Record<string, unknown>] => [
    `${type} is channel_joined with the minute as its time`,
    { type, channel: { id: 'C9', created: 5 } },
    {
      type: 'channel_joined',
      channel_uid: 'C9',
      timestamp: `channel-joined-${Math.floor(RECEIVED_AT_MS / 60_000) * 60}-C9`,
      event_timestamp: `channel-joined-${Math.floor(RECEIVED_AT_MS / 60_000) * 60}-C9`,
    },
  ]),
  [
    'another subtype is message, never message_new',
    { type: 'message', subtype: 'bot_message', channel: 'C1', bot_id: 'B1', text: 'beep', ts: '3.3' },
    { type: 'message', channel_uid: 'C1', text: 'beep', timestamp: '3.3', event_timestamp: '3.3' },
  ],
  [
    'an edit without its inner message is message',
    { type: 'message', subtype: 'message_changed', channel: 'C1', ts: '3.3', message: 'what?' },
    { type: 'message', channel_uid: 'C1', timestamp: '3.3', event_timestamp: '3.3' },
  ],
  [
    'an event that Relax had no name for keeps that of Slack',
    { type: 'member_joined_channel', user: 'U1', channel: 'C1', team: 'T1', event_ts: '4.4' },
    { type: 'member_joined_channel', user_uid: 'U1', channel_uid: 'C1', event_timestamp: '4.4' },
  ],
  [
    'ids given as objects are read as ids',
    { type: 'user_change', user: { id: 'U1', updated: 7 } },
    { type: 'user_change', user_uid: 'U1' },
  ],
];

describe('the twelve fields of 2015', () => {
  it.each(TABLE)('%s', (_name, frame, fields) => {
    const { id, bot, event, received_at, ...relax } = itemOf(frame);
    expect(relax).toEqual({ ...NONE, ...fields });
    expect(event).toBe(frame);
    expect([bot, received_at]).toEqual(['bots/acme', '2026-11-24T08:30:15.250Z']);
    expect(id).toMatch(/^TDEADBEEF\/UBOT\//);
  });

  it('come first, in the order of 2015', () => {
    expect(Object.keys(itemOf({ type: 'message', channel: 'C1', ts: '1.1' }))).toEqual([
      'type',
      'user_uid',
      'channel_uid',
      'team_uid',
      'im',
      'text',
      'relax_bot_uid',
      'timestamp',
      'provider',
      'event_timestamp',
      'namespace',
      'attachments',
      'id',
      'bot',
      'event',
      'received_at',
    ]);
  });

  it('take team and namespace from the bot, not from the frame or from what Slack returned', () => {
    const item = itemOf(
      { type: 'message', channel: 'C1', ts: '1.1', team: 'TOTHER' },
      { teamID: 'E1GRID', slackTeamID: 'TINGRID', queueNamespace: 'acme' },
    );
    expect([item.team_uid, item.namespace]).toEqual(['E1GRID', 'acme']);
  });

  it('keep their types when Slack sends others', () => {
    const item = itemOf({ type: 'message', channel: 5, user: ['U1'], text: null, ts: 1.5, attachments: 'none' });
    expect(item).toMatchObject({ channel_uid: '5', user_uid: '', text: '', timestamp: '1.5', attachments: null });
  });
});

describe('attachments', () => {
  const attachmentsOf = (attachments: unknown): unknown =>
    itemOf({ type: 'message', channel: 'C1', ts: '1.1', attachments }).attachments;
  const EMPTY = {
    fallback: '',
    color: '',
    pretext: '',
    author_name: '',
    author_link: '',
    author_icon: '',
    title: '',
    title_link: '',
    text: '',
    fields: null,
    image_url: '',
    thumb_url: '',
    footer: '',
    footer_icon: '',
    ts: 0,
    attachment_type: '',
    callback_id: '',
    actions: null,
  };

  it('are null without, and empty if Slack sent an empty list', () => {
    expect(attachmentsOf(undefined)).toBeNull();
    expect(attachmentsOf({})).toBeNull();
    expect(attachmentsOf([])).toEqual([]);
  });

  it('have the fixed shape of 2015, and a strange value drops no frame', () => {
    expect(attachmentsOf([{ text: 'a', ts: '12.7', color: 7, blocks: [] }, 'what?', { ts: {}, fields: 3 }])).toEqual([
      { ...EMPTY, text: 'a', ts: 12, color: '7' },
      EMPTY,
      EMPTY,
    ]);
  });

  it('have fields and actions in full', () => {
    expect(
      attachmentsOf([
        {
          fields: [{ title: 't', value: 'v', short: true }, {}],
          actions: [{ name: 'n', confirm: { title: 'sure?' } }],
        },
      ]),
    ).toEqual([
      {
        ...EMPTY,
        fields: [
          { title: 't', value: 'v', short: true },
          { title: '', value: '', short: false },
        ],
        actions: [
          {
            name: 'n',
            text: '',
            type: '',
            style: '',
            value: '',
            confirm: { title: 'sure?', text: '', ok_text: '', dismiss_text: '' },
          },
        ],
      },
    ]);
  });

  it.each<[string, unknown]>([
    ['attachments', Array(100_000).fill(0)],
    ['fields', [{ fields: Array(100_000).fill(0) }]],
    ['actions', [{ actions: Array(100_000).fill(0) }]],
    ['fields and actions of many', Array(100).fill({ fields: Array(500).fill(0), actions: Array(500).fill(0) })],
  ])('are bounded, whatever number of %s Slack sends', (_name, attachments) => {
    const sent = JSON.stringify(attachments).length;
    expect(JSON.stringify(attachmentsOf(attachments)).length).toBeLessThan(sent + 250_000);
  });

  it('keep the first hundred in order, and as many fields as anybody reads', () => {
    const many = Array.from({ length: 150 }, (_, n) => ({ text: String(n), fields: [{ title: 'a' }, { title: 'b' }] }));
    const kept = attachmentsOf(many) as { text: string; fields: unknown[] }[];
    expect(kept.map(({ text }) => text)).toEqual(Array.from({ length: 100 }, (_, n) => String(n)));
    expect(kept.every(({ fields }) => fields.length === 2)).toBe(true);
  });

  it('of an edit come from the outer frame', () => {
    const message = { user: 'U1', ts: '1.1', attachments: [{ text: 'inner' }] };
    expect(itemOf({ type: 'message', subtype: 'message_changed', channel: 'C1', ts: '2.2', message }).attachments).toBe(
      null,
    );
  });
});

describe('disable_bot', () => {
  it('has the fields of 2015 and a mark of its own for 30 days', () => {
    const result = disableBot(sourceOf({ queueNamespace: 'acme' }), 'invalid_auth', RECEIVED_AT_MS);
    expect(result).toEqual({
      kind: 'event',
      item: {
        ...NONE,
        type: 'disable_bot',
        relax_bot_uid: '',
        namespace: 'acme',
        id: `TDEADBEEF/disable_bot/${'d'.repeat(32)}`,
        bot: 'bots/acme',
        event: { type: 'disable_bot', error: 'invalid_auth' },
        received_at: '2026-11-24T08:30:15.250Z',
      },
      mark: { kind: 'own', ttlMs: 2_592_000_000 },
      shardKey: 'TDEADBEEF',
      urgent: false,
      fence: { field: 'c1/uid-1', generation: 1 },
    });
    expect(CLOCK).toHaveLength(19);
  });

  it('is the same fact for every socket, cluster and time, and another for another token', () => {
    const idOf = (changes: Partial<RefusedBot>, error: string, nowMs: number): unknown => {
      const result = disableBot(sourceOf(changes), error, nowMs);
      return result.kind === 'event' ? result.item.id : result;
    };
    const first = idOf({}, 'invalid_auth', 1);
    expect(idOf({ cluster: 'c2', ownerUid: 'other', bot: 'x/y', generation: 9 }, 'account_inactive', 2)).toBe(first);
    expect(idOf({ tokenDigest: 'e' }, 'invalid_auth', 1)).not.toBe(first);
  });

  it('is not held back by an include list, but by an exclude list', () => {
    const events = { include: ['message_new'], exclude: [], own: false };
    expect(disableBot(sourceOf({ events }), 'invalid_auth', 1).kind).toBe('event');
    expect(disableBot(sourceOf({ events: { ...events, exclude: ['disable_bot'] } }), 'invalid_auth', 1)).toEqual({
      kind: 'filtered',
      reason: 'excluded',
    });
  });
});
