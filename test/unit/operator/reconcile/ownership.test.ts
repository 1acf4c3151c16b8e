import { describe, expect, it } from 'vitest';
import { OwnerReconciler } from '#operator/kinds/owner-reconciler.ts';
import { slackBotKind } from '#operator/kinds/slackbot/slackbot-kind.ts';
import type { SlackBotObject } from '#operator/kinds/slackbot/slackbot-object.ts';
import { slackBotOwners } from '#operator/kinds/slackbot/slackbot-owners.ts';
import type { KubeClient } from '#operator/kube/client.ts';
import { KubeError } from '#operator/kube/kube-error.ts';
import { DesiredState } from '#operator/reconcile/desired-state.ts';
import type { ReconcilerParts } from '#operator/reconcile/kind-controller.ts';
import { Ownership } from '#operator/reconcile/ownership.ts';
import { Rivals } from '#operator/reconcile/rivals.ts';
import { SecretReads } from '#operator/reconcile/secret-reads.ts';
import type { KindObject } from '#operator/status/status-kind.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { silentLog } from '#test/support/silent-log.ts';

const SELF = { operator: 'relax/relax-operator', cluster: 'eu' };
const { signal } = new AbortController();
const NOT_THERE = new KubeError({ kind: 'notFound', status: 404, reason: 'NotFound', message: 'no such thing' });

/** A server with one SlackBot, and a watch that may be late. */
class World {
  /** As the server has it. */
  bot: SlackBotObject;
  readonly patches: string[][] = [];
  readonly foreign: string[] = [];
  readonly ownership: Ownership<SlackBotObject>;
  readonly client: Pick<KubeClient, 'patch' | 'getMetadata'>;

  constructor(annotations?: Record<string, string>) {
    const metadata = {
      name: 'acme',
      namespace: 'bots',
      uid: 'u1',
      generation: 1,
      resourceVersion: '1',
      creationTimestamp: '2026-11-25T00:00:00Z',
      ...(annotations === undefined ? {} : { annotations }),
    };
    const spec = { teamID: 'T1', transport: 'RTM', credentials: { secretRef: { name: 's' } } } as const;
    this.bot = { apiVersion: 'relax.dev/v1alpha1', kind: 'SlackBot', metadata, spec };
    this.client = {
      patch: async (_path, patch) => {
        const [test, ...operations] = patch.body as { op: string; path: string; value: unknown }[];
        if (test?.value !== this.bot.metadata.resourceVersion) {
          throw new KubeError({ kind: 'invalid', status: 422, reason: 'Invalid', message: 'test failed' });
        }
        this.patches.push(operations.map(({ op, path }) => `${op} ${path}`));
        this.#change(operations);
        return this.copy() as never;
      },
      getMetadata: () => Promise.reject(NOT_THERE),
    };
    const onForeign = (_bot: SlackBotObject, text: string) => void this.foreign.push(text);
    this.ownership = new Ownership({ kind: slackBotKind, client: this.client, self: SELF, onForeign, log: silentLog });
  }

  /** What the watch brings. */
  copy(): SlackBotObject {
    return structuredClone(this.bot);
  }

  annotate(annotations: Record<string, string>): void {
    this.#change(
      Object.entries(annotations).map(([name, value]) => ({ op: 'add', path: `/annotations/${name}`, value })),
    );
  }

  #change(operations: readonly { op: string; path: string; value: unknown }[]): void {
    const { metadata } = this.bot;
    metadata.resourceVersion = String(Number(metadata.resourceVersion) + 1);
    for (const { op, path, value } of operations) {
      if (op === 'test') continue;
      if (op === 'remove') this.#remove(path);
      else if (path === '/metadata/finalizers') metadata.finalizers = value as string[];
      else if (path === '/metadata/annotations') metadata.annotations = value as Record<string, string>;
      else
        metadata.annotations = {
          ...metadata.annotations,
          [path.split('/annotations/')[1]?.replace('~1', '/') ?? '']: String(value),
        };
    }
  }

  #remove(path: string): void {
    const { metadata } = this.bot;
    const name = path.split('/annotations/')[1]?.replace('~1', '/');
    if (name === undefined) metadata.finalizers = [];
    else delete metadata.annotations?.[name];
  }
}

/** @param app the only SlackApp that there is */
function reconcilerOf(world: World, app: () => KindObject | undefined = () => undefined) {
  const timers = new FakeTimers();
  const desired = new DesiredState();
  const statuses: string[] = [];
  const lines: (string | undefined)[] = [];
  const secret = {
    metadata: { name: 's', uid: 's', resourceVersion: '1' },
    data: { token: btoa('xoxb-1-secretpart') },
  };
  const reader = { get: async () => secret as never, listPage: async () => ({ metadata: {}, items: [] }) };
  const parts: ReconcilerParts<SlackBotObject> = {
    desired,
    log: silentLog,
    timers,
    ownership: world.ownership,
    objects: {
      get: () => world.copy(),
      values: () => [world.copy()].values(),
      byIndex: () => [world.copy()],
      hasSynced: true,
    },
    secrets: new SecretReads({ client: reader, labelled: { get: () => undefined }, timers, random: () => 0 }),
    planner: { view: () => ({ bots: new Map(), pods: [], settled: true }), nudge: () => undefined },
    leadership: () => ({
      signal,
      status: {
        baseOf: () => undefined,
        offer: (bot) => void statuses.push(bot.metadata.name),
        forget: () => undefined,
      },
      events: { record: () => undefined },
    }),
    rivals: new Rivals(),
    others: () => ({ get: () => app(), statusOf: () => undefined, isListed: () => true }),
    enqueue: () => undefined,
    onStatus: (_uid, judged) => void lines.push(judged?.status.conditions?.[0]?.reason),
  };
  return { reconciler: new OwnerReconciler(slackBotOwners(parts), parts), desired, statuses, lines };
}

