import { describe, expect, it } from 'vitest';
import type { SlackBotStatus } from '#core/api/slackbot.ts';
import type { SlotView } from '#operator/fleet/fleet-view.ts';
import { type StatusInput, statusOf } from '#operator/kinds/slackbot/status.ts';
import { summaryOf } from '#operator/kinds/slackbot/summary.ts';
import { urgencyOf } from '#operator/kinds/status-change.ts';
import { firstWait, waitSentence } from '#operator/kinds/wait.ts';
import { conditionOf } from '#operator/status/conditions.ts';

const NOW = Date.parse('2026-11-24T17:02:00Z');
const UNTIL = Date.parse('2026-11-24T17:03:05Z');
const bot = {
  metadata: { namespace: 'bots', name: 'acme', generation: 3 },
  spec: { teamID: 'T1', transport: 'RTM' as const, credentials: { secretRef: { name: 's' } } },
};

const slot = (pod: string, more: Partial<SlotView> = {}): SlotView => ({
  pod,
  zone: `zone-${pod}`,
  assignedAtMs: NOW - 60_000,
  role: 'active',
  state: 'waiting',
  reason: 'WaitingForBudget',
  message: 'One a minute.',
  waitUntilMs: UNTIL,
  tokenDigest: 'digest',
  teamName: 'Acme',
  botUserID: 'U1',
  ...more,
});
const lost = (more: Partial<SlotView> = {}): SlotView =>
  slot('a', { reason: 'ConnectionLost', message: 'The websocket closed.', ...more });
const statusWith = (slots: SlotView[], more: Partial<StatusInput> = {}): SlackBotStatus =>
  statusOf({
    bot,
    verdict: { kind: 'valid', token: 'xoxb-1234', digest: 'digest', note: '' },
    duplicateOf: undefined,
    view: { slots, pending: [] },
    fleet: { settled: true, pods: 2, zones: 2 },
    previous: undefined,
    nowMs: NOW,
    ...more,
  });
const said = (status: SlackBotStatus, type = 'Ready' as const): string => conditionOf(status, type)?.message ?? '';

describe('a wait of a socket that is missing', () => {
  it.each<[string, Partial<SlotView>, string]>([
    ['budget', {}, " Waits for Slack's connect budget until 17:03:05Z."],
    ['rateLimit', { reason: 'RateLimited' }, " Waits for the end of Slack's rate limit until 17:03:05Z."],
    ['retry', { state: 'connecting', reason: 'SlackUnavailable' }, ' Waits until 17:03:05Z before the next try.'],
    ['retry', { reason: 'TooManyWebsockets' }, ' Waits until 17:03:05Z before the next try.'],
    ['budget', { reason: 'ConnectionLost' }, " Waits for Slack's connect budget until 17:03:05Z."],
  ])('for %s is told with the time of its end', (kind, more, words) => {
    expect(firstWait([slot('a', more)])).toEqual({ untilMs: UNTIL, for: kind });
    expect(waitSentence([slot('a', more)], NOW)).toBe(words);
  });

  it('is the one that ends first, and none of a slot that is live, refused or silent', () => {
    const later = slot('b', { waitUntilMs: UNTIL + 60_000 });
    expect(firstWait([later, slot('a')])?.untilMs).toBe(UNTIL);
    expect(firstWait([slot('a', { state: 'live' }), slot('b', { state: 'failed' })])).toBeUndefined();
    expect(firstWait([slot('a', { waitUntilMs: undefined })])).toBeUndefined();
  });

  it('is no longer reported when it is over', () => {
    expect(waitSentence([slot('a')], UNTIL)).toBe('');
  });
});

describe('the conditions of a bot that waits', () => {
  it('say until when, also beside what went wrong', () => {
    expect(said(statusWith([slot('a'), slot('b')]))).toBe(
      "One a minute. Waits for Slack's connect budget until 17:03:05Z.",
    );
    expect(said(statusWith([lost()]))).toBe("The websocket closed. Waits for Slack's connect budget until 17:03:05Z.");
  });

  it('say it of the one that is missing, too', () => {
    const status = statusWith([slot('a', { state: 'live', reason: '', message: '' }), slot('b')]);
    expect(conditionOf(status, 'Redundant')?.message).toMatch(/1 of 2 sockets are live.*until 17:03:05Z\.$/);
    expect(said(status)).not.toContain('until');
  });

  it('do not say it of a bot that Slack refuses: no wait helps', () => {
    const status = statusWith([slot('a', { state: 'failed', reason: 'TokenRevoked' }), slot('b')]);
    expect(JSON.stringify(status)).not.toContain('17:03:05Z');
  });

  it('are written once for that, and not for the next wait of the same problem', () => {
    const broken = statusWith([lost({ state: 'connecting', waitUntilMs: undefined })]);
    const waits = statusWith([lost()], { previous: broken });
    expect(urgencyOf(broken, waits)).toBe('flap');
    const again = statusWith([lost({ waitUntilMs: UNTIL + 60_000 })], { previous: waits, nowMs: NOW + 70_000 });
    expect(said(again)).toContain('until 17:04:05Z');
    expect(urgencyOf(waits, again)).toBe('none');
    expect(urgencyOf(waits, broken)).toBe('none');
  });
});

describe('the line of a bot in relax status', () => {
  it('has the end of the wait as a number, for a reader that counts down, and not as words', () => {
    const slots = [lost()];
    expect(summaryOf(bot, statusWith(slots), { slots, pending: [] })).toMatchObject({
      reason: 'ConnectionLost',
      message: 'The websocket closed.',
      waitUntilMs: UNTIL,
      waitsFor: 'budget',
    });
  });

  it('has none where nothing is missing', () => {
    const slots = [slot('a', { state: 'live' }), slot('b', { state: 'live' }), slot('c')];
    expect(summaryOf(bot, statusWith(slots), { slots, pending: [] }).waitUntilMs).toBeUndefined();
  });
});
