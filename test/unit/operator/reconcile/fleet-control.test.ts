import { describe, expect, it } from 'vitest';
import { FINALIZER } from '#core/api/api-group.ts';
import type { SlackBotStatus } from '#core/api/slackbot.ts';
import type { BotSummary } from '#core/protocol/bot-summary.ts';
import type { Desired } from '#operator/fleet/desired.ts';
import type { FleetView } from '#operator/fleet/fleet-view.ts';
import { slackBots } from '#operator/kinds/slackbot/slackbot-kind.ts';
import type { KubeClient } from '#operator/kube/client.ts';
import { KubeError } from '#operator/kube/kube-error.ts';
import type { ResourceScope } from '#operator/kube/object.ts';
import { RetryLimiter } from '#operator/kube/retry-limiter.ts';
import { FleetControl, REFRESH_PATIENCE_MS, WATCH_PATIENCE_MS } from '#operator/reconcile/fleet-control.ts';
import { RETRY_LIMITS } from '#operator/reconcile/kind-controller.ts';
import { watchLabelledSecrets } from '#operator/reconcile/labeled-secrets.ts';
import type { ActiveTerm } from '#operator/reconcile/leader-term.ts';
import { conditionOf } from '#operator/status/conditions.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';

const view: FleetView = { bots: new Map(), pods: [], settled: true };

/** Never answers. */
async function hang(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  throw signal.reason;
}

/** A server with one SlackBot, `good/a`, and a namespace `bad` of which it refuses what `refused` names. */
function controlOf(refused: readonly string[], dropped?: () => Promise<ReadonlyMap<string, BotSummary>>) {
  const timers = new FakeTimers();
  const metadata = { resourceVersion: '1', creationTimestamp: '2026-11-24T00:00:00Z', generation: 1 };
  let bot = {
    apiVersion: 'relax.dev/v1alpha1',
    kind: 'SlackBot',
    metadata: { name: 'a', namespace: 'good', uid: 'a', finalizers: [FINALIZER], ...metadata },
    spec: { teamID: 'T1', transport: 'RTM', credentials: { secretRef: { name: 's' } } },
  };
  const secret = {
    metadata: { name: 's', namespace: 'good', uid: 's', ...metadata },
    data: { token: Buffer.from('xoxb-1111-secretpart').toString('base64') },
  };
  const denied = (scope: ResourceScope): boolean => scope.namespace === 'bad' && refused.includes(scope.plural);
  let isSilent = false;
  let isHeld = false;
  let isGone = false;
  const client = {
    listPage: async (scope: ResourceScope, _query: unknown, { signal }: { signal: AbortSignal }) => {
      if (isSilent) return hang(signal);
      if (denied(scope)) throw new KubeError({ kind: 'forbidden', status: 403, reason: 'Forbidden', message: 'no' });
      const items =
        scope.namespace === 'bad' || (isGone && scope.plural === 'slackbots')
          ? []
          : [scope.plural === 'slackbots' ? bot : secret];
      return { metadata: { resourceVersion: '1' }, items };
    },
    watch: (_scope: ResourceScope, _query: unknown, signal: AbortSignal) => hang(signal),
    get: async (_path: unknown, { signal }: { signal: AbortSignal }) => (isHeld ? hang(signal) : secret),
    patch: async () => bot,
    patchStatus: async () => bot,
  } as unknown as KubeClient;
  const shared = { client, log: silentLog, timers, namespaces: ['bad', 'good'] };
  const watched = slackBots.watch(shared);
  const { watch: bots } = watched;
  const secrets = watchLabelledSecrets(shared);
  let prepare: (signal: AbortSignal) => Promise<void> = async () => undefined;
  let desired: () => Desired = () => {
    throw new Error('not made');
  };
  const control = new FleetControl({
    ...shared,
    kinds: [watched],
    secrets,
    ...(dropped === undefined ? {} : { dropped }),
    makePlanner: (seams) => {
      ({ desired, prepare } = seams);
      return { nudge: () => undefined, view: () => view };
    },
  });
  control.start();
  bots.start();
  secrets.start();
  const stop = async (): Promise<void> => {
    await control.stop(0);
    await Promise.all([bots.stop(), secrets.stop()]);
  };
  return {
    timers,
    control,
    told: [] as SlackBotStatus[],
    desired: () => desired(),
    prepare: () => prepare(new AbortController().signal),
    /** The server has another version of the bot, and the watch does not tell. */
    change: (meta: object, spec: object): void => {
      bot = { ...bot, metadata: { ...bot.metadata, ...meta }, spec: { ...bot.spec, ...spec } };
    },
    /** The server has it no more, and the watch does not tell. */
    remove: (): void => {
      isGone = true;
    },
    /** Secrets are not answered any more. */
    hold: (): void => {
      isHeld = true;
    },
    silence: (): void => {
      isSilent = true;
    },
    stop,
  };
}

