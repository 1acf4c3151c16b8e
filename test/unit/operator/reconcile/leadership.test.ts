import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { Desired } from '../../../../operator/fleet/desired.ts';
import type { FleetView } from '../../../../operator/fleet/fleet-view.ts';
import type { KubeClient } from '../../../../operator/kube/client.ts';
import type { EventRecorder } from '../../../../operator/kube/event-recorder.ts';
import { KubeError } from '../../../../operator/kube/kube-error.ts';
import type { KubeObject, ResourceScope } from '../../../../operator/kube/object.ts';
import { RetryLimiter } from '../../../../operator/kube/retry-limiter.ts';
import { Leadership, RETRY_LIMITS, WATCH_PATIENCE_MS } from '../../../../operator/reconcile/leadership.ts';
import { ResourceWatch } from '../../../../operator/reconcile/resource-watch.ts';
import {
  SECRETS,
  SLACKBOTS,
  type SlackBotObject,
  slackBotIndexers,
} from '../../../../operator/reconcile/slackbot-object.ts';
import { FakeTimers } from '../../../support/kube/fake-timers.ts';

const log = pino({ level: 'silent' });
const view: FleetView = { bots: new Map(), pods: [], settled: true };

/** A server with one SlackBot, `good/a`, and a namespace `bad` of which it refuses what `refused` names. */
function leadershipOf(refused: readonly string[]) {
  const timers = new FakeTimers();
  const metadata = { resourceVersion: '1', creationTimestamp: '2026-11-24T00:00:00Z', generation: 1 };
  const bot = {
    ...{
      apiVersion: 'relax.dev/v1alpha1',
      kind: 'SlackBot',
      metadata: { name: 'a', namespace: 'good', uid: 'a', ...metadata },
    },
    spec: { teamID: 'T1', transport: 'RTM', credentials: { secretRef: { name: 's' } } },
  };
  const secret = {
    metadata: { name: 's', namespace: 'good', uid: 's', ...metadata },
    data: { token: Buffer.from('xoxb-1111-secretpart').toString('base64') },
  };
  const denied = (scope: ResourceScope): boolean => scope.namespace === 'bad' && refused.includes(scope.plural);
  const client = {
    listPage: async (scope: ResourceScope) => {
      if (denied(scope)) throw new KubeError({ kind: 'forbidden', status: 403, reason: 'Forbidden', message: 'no' });
      const items = scope.namespace === 'bad' ? [] : [scope.plural === 'slackbots' ? bot : secret];
      return { metadata: { resourceVersion: '1' }, items };
    },
    watch: async (_scope: ResourceScope, _query: unknown, signal: AbortSignal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw signal.reason;
    },
    get: async () => secret,
    patch: async () => bot,
    patchStatus: async () => bot,
  } as unknown as KubeClient;
  const shared = { client, log, timers, namespaces: ['bad', 'good'] };
  const bots = new ResourceWatch<SlackBotObject>({ ...shared, resource: SLACKBOTS, indexers: slackBotIndexers });
  const secrets = new ResourceWatch<KubeObject>({ ...shared, resource: SECRETS, metadataOnly: true });
  let desired: () => Desired = () => ({ synced: false, bots: new Map(), stopped: new Map(), kept: new Set() });
  const leadership = new Leadership({
    ...{ ...shared, bots, secrets, statusWritesPerSecond: 50 },
    makePlanner: (seams) => {
      desired = seams.desired;
      return { start: () => undefined, nudge: () => undefined, stop: async () => undefined, view: () => view };
    },
    recorder: { record: () => undefined, stop: async () => undefined } as unknown as EventRecorder,
  });
  bots.start();
  secrets.start();
  leadership.start();
  const stop = async (): Promise<void> => {
    await leadership.stop(0);
    await Promise.all([bots.stop(), secrets.stop()]);
  };
  return { timers, desired: () => desired(), stop };
}

it.each([
  ['Secrets', ['secrets'], true],
  ['SlackBots', ['slackbots'], false],
])('a namespace whose %s may not be watched holds up no other', async (_what, refused, synced) => {
  const { timers, desired, stop } = leadershipOf(refused);
  await timers.advance(WATCH_PATIENCE_MS);
  expect([...desired().bots.keys()]).toEqual(['a']);
  // Whether a bot of that namespace is gone can't be told.
  expect(desired().synced).toBe(synced);
  await stop();
});

it('all is known at once where everything may be watched', async () => {
  const { timers, desired, stop } = leadershipOf([]);
  await timers.advance(0);
  expect([...desired().bots.keys(), desired().synced]).toEqual(['a', true]);
  await stop();
});

it('10,000 bots that all failed are looked at again within a minute, however often they failed', () => {
  const limiter = new RetryLimiter<number>(RETRY_LIMITS);
  let latestMs = 0;
  for (let minute = 0; minute < 5; minute++) {
    for (let bot = 0; bot < 10_000; bot++) latestMs = Math.max(latestMs, limiter.delayMs(bot, minute * 60_000));
  }
  expect(latestMs).toBeLessThan(60_000);
});

it('bots in one zone are told when another could take them, and no other bot is looked at for that', async () => {
  const metadata = {
    namespace: 'bots',
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: '2026-11-24T00:00:00Z',
  };
  const botOf = (name: string, reason: string) => ({
    metadata: { ...metadata, name, uid: name },
    spec: { teamID: 'T1', transport: 'RTM', credentials: { secretRef: { name: 's' } } },
    status: { conditions: [{ type: 'Redundant', status: 'False', reason }] },
  });
  const items = [botOf('narrow', 'SameZone'), botOf('wide', 'AllLive')];
  const client = {
    listPage: async () => ({ metadata: { resourceVersion: '1' }, items }),
    watch: async (_scope: ResourceScope, _query: unknown, signal: AbortSignal) => {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw signal.reason;
    },
  } as unknown as KubeClient;
  const shared = { client, log, timers: new FakeTimers(), namespaces: [] };
  const bots = new ResourceWatch<SlackBotObject>({ ...shared, resource: SLACKBOTS, indexers: slackBotIndexers });
  const secrets = new ResourceWatch<KubeObject>({ ...shared, resource: SECRETS, metadataOnly: true });
  let onView: (changed: ReadonlySet<string>, view: FleetView) => void = () => undefined;
  const { queue } = new Leadership({
    ...{ ...shared, bots, secrets, statusWritesPerSecond: 50 },
    makePlanner: (seams) => {
      onView = seams.onView;
      return { start: () => undefined, nudge: () => undefined, stop: async () => undefined, view: () => view };
    },
    recorder: { record: () => undefined, stop: async () => undefined } as unknown as EventRecorder,
  });
  const pod = (zone: string, slots: number): FleetView['pods'][number] => ({
    ...{ pod: zone, zone, state: 'up', capacity: 10, slots, live: slots, takesSlots: true, faults: [] },
  });
  const looked = async (next: FleetView): Promise<(string | undefined)[]> => {
    onView(new Set(), next);
    const keys: (string | undefined)[] = [];
    while (queue.depth > 0) keys.push(await queue.get());
    for (const key of keys) queue.done(key ?? '');
    return keys;
  };
  bots.start();
  await bots.synced();
  expect(await looked({ ...view, pods: [pod('a', 5), pod('b', 10)] })).toEqual(['bots/narrow', 'bots/wide']);
  expect(await looked({ ...view, pods: [pod('a', 6), pod('b', 10)] })).toEqual([]);
  expect(await looked({ ...view, pods: [pod('a', 6), pod('b', 9)] })).toEqual(['bots/narrow']);
  await bots.stop();
});
