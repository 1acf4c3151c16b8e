import { describe, expect, it } from 'vitest';
import { FINALIZER } from '#core/api/api-group.ts';
import type { SlackBotSpec, SlackBotStatus } from '#core/api/slackbot.ts';
import type { FleetView } from '#operator/fleet/fleet-view.ts';
import { OwnerReconciler } from '#operator/kinds/owner-reconciler.ts';
import { slackBotKind } from '#operator/kinds/slackbot/slackbot-kind.ts';
import type { SlackBotObject } from '#operator/kinds/slackbot/slackbot-object.ts';
import { slackBotOwners } from '#operator/kinds/slackbot/slackbot-owners.ts';
import { TAKEOVER_MS } from '#operator/kinds/takeover.ts';
import { DELETION_PATIENCE_MS } from '#operator/kinds/wanted.ts';
import type { KubeClient } from '#operator/kube/client.ts';
import { KubeError, type KubeErrorKind } from '#operator/kube/kube-error.ts';
import type { KubeList, KubeObject, ResourcePath } from '#operator/kube/object.ts';
import { DesiredState } from '#operator/reconcile/desired-state.ts';
import type { ReconcilerParts } from '#operator/reconcile/kind-controller.ts';
import { Ownership } from '#operator/reconcile/ownership.ts';
import { Rivals } from '#operator/reconcile/rivals.ts';
import { REREAD_MS, SecretReads } from '#operator/reconcile/secret-reads.ts';
import { conditionOf } from '#operator/status/conditions.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { silentLog } from '#test/support/silent-log.ts';

const SPEC: SlackBotSpec = { teamID: 'T1', transport: 'RTM', credentials: { secretRef: { name: 's' } } };
const TOKEN = 'xoxb-1111-secretpart';
const EMPTY: FleetView = { bots: new Map(), pods: [], settled: true };
const error = (kind: KubeErrorKind) => new KubeError({ kind, status: 0, reason: 'x', message: `is ${kind}` });
const NEVER = new AbortController().signal;

/** A reconciler around a server that is a few maps. */
class Scene {
  readonly timers = new FakeTimers();
  readonly bots = new Map<string, SlackBotObject>();
  /** Key -> data and version; labelled ones are watched. */
  readonly secrets = new Map<string, { token: string; version: number; labelled: boolean }>();
  readonly desired = new DesiredState();
  readonly log: string[] = [];
  readonly enqueued: string[] = [];
  readonly told = new Map<string, SlackBotStatus>();
  view: FleetView = EMPTY;
  isLeader = true;
  secretFault: KubeErrorKind | undefined;
  patchFault: KubeErrorKind | undefined;
  readonly reads: SecretReads;
  readonly reconciler: OwnerReconciler<SlackBotObject>;

