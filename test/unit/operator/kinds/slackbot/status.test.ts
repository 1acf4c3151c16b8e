import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SlackBotSpec, type SlackBotStatus, slackBotStatusSchema } from '#core/api/slackbot.ts';
import { RETRY_REASONS, TERMINAL_REASONS } from '#core/protocol/report.ts';
import type { SlotView } from '#operator/fleet/fleet-view.ts';
import { CONDITION_TYPES, type ConditionType, REASONS } from '#operator/kinds/reasons.ts';
import { type StatusInput, statusOf } from '#operator/kinds/slackbot/status.ts';
import { urgencyOf } from '#operator/kinds/status-change.ts';
import { conditionOf } from '#operator/status/conditions.ts';

const SPEC: SlackBotSpec = { teamID: 'T1', transport: 'RTM', credentials: { secretRef: { name: 's' } } };
const NOW = Date.parse('2026-11-24T12:00:00.789Z');

const slot = (pod: string, more: Partial<SlotView> = {}): SlotView => ({
  pod,
  zone: `zone-${pod}`,
  assignedAtMs: NOW - 60_000,
  role: 'active',
  state: 'live',
  reason: '',
  message: '',
  tokenDigest: 'digest',
  teamName: 'Acme',
  botUserID: 'U1',
  ...more,
});
const input = (more: Partial<StatusInput> = {}, slots?: SlotView[]): StatusInput => ({
  bot: { metadata: { namespace: 'bots', generation: 3 }, spec: SPEC },
  verdict: { kind: 'valid', token: 'xoxb-1234', digest: 'digest', note: '' },
  duplicateOf: undefined,
  view: slots === undefined ? undefined : { slots, pending: [] },
  fleet: { settled: true, pods: 2, zones: 2 },
  previous: undefined,
  nowMs: NOW,
  ...more,
});
const both = [slot('b'), slot('a')];
const shown = (status: SlackBotStatus, type: ConditionType) => {
  const condition = conditionOf(status, type);
  return `${condition?.status} ${condition?.reason}`;
};

