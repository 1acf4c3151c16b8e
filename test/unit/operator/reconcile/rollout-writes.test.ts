import { describe, expect, it } from 'vitest';
import type { SlackBotSpec, SlackBotStatus } from '#core/api/slackbot.ts';
import type { SlotView } from '#operator/fleet/fleet-view.ts';
import { slackBotKind } from '#operator/kinds/slackbot/slackbot-kind.ts';
import type { SlackBotObject } from '#operator/kinds/slackbot/slackbot-object.ts';
import { statusOf } from '#operator/kinds/slackbot/status.ts';
import type { ResourcePath } from '#operator/kube/object.ts';
import { conditionOf } from '#operator/status/conditions.ts';
import { StatusWriter } from '#operator/status/status-writer.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { silentLog } from '#test/support/silent-log.ts';

/** What a restart of connector `a` costs in writes: its slots are away while it is, as the status has to tell. */
const BOTS = 200;
const PER_SECOND = 50;
const NOW = Date.parse('2026-11-25T12:00:00Z');

const slot = (pod: string, more: Partial<SlotView> = {}): SlotView => ({
  pod,
  zone: pod,
  assignedAtMs: NOW,
  role: 'active',
  state: 'live',
  reason: '',
  message: '',
  tokenDigest: 'd',
  teamName: '',
  botUserID: '',
  ...more,
});
const left = slot('a', { state: undefined, reason: 'PodReturning' });
const back = slot('a', { state: 'connecting' });

function fleetOf(replicas: number) {
  const timers = new FakeTimers();
  const spec: SlackBotSpec = { teamID: 'T1', transport: 'RTM', credentials: { secretRef: { name: 's' } }, replicas };
  const writes: { name: string; atMs: number; status: SlackBotStatus }[] = [];
  let version = 100;
  const client = {
    async patchStatus<T>(path: ResourcePath, patch: { body: unknown }): Promise<T> {
      const { status } = patch.body as { status: SlackBotStatus };
      writes.push({ name: path.name, atMs: timers.monotonicMs(), status });
      version += 1;
      return { metadata: { name: path.name, uid: path.name, resourceVersion: String(version) } } as T;
    },
  };
  const all = new StatusWriter({ client, timers, perSecond: PER_SECOND, log: silentLog });
  const writer = all.forKind(slackBotKind);
  const judge = (slots: readonly SlotView[], previous: SlackBotStatus | undefined): SlackBotStatus =>
    statusOf({
      bot: { metadata: { namespace: 'bots', generation: 1 }, spec },
      verdict: { kind: 'valid', token: 'xoxb-1', digest: 'd', note: '' },
      duplicateOf: undefined,
      view: { slots, pending: [] },
      fleet: { settled: true, pods: 2, zones: 2 },
      previous,
      nowMs: NOW,
    });
  const others = replicas === 1 ? [] : [slot('b')];
  const whole = judge([slot('a'), ...others], undefined);
  const bots = Array.from({ length: BOTS }, (_, n): SlackBotObject => {
    const metadata = { name: `b${n}`, namespace: 'bots', uid: `b${n}`, generation: 1, resourceVersion: '10' };
    const creationTimestamp = '2026-11-24T00:00:00Z';
    return {
      apiVersion: 'relax.dev/v1alpha1',
      kind: 'SlackBot',
      metadata: { ...metadata, creationTimestamp },
      spec,
      status: whole,
    };
  });
  const see = (ofPodA: SlotView): void => {
    for (const bot of bots) writer.offer(bot, judge([ofPodA, ...others], writer.baseOf(bot)));
  };
  return { timers, writes, see };
}

describe('a restart of a connector', () => {
  it('writes nothing of bots with another socket when theirs are back within 10 s', async () => {
    const { timers, writes, see } = fleetOf(2);
    see(left);
    await timers.advance(4_000);
    see(back);
    await timers.advance(5_000);
    see(slot('a'));
    await timers.advance(60_000);
    expect(writes).toEqual([]);
  });

  it('writes twice of each when it takes longer: that a socket is away, and that all are there, at the rate allowed', async () => {
    const { timers, writes, see } = fleetOf(2);
    see(left);
    await timers.advance(30_000);
    expect(writes).toHaveLength(BOTS);
    expect(writes[0]?.atMs).toBe(10_000);
    expect(conditionOf(writes[0]?.status, 'Redundant')?.reason).toBe('PodReturning');
    see(back);
    await timers.advance(5_000);
    see(slot('a'));
    await timers.advance(60_000);
    expect(writes).toHaveLength(2 * BOTS);
    const spanMs = (writes[BOTS - 1]?.atMs ?? 0) - (writes[0]?.atMs ?? 0);
    expect(spanMs).toBeGreaterThanOrEqual(((BOTS - 2 * PER_SECOND) / PER_SECOND) * 1_000);
  });

  it('is written at once for bots that have no other socket', async () => {
    const { timers, writes, see } = fleetOf(1);
    see(left);
    await timers.advance(0);
    expect(writes.length).toBeGreaterThanOrEqual(8);
    expect(conditionOf(writes[0]?.status, 'Ready')).toMatchObject({ status: 'False', reason: 'PodReturning' });
    expect(writes[0]?.atMs).toBe(0);
    await timers.advance(10_000);
    expect(writes).toHaveLength(BOTS);
  });
});