  constructor() {
    const reader = {
      get: async <T extends KubeObject>(path: ResourcePath): Promise<T> => {
        this.log.push(`get ${path.name}`);
        if (this.secretFault !== undefined) throw error(this.secretFault);
        const secret = this.secrets.get(`${path.namespace}/${path.name}`);
        if (secret === undefined) throw error('notFound');
        const metadata = { name: path.name, uid: 's', resourceVersion: String(secret.version) };
        return { metadata, data: { token: Buffer.from(secret.token).toString('base64') } } as unknown as T;
      },
      listPage: async <T extends KubeObject>(): Promise<KubeList<T>> => {
        const items = [...this.secrets].map(([key, { token, version }]) => {
          const metadata = { name: key.slice(5), namespace: 'bots', uid: 's', resourceVersion: String(version) };
          return { metadata, data: { token: Buffer.from(token).toString('base64') } } as unknown as T;
        });
        return { metadata: {}, items };
      },
    };
    const labelled = {
      get: (key: string): KubeObject | undefined => {
        const secret = this.secrets.get(key);
        if (secret?.labelled !== true) return undefined;
        return { metadata: { name: key, uid: 's', resourceVersion: String(secret.version) } };
      },
    };
    const client: Pick<KubeClient, 'patch'> = {
      patch: async (path, patch) => {
        if (this.patchFault !== undefined) throw error(this.patchFault);
        const operations = patch.body as { op: string; path: string }[];
        this.log.push(operations.map(({ op, path: at }) => `${op} ${at}`).join(', '));
        const bot = this.bots.get(`${path.namespace}/${path.name}`);
        if (bot === undefined) throw error('notFound');
        const { metadata } = bot;
        const has = metadata.finalizers?.includes(FINALIZER);
        metadata.finalizers = has ? (metadata.finalizers?.filter((f) => f !== FINALIZER) ?? []) : [FINALIZER];
        return bot as never;
      },
    };
    const status = {
      baseOf: (bot: SlackBotObject) => this.told.get(bot.metadata.uid),
      offer: (bot: SlackBotObject, after: SlackBotStatus) => void this.told.set(bot.metadata.uid, after),
      forget: () => undefined,
    };
    this.reads = new SecretReads({ client: reader, labelled, timers: this.timers, random: () => 0 });
    const ownership = new Ownership<SlackBotObject>({ kind: slackBotKind, client, self: undefined, log: silentLog });
    const parts: ReconcilerParts<SlackBotObject> = {
      ownership,
      objects: {
        get: (key) => this.bots.get(key),
        values: () => this.bots.values(),
        byIndex: (_, uid) => [...this.bots.values()].filter(({ metadata }) => metadata.uid === uid),
        hasSynced: true,
      },
      secrets: this.reads,
      desired: this.desired,
      planner: { view: () => this.view, nudge: () => this.log.push('nudge') },
      leadership: () => (this.isLeader ? { signal: NEVER, status, events: { record: () => undefined } } : undefined),
      rivals: new Rivals(),
      others: () => undefined,
      enqueue: (uids) => {
        const found = [...this.bots.values()].filter(({ metadata }) => uids.includes(metadata.uid));
        this.enqueued.push(...found.map(({ metadata }) => metadata.name));
      },
      onStatus: () => undefined,
      log: silentLog,
      timers: this.timers,
    };
    this.reconciler = new OwnerReconciler(slackBotOwners(parts), parts);
  }

  add(name: string, more: { uid?: string; spec?: Partial<SlackBotSpec>; created?: string } = {}): SlackBotObject {
    const bot: SlackBotObject = {
      apiVersion: 'relax.dev/v1alpha1',
      kind: 'SlackBot',
      metadata: {
        name,
        namespace: 'bots',
        uid: more.uid ?? name,
        generation: 1,
        resourceVersion: '1',
        creationTimestamp: more.created ?? '2026-11-24T00:00:00Z',
      },
      spec: { ...SPEC, ...more.spec },
    };
    this.bots.set(`bots/${name}`, bot);
    return bot;
  }

  secret(token = TOKEN, labelled = true): void {
    const version = (this.secrets.get('bots/s')?.version ?? 0) + 1;
    this.secrets.set('bots/s', { token, version, labelled });
  }

  run(name: string) {
    return this.reconciler.reconcile(`bots/${name}`, NEVER);
  }

  /** The fleet has a live socket of each of these, and no other. */
  live(...names: string[]): void {
    const slot = { pod: 'a', zone: 'z', assignedAtMs: 1, role: 'active', state: 'live', tokenDigest: '' } as const;
    const view = { slots: [{ ...slot, reason: '', message: '', teamName: '', botUserID: '' }], pending: [] };
    this.view = { ...EMPTY, bots: new Map(names.map((name) => [name, view])) };
  }

  ready(name: string): string | undefined {
    return conditionOf(this.told.get(name), 'Ready')?.reason;
  }

  gets(): number {
    return this.log.filter((line) => line === 'get s').length;
  }
}