describe('the status of a bot', () => {
  it('with all sockets live is ready and redundant, and lists them in a stable order', () => {
    const status = statusOf(input({}, both));
    expect(CONDITION_TYPES.map((type) => shown(status, type))).toEqual([
      'True Live',
      'True AllLive',
      'True Placed',
      'True Live',
      'True Accepted',
    ]);
    expect(status).toMatchObject({
      observedGeneration: 3,
      desiredConnections: 2,
      liveConnections: 2,
      connectionSummary: '2/2',
      connections: [
        { pod: 'a', zone: 'zone-a', since: '2026-11-24T11:59:00Z' },
        { pod: 'b', zone: 'zone-b', since: '2026-11-24T11:59:00Z' },
      ],
      teamName: 'Acme',
      botUserID: 'U1',
    });
  });

  it('keeps the time of a connection when Redis has lost it, and never shows 1970', () => {
    const before = statusOf(input({}, both));
    const adopted = [slot('a', { assignedAtMs: 0 }), slot('b', { assignedAtMs: 0 })];
    expect(statusOf(input({ previous: before, nowMs: NOW + 60_000 }, adopted))).toEqual(before);
    expect(statusOf(input({}, adopted)).connections?.map(({ since }) => since.slice(0, 4))).toEqual(['2026', '2026']);
  });

  const one = { ...SPEC, replicas: 1 };
  const gone = { state: 'connecting', reason: 'ConnectionLost' } as const;
  const away = (reason: string) => slot('a', { state: undefined, reason, tokenDigest: '' });
  it.each<[string, StatusInput, ConditionType, string]>([
    ['before any knowledge', input({ fleet: { settled: false, pods: 0, zones: 0 } }), 'Ready', 'Unknown Observing'],
    ['without connectors', input({ fleet: { settled: true, pods: 0, zones: 0 } }), 'Ready', 'False NoConnectors'],
    ['without room', input({ view: { slots: [], pending: ['NoEligiblePods'] } }), 'Ready', 'False NoEligiblePods'],
    ['just placed', input({}, [slot('a', { state: undefined, tokenDigest: '' })]), 'Ready', 'False Connecting'],
    ['that Slack has not judged', input({}, [slot('a', gone)]), 'CredentialsValid', 'Unknown NotTried'],
    [
      'that waits for Slack',
      input({}, [slot('a', { state: 'waiting', reason: 'RateLimited' })]),
      'Ready',
      'False RateLimited',
    ],
    ['with one socket of two', input({}, [slot('a'), slot('b', gone)]), 'Ready', 'True Live'],
    ['whose only pod has left', input({}, [away('PodReturning')]), 'Ready', 'False PodReturning'],
    ['whose only pod was killed', input({}, [away('ConnectorLost')]), 'Connected', 'False ConnectorLost'],
    ['with a pod that has left', input({}, [slot('b'), away('PodReturning')]), 'Ready', 'True Live'],
    ['with a pod that has left', input({}, [slot('b'), away('PodReturning')]), 'Redundant', 'False PodReturning'],
    [
      'whose new token one of its connectors cannot open',
      input({}, [slot('a'), slot('b', { reason: 'SealUnreadable', tokenDigest: 'old' })]),
      'Ready',
      'True SealUnreadable',
    ],
    [
      'of which one socket is kept from events',
      input({}, [slot('a'), slot('b', { reason: 'EventsWithheld' })]),
      'Connected',
      'True EventsWithheld',
    ],
    ['with one socket of two', input({}, [slot('a'), slot('b', gone)]), 'Redundant', 'False MissingReplica'],
    [
      'with a socket for which Slack has no place',
      input({}, [slot('a'), slot('b', { state: 'connecting', reason: 'TooManyWebsockets' })]),
      'Redundant',
      'False TooManyWebsockets',
    ],
    [
      'in one zone of one',
      input({ fleet: { settled: true, pods: 2, zones: 1 } }, [slot('a', { zone: 'z' }), slot('b', { zone: 'z' })]),
      'Redundant',
      'True SingleZone',
    ],
    [
      'in one zone of two',
      input({}, [slot('a', { zone: 'z' }), slot('b', { zone: 'z' })]),
      'Redundant',
      'False SameZone',
    ],
    [
      'with one replica',
      input({ bot: { metadata: { namespace: 'b', generation: 1 }, spec: one } }, [slot('a')]),
      'Redundant',
      'False SingleReplica',
    ],
    [
      'whose sockets wait for Redis',
      input(
        {},
        both.map((s) => ({ ...s, state: 'paused' })),
      ),
      'Redundant',
      'True AllLive',
    ],
    [
      'whose token is revoked',
      input({}, [slot('a'), slot('b', { state: 'failed', reason: 'TokenRevoked' })]),
      'Ready',
      'False TokenRevoked',
    ],
    [
      'whose old token was revoked',
      input({}, [slot('a', { state: 'failed', reason: 'TokenRevoked', tokenDigest: 'old' })]),
      'Ready',
      'False Connecting',
    ],
    [
      'with a reason of a newer version',
      input({}, [slot('a', { state: 'connecting', reason: 'Unheard' })]),
      'Connected',
      'False Connecting',
    ],
    [
      'whose Secret cannot be read',
      input({ verdict: { kind: 'unknown', reason: 'SecretUnreadable', message: 'm' } }),
      'Assigned',
      'Unknown SecretUnreadable',
    ],
    [
      'suspended',
      input({ bot: { metadata: { namespace: 'b', generation: 1 }, spec: { ...SPEC, suspend: true } } }),
      'Ready',
      'False Suspended',
    ],
  ])('%s: $2 is $3', (_, given, type, expected) => {
    expect(shown(statusOf(given), type)).toBe(expected);
  });

  it('says why a socket is missing while another is live', () => {
    const limited = slot('b', { state: 'waiting', reason: 'RateLimited', message: 'Slack says wait.' });
    const status = statusOf(input({}, [slot('a'), limited]));
    expect(conditionOf(status, 'Redundant')?.message).toBe('1 of 2 sockets are live. Slack says wait.');
  });

  it("names a bot's other resource within its own namespace only", () => {
    const message = (namespace: string) =>
      conditionOf(statusOf(input({ duplicateOf: { kind: 'SlackBot', namespace, name: 'first', keys: [] } })), 'Ready')
        ?.message;
    expect(message('bots')).toContain('SlackBot first has the same team');
    expect(message('elsewhere')).toContain('an older SlackBot in another namespace');
    expect(message('elsewhere')).not.toContain('first');
  });

  it('shows sockets of a suspended bot until they are closed', () => {
    const suspended = { metadata: { namespace: 'b', generation: 1 }, spec: { ...SPEC, suspend: true } };
    expect(statusOf(input({ bot: suspended }, both))).toMatchObject({ connectionSummary: '2/0' });
    expect(statusOf(input({ bot: suspended }))).toMatchObject({ connectionSummary: '0/0', connections: [] });
  });

  it('counts a socket that is handed over once', () => {
    const status = statusOf(input({}, [...both, slot('c', { role: 'incoming' })]));
    expect(status).toMatchObject({ connectionSummary: '2/2' });
    expect(status.connections?.map(({ pod }) => pod)).toEqual(['a', 'b']);
  });

  it('moves the time of a condition only when its status flips', () => {
    const first = statusOf(input({}, both));
    const later = statusOf(input({ previous: first, nowMs: NOW + 60_000 }, [slot('a')]));
    expect(conditionOf(later, 'Ready')?.lastTransitionTime).toBe('2026-11-24T12:00:00Z');
    expect(conditionOf(later, 'Redundant')?.lastTransitionTime).toBe('2026-11-24T12:01:00Z');
  });

  it('keeps what was said while the fleet is still being observed', () => {
    const previous = statusOf(input({}, both));
    const fleet = { settled: false, pods: 0, zones: 0 };
    expect(statusOf(input({ previous, fleet }))).toEqual(previous);
    expect(
      statusOf(input({ previous, fleet, verdict: { kind: 'invalid', reason: 'SecretMissing', message: 'm' } })),
    ).toMatchObject({
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: 'Ready', status: 'False', reason: 'SecretMissing' }),
      ]),
    });
  });

  it('counts what is seen live while the rest of the fleet is still being observed', () => {
    const fleet = { settled: false, pods: 1, zones: 1 };
    const previous = statusOf(input({ fleet: { settled: false, pods: 0, zones: 0 } }));
    const status = statusOf(input({ previous, fleet }, [slot('a')]));
    expect(shown(status, 'Ready')).toBe('True Live');
    expect(status.connectionSummary).toBe('1/2');
  });

  it('reports bad news that is certain even then: each socket was reported by a process that runs', () => {
    const fleet = { settled: false, pods: 2, zones: 2 };
    const previous = statusOf(input({}, both));
    const down = both.map((s) => ({ ...s, state: 'connecting', reason: 'ConnectionLost' }) as const);
    const status = statusOf(input({ previous, fleet }, down));
    expect([shown(status, 'Ready'), status.connectionSummary]).toEqual(['False ConnectionLost', '0/2']);
    const left = both.map((s) => ({ ...s, state: undefined, reason: 'PodReturning' }));
    expect(shown(statusOf(input({ previous, fleet }, left)), 'Ready')).toBe('False PodReturning');
    const unheard = [slot('a', { state: undefined }), slot('b', { state: 'connecting', reason: 'ConnectionLost' })];
    expect(statusOf(input({ previous, fleet }, unheard))).toEqual(previous);
  });

  it('is no worse for a rotated token that Slack has not seen yet', () => {
    const previous = statusOf(input({}, both));
    const verdict = { kind: 'valid', token: 'xoxb-2345', digest: 'new', note: '' } as const;
    expect(statusOf(input({ previous, verdict }, both))).toEqual(previous);
  });
});