it.each([
  ['Secrets', ['secrets'], []],
  ['SlackBots', ['slackbots'], ['bad']],
  ['SlackBots and Secrets', ['slackbots', 'secrets'], ['bad']],
])('a namespace whose %s may not be watched holds up no other', async (_what, refused, unlisted) => {
  const { timers, desired, stop } = controlOf(refused);
  await timers.advance(WATCH_PATIENCE_MS);
  expect([...desired().bots.keys()]).toEqual(['a']);
  // Whether a bot of that namespace is gone can't be told.
  expect([desired().synced, [...desired().unlisted]]).toEqual([true, unlisted]);
  await stop();
});

it('a namespace that may be watched at last is like the others', async () => {
  const refused = ['slackbots'];
  const { timers, desired, stop } = controlOf(refused);
  await timers.advance(WATCH_PATIENCE_MS);
  refused.pop();
  await timers.advance(60_000);
  expect([desired().synced, [...desired().unlisted]]).toEqual([true, []]);
  await stop();
});

it('a bot that is no longer watched is kept until it is released, also by a process that is not the leader', async () => {
  const line = { bot: 'b/x', teamID: 'T1', teamName: '', desired: 2, live: 2, zones: [], ready: true };
  const kept = new Map([['x', { ...line, reason: 'Live', message: '' }]]);
  const { timers, desired, stop } = controlOf([], async () => new Map(kept));
  await timers.advance(0);
  expect([...desired().kept]).toEqual(['x']);
  await timers.advance(120_000);
  expect([...desired().kept]).toEqual(['x']);
  // Another process, leading, has let it go.
  kept.clear();
  await timers.advance(60_000);
  expect([...desired().kept]).toEqual([]);
  await stop();
});

it('all is known at once where everything may be watched', async () => {
  const { timers, desired, stop } = controlOf([]);
  await timers.advance(0);
  expect([...desired().bots.keys(), desired().synced]).toEqual(['a', true]);
  await stop();
});

describe('with a watch that has fallen silent', () => {
  const suspended = { generation: 2, resourceVersion: '2' };

  it('nothing is planned from what was known, once the planner lock was taken', async () => {
    const { timers, desired, change, prepare, stop } = controlOf([]);
    await timers.advance(0);
    change(suspended, { suspend: true });
    await timers.advance(1_000);
    expect([...desired().bots.keys()]).toEqual(['a']);
    const prepared = prepare();
    await timers.advance(0);
    await prepared;
    expect([...desired().bots.keys()]).toEqual([]);
    expect(desired().stopped.get('a')).toEqual({ why: 'suspended', generation: 2 });
    await stop();
  });

  it('a bot that has changed keeps what it has until it is judged again, and so does a new one', async () => {
    const { timers, desired, change, prepare, hold, stop } = controlOf([]);
    await timers.advance(0);
    hold();
    change({ generation: 2, resourceVersion: '2' }, { credentials: { secretRef: { name: 'other' } } });
    const prepared = prepare();
    await timers.advance(0);
    await prepared;
    expect([[...desired().bots.keys()], [...desired().kept]]).toEqual([[], ['a']]);
    await stop();
  });

  it.each([
    ['deleted and made again under its name', { uid: 'b', generation: 1, resourceVersion: '3' }, {}, ['b', 1]],
    ['suspended and resumed', { generation: 3, resourceVersion: '3' }, {}, ['a', 3]],
    ['changed twice', { generation: 3, resourceVersion: '3' }, { replicas: 3 }, ['a', 3]],
  ])('states that were skipped do not matter: %s', async (_what, meta, spec, expected) => {
    const { timers, desired, change, prepare, stop } = controlOf([]);
    await timers.advance(0);
    change(meta, spec);
    const prepared = prepare();
    await timers.advance(0);
    await prepared;
    const sets = [...desired().bots.values()].map(({ set }) => [set.ownerUid, set.generation]);
    expect([sets, [...desired().kept], [...desired().stopped]]).toEqual([[expected], [], []]);
    await stop();
  });

  it('a bot that is gone is neither wanted nor kept', async () => {
    const { timers, desired, remove, prepare, stop } = controlOf([]);
    await timers.advance(0);
    remove();
    const prepared = prepare();
    await timers.advance(0);
    await prepared;
    expect([desired().synced, desired().bots.size, desired().kept.size]).toEqual([true, 0, 0]);
    await stop();
  });

  it('what was known counts while the server does not answer', async () => {
    const { timers, desired, prepare, silence, stop } = controlOf([]);
    await timers.advance(0);
    silence();
    const prepared = prepare();
    await timers.advance(REFRESH_PATIENCE_MS);
    await prepared;
    expect([...desired().bots.keys()]).toEqual(['a']);
    await stop();
  });

  it('nothing is written before the list of the server is known', async () => {
    const { timers, change, told, control, stop } = controlOf([]);
    await timers.advance(0);
    change(suspended, { suspend: true });
    const ended = new AbortController();
    const status = { baseOf: () => undefined, offer: (_bot: unknown, after: SlackBotStatus) => void told.push(after) };
    const events = { record: () => undefined };
    const leadership = { signal: ended.signal, events, status: { ...status, forget: () => undefined } };
    const term: ActiveTerm = { signal: ended.signal, leadershipFor: () => leadership };
    const given = control.beginTerm(term);
    expect(control.leadership).toBeUndefined();
    control.endTerm();
    await timers.advance(0);
    await given;
    // It ended before it began.
    expect(told).toEqual([]);
    void control.beginTerm(term);
    await timers.advance(0);
    expect(told.length).toBeGreaterThan(0);
    expect(told.map((each) => conditionOf(each, 'Ready')?.reason)).toEqual(told.map(() => 'Suspended'));
    await stop();
  });
});