describe('reconciling a SlackBot', () => {
  it('puts the finalizer on before the bot is desired', async () => {
    const scene = new Scene();
    scene.secret();
    scene.add('a');
    expect(await scene.run('a')).toEqual({ kind: 'done' });
    expect(scene.log).toEqual(['get s', 'test /metadata/resourceVersion, add /metadata/finalizers', 'nudge']);
    expect(scene.desired.wanted('a')).toMatchObject({ token: TOKEN, set: { replicas: 2, bot: 'bots/a' } });
  });

  it('does not want a bot that it could not protect, and takes nothing away from it', async () => {
    const scene = new Scene();
    scene.secret();
    scene.add('a');
    scene.desired.begin(['a']);
    scene.patchFault = 'invalid'; // somebody wrote in between
    expect(await scene.run('a')).toMatchObject({ kind: 'requeueAfter' });
    scene.patchFault = 'forbidden';
    expect(await scene.run('a')).toMatchObject({ kind: 'retry' });
    expect(scene.desired.wanted('a')).toBeUndefined();
    expect(scene.desired.value().kept).toEqual(new Set(['a']));
  });

  it('reads the Secret once, and again when the watch says that it has changed', async () => {
    const scene = new Scene();
    scene.secret();
    scene.add('a');
    await scene.run('a');
    await scene.timers.advance(REREAD_MS * 10);
    await scene.run('a');
    expect(scene.gets()).toBe(1);
    scene.secret('xoxb-2222-secretpart');
    await scene.run('a');
    expect(scene.gets()).toBe(2);
    expect(scene.desired.wanted('a')?.token).toBe('xoxb-2222-secretpart');
  });

  it('reads a Secret that is not labelled again within five minutes', async () => {
    const scene = new Scene();
    scene.secret(TOKEN, false);
    scene.add('a');
    const outcome = await scene.run('a');
    expect(outcome).toEqual({ kind: 'requeueAfter', delayMs: REREAD_MS });
    await scene.timers.advance(REREAD_MS - 1);
    await scene.run('a');
    expect(scene.gets()).toBe(1);
    await scene.timers.advance(1);
    await scene.run('a');
    expect(scene.gets()).toBe(2);
  });

  it('needs no call for a Secret that was read with all others, unless it has changed since', async () => {
    const scene = new Scene();
    scene.secret();
    await scene.reads.prime([], NEVER);
    scene.add('a');
    await scene.run('a');
    expect(scene.desired.wanted('a')?.token).toBe(TOKEN);
    expect(scene.gets()).toBe(0);
    scene.secret('xoxb-2222-secretpart');
    scene.add('b', { spec: { teamID: 'T2' } });
    await scene.run('b');
    expect(scene.desired.wanted('b')?.token).toBe('xoxb-2222-secretpart');
    expect(scene.gets()).toBe(1);
  });

  it('removes nothing because the API server did not answer: neither from a new leader nor later', async () => {
    const scene = new Scene();
    scene.secret();
    scene.add('a');
    scene.desired.begin(['a']);
    scene.secretFault = 'transient';
    expect(await scene.run('a')).toMatchObject({ kind: 'retry' });
    expect(scene.desired.value()).toMatchObject({ synced: true, kept: new Set(['a']) });
    scene.secretFault = undefined;
    await scene.run('a');
    expect(scene.desired.value()).toMatchObject({ synced: true, kept: new Set() });
    scene.secretFault = 'transient';
    scene.secret('xoxb-2222-secretpart');
    await scene.run('a');
    expect(scene.desired.value()).toMatchObject({ synced: true });
    expect(scene.desired.wanted('a')?.token).toBe(TOKEN);
  });

  it('lets the rest of the spec count while the token cannot be read', async () => {
    const scene = new Scene();
    scene.secret();
    const bot = scene.add('a');
    await scene.run('a');
    scene.secretFault = 'transient';
    scene.bots.set('bots/a', { ...bot, metadata: { ...bot.metadata, generation: 2 }, spec: { ...SPEC, replicas: 3 } });
    await scene.run('a');
    expect(scene.desired.wanted('a')).toMatchObject({ token: TOKEN, set: { replicas: 3, generation: 2 } });
  });

  it('keeps the token of a Secret that is gone for a minute, and says at once that it is gone', async () => {
    const scene = new Scene();
    scene.secret();
    scene.add('a');
    await scene.run('a');
    scene.secrets.clear();
    const outcome = await scene.run('a');
    expect(scene.ready('a')).toBe('SecretMissing');
    expect(scene.desired.wanted('a')?.token).toBe(TOKEN);
    expect(outcome).toMatchObject({ kind: 'requeueAfter' });
    await scene.timers.advance(60_000);
    await scene.run('a');
    expect(scene.desired.wanted('a')).toBeUndefined();
  });

  it('fences a suspended bot, and lets it run again', async () => {
    const scene = new Scene();
    scene.secret();
    const bot = scene.add('a');
    await scene.run('a');
    scene.bots.set('bots/a', {
      ...bot,
      metadata: { ...bot.metadata, generation: 2 },
      spec: { ...SPEC, suspend: true },
    });
    await scene.run('a');
    expect(scene.desired.value()).toMatchObject({
      bots: new Map(),
      stopped: new Map([['a', { why: 'suspended', generation: 2 }]]),
    });
    scene.bots.set('bots/a', { ...bot, metadata: { ...bot.metadata, generation: 3 } });
    await scene.run('a');
    expect(scene.desired.value().stopped.size).toBe(0);
    expect(scene.desired.wanted('a')).toBeDefined();
  });

  it('runs the younger of two that are the same bot as soon as the older is being deleted', async () => {
    const scene = new Scene();
    scene.secret();
    scene.add('young', { created: '2026-11-24T00:00:09Z' });
    await scene.run('young');
    const old = scene.add('old');
    await scene.run('old');
    expect(scene.enqueued).toEqual(['young']);
    await scene.run('young');
    expect(scene.ready('young')).toBe('DuplicateBot');
    scene.live('old');
    await scene.run('young');
    expect(scene.desired.wanted('young')).toBeUndefined();
    old.metadata.deletionTimestamp = '2026-11-24T01:00:00Z';
    await scene.run('old');
    await scene.run('young');
    expect(scene.desired.wanted('young')).toBeDefined();
  });

  it.each(['the older comes', 'the older goes'])('makes before it breaks when another takes over: %s', async (what) => {
    const scene = new Scene();
    scene.secret();
    const [first, second] = what === 'the older comes' ? ['young', 'old'] : ['old', 'young'];
    const created = { old: '2026-11-24T00:00:00Z', young: '2026-11-24T00:00:09Z' } as Record<string, string>;
    const running = scene.add(first, { created: created[first] ?? '' });
    await scene.run(first);
    scene.live(first);
    scene.add(second, { created: created[second] ?? '' });
    await scene.run(second);
    if (first === 'old') running.metadata.deletionTimestamp = '2026-11-24T01:00:00Z';
    expect(await scene.run(first)).toEqual({ kind: 'requeueAfter', delayMs: 1_000 });
    await scene.run(second);
    expect([...scene.desired.value().bots.keys()].sort()).toEqual(['old', 'young']);
    scene.live(first, second);
    await scene.run(first);
    expect([...scene.desired.value().bots.keys()]).toEqual([second]);
  });

  it('does not wait forever for one that takes over, and not at all for one that is suspended', async () => {
    const scene = new Scene();
    scene.secret();
    scene.add('young', { created: '2026-11-24T00:00:09Z' });
    await scene.run('young');
    const old = scene.add('old');
    await scene.run('old');
    await scene.run('young');
    expect(scene.desired.wanted('young')).toBeDefined();
    await scene.timers.advance(TAKEOVER_MS);
    await scene.run('young');
    expect(scene.desired.wanted('young')).toBeUndefined();
    old.metadata.deletionTimestamp = '2026-11-24T01:00:00Z';
    scene.add('young', { created: '2026-11-24T00:00:09Z', spec: { suspend: true } });
    await scene.run('young');
    await scene.run('old');
    expect(scene.desired.value().stopped.has('old')).toBe(true);
  });

  it('leaves a bot to its SlackBot while that one goes on with the token of a Secret that is gone', async () => {
    const scene = new Scene();
    scene.secret();
    scene.add('old');
    await scene.run('old');
    const secretRef = { name: 's2' };
    scene.secrets.set('bots/s2', { token: TOKEN, version: 1, labelled: true });
    scene.add('young', { created: '2026-11-24T00:00:09Z', spec: { credentials: { secretRef } } });
    scene.secrets.delete('bots/s');
    await scene.run('old');
    await scene.run('young');
    expect([...scene.desired.value().bots.keys()]).toEqual(['old']);
    await scene.timers.advance(60_000);
    await scene.run('old');
    expect(scene.enqueued).toContain('young');
    await scene.run('young');
    expect([...scene.desired.value().bots.keys()]).toEqual(['young']);
  });

  it('does not take its own claim back when a Secret cannot be read', async () => {
    const scene = new Scene();
    scene.secret();
    scene.add('old');
    scene.add('young', { created: '2026-11-24T00:00:09Z' });
    await scene.run('old');
    scene.secretFault = 'transient';
    scene.secret();
    await scene.run('old');
    scene.secretFault = undefined;
    await scene.run('young');
    expect(scene.ready('young')).toBe('DuplicateBot');
  });

  it('treats an object that was recreated under the same name as another', async () => {
    const scene = new Scene();
    scene.secret();
    scene.add('a', { uid: 'first' });
    await scene.run('a');
    scene.add('a', { uid: 'second' });
    await scene.run('a');
    expect(scene.desired.wanted('first')).toBeUndefined();
    expect(scene.desired.wanted('second')).toBeDefined();
  });
});