const anySlot = fc.record({
  pod: fc.constantFrom('a', 'b', 'c'),
  zone: fc.constantFrom('x', 'y'),
  role: fc.constantFrom('active', 'incoming'),
  state: fc.constantFrom(undefined, 'waiting', 'connecting', 'live', 'paused', 'failed'),
  reason: fc.constantFrom('', 'Unheard', ...TERMINAL_REASONS, ...RETRY_REASONS),
  message: fc.constantFrom('', 'token xoxb-1234-secretpart was refused'),
  tokenDigest: fc.constantFrom('digest', 'old', ''),
});
const anyInput = fc
  .record({
    slots: fc.option(fc.array(anySlot, { maxLength: 4 }), { nil: undefined }),
    pending: fc.subarray(['NoConnectors', 'NoEligiblePods', 'PodReturning', 'Observing'] as const),
    verdict: fc.constantFrom<StatusInput['verdict']>(
      { kind: 'valid', token: 'xoxb-1234', digest: 'digest', note: '' },
      { kind: 'invalid', reason: 'KeyMissing', message: 'm' },
      { kind: 'unknown', reason: 'SecretUnreadable', message: 'm' },
    ),
    suspend: fc.boolean(),
    duplicate: fc.boolean(),
    replicas: fc.integer({ min: 1, max: 3 }),
    settled: fc.boolean(),
    zones: fc.integer({ min: 0, max: 2 }),
  })
  .map(
    ({ slots, pending, suspend, duplicate, replicas, settled, zones, verdict }): StatusInput => ({
      ...input({ verdict }),
      bot: { metadata: { namespace: 'bots', generation: 1 }, spec: { ...SPEC, suspend, replicas } },
      duplicateOf: duplicate ? { kind: 'SlackBot', namespace: 'x', name: 'y', keys: [] } : undefined,
      view: slots && { slots: slots.map((more) => slot(more.pod, more)), pending },
      fleet: { settled, pods: zones, zones },
    }),
  );