it('10,000 bots that all failed are looked at again within a minute, however often they failed', () => {
  const limiter = new RetryLimiter<number>(RETRY_LIMITS);
  let latestMs = 0;
  for (let minute = 0; minute < 5; minute++) {
    for (let bot = 0; bot < 10_000; bot++) latestMs = Math.max(latestMs, limiter.delayMs(bot, minute * 60_000));
  }
  expect(latestMs).toBeLessThan(60_000);
});

/** SlackBots that are judged without a Secret, listed in this order. */
async function judgedControl(bots: readonly { name: string; reason?: string }[]) {
  const metadata = {
    namespace: 'bots',
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: '2026-11-24T00:00:00Z',
  };
  const items = bots.map(({ name, reason = 'AllLive' }) => ({
    metadata: { ...metadata, name, uid: name },
    spec: { teamID: 'T1', transport: 'SocketMode' },
    status: { conditions: [{ type: 'Redundant', status: 'False', reason }] },
  }));
  const client = {
    listPage: async ({ plural }: ResourceScope) => ({
      metadata: { resourceVersion: '1' },
      items: plural === 'slackbots' ? items : [],
    }),
    watch: (_scope: ResourceScope, _query: unknown, signal: AbortSignal) => hang(signal),
  } as unknown as KubeClient;
  const shared = { client, log: silentLog, timers: new FakeTimers(), namespaces: [] };
  const watched = slackBots.watch(shared);
  const { watch } = watched;
  const secrets = watchLabelledSecrets(shared);
  let onView: (changed: ReadonlySet<string>, view: FleetView) => void = () => undefined;
  const judged: string[] = [];
  const control = new FleetControl({
    ...shared,
    kinds: [watched],
    secrets,
    makePlanner: (seams) => {
      onView = seams.onView;
      return { nudge: () => undefined, view: () => view };
    },
    onSummary: (uid) => void judged.push(uid),
  });
  control.start();
  watch.start();
  secrets.start();
  await waitFor(() => judged.length === bots.length);
  const stop = async (): Promise<void> => {
    await control.stop(0);
    await Promise.all([watch.stop(), secrets.stop()]);
  };
  return { control, judged, onView, stop };
}

it('of bots that were created in the same second the one that would run a bot of both is judged first', async () => {
  const { judged, stop } = await judgedControl([{ name: 'b' }, { name: 'c' }, { name: 'a' }]);
  expect(judged).toEqual(['a', 'b', 'c']);
  await stop();
});

it('bots in one zone are reconciled when another zone could take them, and no other bot is', async () => {
  const { control, onView, stop } = await judgedControl([{ name: 'narrow', reason: 'SameZone' }, { name: 'wide' }]);
  const pod = (zone: string, slots: number): FleetView['pods'][number] => ({
    pod: zone,
    zone,
    state: 'up',
    capacity: 10,
    slots,
    live: slots,
    takesSlots: true,
    faults: [],
  });
  const looked: string[] = [];
  const [controller] = control.controllers;
  if (controller !== undefined) controller.queue.add = (key) => looked.push(key);
  const news = (next: FleetView): string[] => {
    onView(new Set(), next);
    return looked.splice(0);
  };
  expect(news({ ...view, pods: [pod('a', 5), pod('b', 10)] })).toEqual(['bots/narrow', 'bots/wide', 'bots/narrow']);
  expect(news({ ...view, pods: [pod('a', 6), pod('b', 10)] })).toEqual([]);
  expect(news({ ...view, pods: [pod('a', 6), pod('b', 9)] })).toEqual(['bots/narrow']);
  await stop();
});