describe('deleting a SlackBot', () => {
  it('waits for a round that may still place it, though the view has no socket of it yet', async () => {
    const scene = new Scene();
    const bot = await deleted(scene);
    expect(await scene.run('a')).toEqual({ kind: 'requeueAfter', delayMs: 1_000 });
    expect(bot.metadata.finalizers).toEqual([FINALIZER]);
    expect(await scene.run('a')).toEqual({ kind: 'done' });
  });

  const deleted = async (scene: Scene) => {
    scene.secret();
    const bot = scene.add('a');
    await scene.run('a');
    bot.metadata.deletionTimestamp = '2026-11-24T01:00:00Z';
    return bot;
  };

  it('waits until the fleet has no socket of it', async () => {
    const scene = new Scene();
    const bot = await deleted(scene);
    scene.view = { ...EMPTY, bots: new Map([['a', { slots: [], pending: [] }]]) };
    expect(await scene.run('a')).toEqual({ kind: 'requeueAfter', delayMs: 1_000 });
    expect(scene.desired.value().stopped.get('a')).toEqual({ why: 'deleted', generation: 1 });
    // From now on it hears of what changes, and need not be asked again before its time is up.
    expect(await scene.run('a')).toEqual({ kind: 'requeueAfter', delayMs: DELETION_PATIENCE_MS });
    expect(bot.metadata.finalizers).toEqual([FINALIZER]);
    scene.view = EMPTY;
    expect(await scene.run('a')).toEqual({ kind: 'done' });
    expect(bot.metadata.finalizers).toEqual([]);
    expect(scene.log.at(-1)).toBe(
      'test /metadata/resourceVersion, test /metadata/finalizers/0, remove /metadata/finalizers/0',
    );
  });

  it('removes the finalizer within a minute even if the fleet is unknown', async () => {
    const scene = new Scene();
    const bot = await deleted(scene);
    scene.view = { ...EMPTY, settled: false };
    await scene.run('a');
    await scene.timers.advance(DELETION_PATIENCE_MS - 1_000);
    await scene.run('a');
    expect(bot.metadata.finalizers).toEqual([FINALIZER]);
    await scene.timers.advance(1_000);
    await scene.run('a');
    expect(bot.metadata.finalizers).toEqual([]);
  });
});