describe('every status', () => {
  it('fits the schema, uses reasons of the table, holds no token, and once reached stays as it is', () => {
    const known = new Set<string>(REASONS.map(({ reason }) => reason));
    fc.assert(
      fc.property(anyInput, anyInput, (before, given) => {
        const previous = statusOf(before);
        const status = statusOf({ ...given, previous });
        expect(slackBotStatusSchema.safeParse(status).success).toBe(true);
        for (const { reason, message } of status.conditions ?? []) {
          expect(known).toContain(reason);
          expect(message).not.toContain('secretpart');
        }
        const again = statusOf({ ...given, previous: status, nowMs: NOW + 5_000 });
        expect(urgencyOf(status, again)).toBe('none');
      }),
      { numRuns: 500 },
    );
  });

  it('has a row in the table for each reason that a connector may report', () => {
    const known = new Set<string>(REASONS.map(({ reason }) => reason));
    for (const reason of [...TERMINAL_REASONS, ...RETRY_REASONS]) expect(known).toContain(reason);
  });
});

describe('a change of a status', () => {
  const status = (slots: SlotView[], more: Partial<StatusInput> = {}) => statusOf(input(more, slots));
  const suspended = { metadata: { namespace: 'bots', generation: 3 }, spec: { ...SPEC, suspend: true } };
  const lost = slot('b', { state: 'connecting', reason: 'ConnectionLost' });
  const left = slot('b', { state: undefined, reason: 'PodReturning' });
  it.each([
    ['the first', undefined, status([]), 'bad'],
    ['the same', status(both), status(both, { nowMs: NOW + 1 }), 'none'],
    ['one socket of two lost', status(both), status([slot('a'), lost]), 'flap'],
    ['the last socket lost', status([slot('a'), lost]), status([lost]), 'bad'],
    [
      'the last socket of a suspended bot closed',
      status([slot('a')], { bot: suspended }),
      status([], { bot: suspended, previous: status([slot('a')]) }),
      'good',
    ],
    ['the first socket up', status([lost]), status([slot('a'), lost]), 'good'],
    ['its pod back, the socket not yet', status([slot('a'), left]), status([slot('a'), lost]), 'flap'],
    ['the last pod gone', status([slot('a'), left]), status([{ ...left, pod: 'a' }, left]), 'bad'],
    [
      'other words of a retry',
      status([{ ...lost, message: 'in 3 s' }]),
      status([{ ...lost, message: 'in 2 s' }]),
      'none',
    ],
    [
      'a refused token',
      status(both),
      status([slot('a'), slot('b', { state: 'failed', reason: 'TokenRevoked' })]),
      'bad',
    ],
  ] as const)('such as %s is: $3', (_, before, after, urgency) => {
    expect(urgencyOf(before, after)).toBe(urgency);
  });
});