describe('a SlackBot that nobody has claimed', () => {
  it('gets claim and finalizer in one patch, and then no other', async () => {
    const world = new World();
    const late = world.copy();
    expect(await world.ownership.take(late, { finalizer: true, signal })).toBe(true);
    expect(world.patches).toEqual([['add /metadata/annotations', 'add /metadata/finalizers']]);
    expect(await world.ownership.take(late, { finalizer: true, signal })).toBe(true);
    expect(await world.ownership.take(world.copy(), { finalizer: true, signal })).toBe(true);
    expect(world.patches).toHaveLength(1);
  });

  it('is not taken by the one whose patch comes second', async () => {
    const world = new World();
    const copy = world.copy();
    world.annotate({ 'relax.dev/operator': 'other/relax-operator', 'relax.dev/cluster': 'us' });
    expect(await world.ownership.take(copy, { finalizer: true, signal })).toBe(false);
    expect(world.ownership.foreign(world.copy(), true)).toContain('that of Lease other/relax-operator');
  });

  it('is claimed again when the claim was taken off', async () => {
    const world = new World();
    await world.ownership.take(world.copy(), { finalizer: true, signal });
    world.annotate({ 'relax.dev/operator': '' });
    await world.ownership.take(world.copy(), { finalizer: true, signal });
    expect(world.bot.metadata.annotations?.['relax.dev/operator']).toBe(SELF.operator);
  });
});

describe("a SlackBot of another's", () => {
  it('is reported once for each that holds it', () => {
    const world = new World({ 'relax.dev/operator': 'other/relax-operator' });
    for (let n = 0; n < 3; n += 1) world.ownership.foreign(world.copy(), true);
    expect(world.foreign).toHaveLength(1);
    world.annotate({ 'relax.dev/operator': 'third/relax-operator' });
    world.ownership.foreign(world.copy(), true);
    expect(world.foreign).toHaveLength(2);
  });

  it('loses what we had of it, and gets no status, no patch and no fence from us', async () => {
    const world = new World();
    const { reconciler, desired, statuses, lines } = reconcilerOf(world);
    await reconciler.reconcile('bots/acme', signal);
    expect(desired.wanted('u1')).toBeDefined();
    expect(statuses).toHaveLength(1);
    world.annotate({ 'relax.dev/operator': 'other/relax-operator', 'relax.dev/cluster': 'us' });
    const patched = world.patches.length;
    expect(await reconciler.reconcile('bots/acme', signal)).toEqual({ kind: 'done' });
    world.bot.metadata.deletionTimestamp = '2026-11-25T00:00:01Z';
    await reconciler.reconcile('bots/acme', signal);
    // Each of the other's writes brings it here again.
    expect(world.foreign).toHaveLength(1);
    expect(desired.wanted('u1')).toBeUndefined();
    expect(desired.value().stopped.size).toBe(0);
    expect(statuses).toHaveLength(1);
    expect(world.patches).toHaveLength(patched);
    expect(lines.at(-1)).toBe('OtherOperator');
  });
});

describe('a SlackBot over a SlackApp', () => {
  const THEIRS = { 'relax.dev/operator': 'other/relax-operator', 'relax.dev/cluster': 'us' };
  const appOf = (annotations: Record<string, string>): KindObject =>
    ({
      metadata: { name: 'shop', namespace: 'bots', uid: 'app', generation: 1, annotations },
      spec: { appID: 'A1', credentials: { secretRef: { name: 's' } }, replicas: 2 },
    }) as unknown as KindObject;

  it('goes to the operator of its app, which alone has the table', async () => {
    const world = new World();
    world.bot.spec = { teamID: 'T1', transport: 'App', appRef: { name: 'shop' } };
    let annotations: Record<string, string> = {};
    const { reconciler, desired, lines } = reconcilerOf(world, () => appOf(annotations));
    await reconciler.reconcile('bots/acme', signal);
    expect(desired.routed('u1')?.appUid).toBe('app');
    expect(world.bot.metadata.annotations?.['relax.dev/operator']).toBe(SELF.operator);
    annotations = THEIRS;
    expect(await reconciler.reconcile('bots/acme', signal)).toEqual({ kind: 'done' });
    expect(desired.routed('u1')).toBeUndefined();
    expect(world.bot.metadata).toMatchObject({ finalizers: [], annotations: {} });
    expect(world.foreign).toEqual([
      expect.stringContaining('kubectl -n bots annotate slackapp shop relax.dev/operator-'),
    ]);
    expect(lines.at(-1)).toBe('OtherOperator');
    const patched = world.patches.length;
    await reconciler.reconcile('bots/acme', signal);
    expect(world.patches).toHaveLength(patched);
  });

  it('is let go by us when it is deleted, whoever has the app', async () => {
    const world = new World();
    world.bot.spec = { teamID: 'T1', transport: 'App', appRef: { name: 'shop' } };
    let annotations: Record<string, string> = {};
    const { reconciler } = reconcilerOf(world, () => appOf(annotations));
    await reconciler.reconcile('bots/acme', signal);
    annotations = THEIRS;
    world.bot.metadata.deletionTimestamp = '2026-11-25T00:00:01Z';
    for (let look = 0; look < 2; look += 1) await reconciler.reconcile('bots/acme', signal);
    expect(world.bot.metadata.finalizers).toEqual([]);
  });
});