describe('an operator that is not the leader', () => {
  it('runs no bot without its finalizer, takes nothing from it, and writes nothing', async () => {
    const scene = new Scene();
    scene.isLeader = false;
    scene.secret();
    const bot = scene.add('a');
    expect(await scene.run('a')).toEqual({ kind: 'done' });
    expect(scene.desired.wanted('a')).toBeUndefined();
    expect(scene.desired.value().kept).toEqual(new Set(['a']));
    expect([scene.log, scene.told.size]).toEqual([['get s', 'nudge'], 0]);
    bot.metadata.finalizers = [FINALIZER];
    await scene.run('a');
    expect(scene.desired.wanted('a')).toBeDefined();
  });

  it('stops a bot that is suspended or deleted, and leaves its finalizer to the one that is', async () => {
    const scene = new Scene();
    scene.secret();
    const bot = scene.add('a');
    await scene.run('a');
    scene.isLeader = false;
    bot.metadata.deletionTimestamp = '2026-11-24T01:00:00Z';
    expect(await scene.run('a')).toEqual({ kind: 'done' });
    expect(scene.desired.value().stopped.get('a')?.why).toBe('deleted');
    await scene.timers.advance(DELETION_PATIENCE_MS);
    expect(bot.metadata.finalizers).toEqual([FINALIZER]);
    scene.isLeader = true;
    await scene.run('a');
    expect(bot.metadata.finalizers).toEqual([]);
  });

  it('that has run a bot keeps running it', async () => {
    const scene = new Scene();
    scene.secret();
    const bot = scene.add('a');
    await scene.run('a');
    scene.isLeader = false;
    bot.metadata.finalizers = [];
    await scene.run('a');
    expect(scene.desired.wanted('a')).toBeDefined();
  });
});
