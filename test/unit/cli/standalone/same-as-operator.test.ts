import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { ControlPlane } from '#cli/standalone/control-plane.ts';
import { FINALIZER } from '#core/api/api-group.ts';
import type { SlackAppSpec } from '#core/api/slackapp.ts';
import type { SlackBotSpec } from '#core/api/slackbot.ts';
import type { Desired } from '#operator/fleet/desired.ts';
import type { FleetView } from '#operator/fleet/fleet-view.ts';
import { type OwnerKind, OwnerReconciler } from '#operator/kinds/owner-reconciler.ts';
import { slackAppKind, slackAppOwners } from '#operator/kinds/slackapp/slackapp-kind.ts';
import { slackBotKind } from '#operator/kinds/slackbot/slackbot-kind.ts';
import { slackBotOwners } from '#operator/kinds/slackbot/slackbot-owners.ts';
import { KubeError } from '#operator/kube/kube-error.ts';
import { DesiredState } from '#operator/reconcile/desired-state.ts';
import type { Kind } from '#operator/reconcile/kind.ts';
import type { OtherObjects, ReconcilerParts } from '#operator/reconcile/kind-controller.ts';
import { Ownership } from '#operator/reconcile/ownership.ts';
import { Rivals } from '#operator/reconcile/rivals.ts';
import { SecretReads } from '#operator/reconcile/secret-reads.ts';
import type { ConditionedStatus } from '#operator/status/conditions.ts';
import type { KindObject } from '#operator/status/status-kind.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { app, bot, keyFor, read, secret } from './sample-manifests.ts';

/** What a user has: in a directory, or in a cluster. */
interface World {
  /** Name -> what its spec says of it; all are one team's. The first is the oldest. */
  bots: Record<string, Partial<SlackBotSpec>>;
  /** Name -> what its spec says of it; no bot has the same name. The first is the oldest. */
  apps?: Record<string, Partial<SlackAppSpec>>;
  /** Name of a Secret -> token; one for each bot and app, of the same name. */
  secrets: Record<string, string>;
  /** A Secret that is not there can't be told from one that can't be read. */
  unreadable?: boolean;
}

/** A shell around the decision, with no fleet behind it: which sockets are live is told. */
interface Shell {
  take(world: World): Promise<void>;
  /** Names of those with a live socket; all others have none. */
  look(ms: number, live: readonly string[]): Promise<void>;
  /** Name -> what is wanted of it. */
  wants(): Record<string, string>;
}

const slot = { pod: 'p', zone: 'z', assignedAtMs: 1, role: 'active', state: 'live', reason: '', message: '' } as const;
const LIVE = { slots: [{ ...slot, tokenDigest: '', teamName: '', botUserID: '' }], pending: [] };

/** What the planner shows once it has done what is wanted. @param live uids */
const viewOf = (live: readonly string[], desired: Desired): FleetView => ({
  bots: new Map(live.map((uid) => [uid, LIVE])),
  pods: [],
  settled: true,
  routed: new Set(desired.routed.keys()),
});

/** @param nameOf a uid; undefined for what is not known by its name any more */
function wantsOf(desired: Desired, nameOf: (uid: string) => string | undefined): Record<string, string> {
  const name = (uid: string): string => nameOf(uid) ?? uid;
  const wants: Record<string, string> = {};
  for (const [uid, { appUid, teamID }] of desired.routed) wants[name(uid)] = `${teamID} by ${name(appUid)}`;
  for (const [uid, { set, token }] of desired.bots) wants[name(uid)] = `${set.replicas} with ${token}`;
  for (const [uid, { why }] of desired.stopped) {
    const row = wants[name(uid)];
    wants[name(uid)] = row === undefined ? why : `${why}, ${row}`;
  }
  for (const uid of desired.kept) wants[name(uid)] = 'kept';
  return wants;
}

const specOf = (name: string, spec: Partial<SlackBotSpec>): SlackBotSpec => ({
  teamID: 'T0A',
  transport: 'RTM',
  credentials: { secretRef: { name } },
  ...spec,
});
const appSpecOf = (name: string, spec: Partial<SlackAppSpec>): SlackAppSpec => ({
  appID: 'A0APP',
  replicas: 2,
  credentials: { secretRef: { name } },
  ...spec,
});

function standalone(): Shell {
  let [ms, view]: [number, FleetView] = [0, { bots: new Map(), pods: [], settled: true }];
  const controlPlane = new ControlPlane(new Map(), {
    planner: { view: () => view, nudge: () => undefined },
    clock: { wallMs: () => ms, monotonicMs: () => ms },
  });
  const names = new Map<string, string>();
  return {
    take: async ({ bots, apps = {}, secrets, unreadable = false }) => {
      const manifests = read(
        ...Object.entries(apps).map(([name, spec]) => app(name, { ...appSpecOf(name, spec) })),
        ...Object.entries(bots).map(([name, spec]) => bot(name, { ...specOf(name, spec) })),
        ...Object.entries(secrets).map(([name, token]) => secret(name, token)),
      );
      // One after the other, so that the first is the oldest.
      ms += 1_000;
      controlPlane.take({ ...manifests, complete: !unreadable }, { fenced: new Map(), assigned: new Map() });
      for (const { uid, bot: name } of controlPlane.registry.values()) names.set(uid, name.slice('bots/'.length));
    },
    look: async (forMs, live) => {
      const uids = [...names].filter(([, name]) => live.includes(name)).map(([uid]) => uid);
      view = viewOf(uids, controlPlane.desired());
      controlPlane.look(new Set(names.keys()));
      for (let step = 0; step < forMs; step += 1_000) {
        ms += 1_000;
        controlPlane.look(new Set());
      }
    },
    wants: () => wantsOf(controlPlane.desired(), (uid) => names.get(uid)),
  };
}

/** The operator's reconciler of one kind, on objects that are all in namespace `bots`. */
interface Served {
  kind: Kind;
  objects: Map<string, KindObject>;
  statuses: Map<string, ConditionedStatus>;
  reconciler: Pick<OwnerReconciler<KindObject>, 'reconcile'>;
}

function operator(): Shell {
  const timers = new FakeTimers();
  const desired = new DesiredState();
  const tokens = new Map<string, { token: string; version: number }>();
  let [now, view]: [World, FleetView] = [
    { bots: {}, secrets: {} },
    { bots: new Map(), pods: [], settled: true },
  ];
  const waiting = new Set<string>();
  const dueMs = new Map<string, number>();
  const reader = {
    get: async ({ name = '' }: { name?: string }) => {
      const kind = now.unreadable === true ? 'forbidden' : 'notFound';
      const found = tokens.get(name);
      if (found === undefined) throw new KubeError({ kind, status: 0, reason: '', message: kind });
      const metadata = { name, uid: 's', resourceVersion: String(found.version) };
      return { metadata, data: { [keyFor(found.token)]: Buffer.from(found.token).toString('base64') } } as never;
    },
    listPage: async () => ({ metadata: {}, items: [] }),
  };
  const labelled = {
    get: (key: string) => {
      const found = tokens.get(key.slice('bots/'.length));
      return found && { metadata: { name: key, uid: 's', resourceVersion: String(found.version) } };
    },
  };
  const log = pino({ level: 'silent' });
  const secrets = new SecretReads({ client: reader, labelled, timers, random: () => 0 });
  const rivals = new Rivals();
  const served: Served[] = [];
  const each = (): [of: Served, object: KindObject][] =>
    served.flatMap((of) => [...of.objects.values()].map((object): [Served, KindObject] => [of, object]));
  const find = (name: string) => each().find(([, { metadata }]) => metadata.name === name);
  const others = (singular: string): OtherObjects | undefined => {
    const of = served.find(({ kind }) => kind.singular === singular);
    return (
      of && {
        get: (key) => of.objects.get(key),
        statusOf: ({ metadata }) => of.statuses.get(metadata.uid),
        isListed: () => now.unreadable !== true,
      }
    );
  };
  const tellDependents = ({ kind }: Served, key: string): void => {
    for (const [other, object] of each()) {
      const { dependency } = other.kind;
      const isNamed = dependency?.kind === kind.singular && dependency.keysOf(object).includes(key);
      if (isNamed) waiting.add(object.metadata.name);
    }
  };

  function serve(
    kind: Kind,
    ownersOf: (parts: Pick<ReconcilerParts<never>, 'others' | 'desired' | 'planner'>) => unknown,
  ) {
    const objects = new Map<string, KindObject>();
    const statuses = new Map<string, ConditionedStatus>();
    const patch = async ({ name = '' }: { name?: string }, { body }: { body: unknown }) => {
      const { metadata } = objects.get(`bots/${name}`) ?? {};
      const removes = JSON.stringify(body).includes('"remove"');
      if (metadata !== undefined) metadata.finalizers = removes ? [] : [FINALIZER];
      return {} as never;
    };
    const parts: ReconcilerParts<KindObject> = {
      ownership: new Ownership<KindObject>({ kind, client: { patch }, self: undefined, log }),
      objects: {
        get: (key) => objects.get(key),
        values: () => objects.values(),
        byIndex: (_, uid) => [...objects.values()].filter(({ metadata }) => metadata.uid === uid),
        hasSynced: true,
      },
      secrets,
      desired,
      planner: { view: () => view, nudge: () => undefined },
      leadership: () => ({
        signal: new AbortController().signal,
        status: { baseOf: () => undefined, offer: () => undefined, forget: () => undefined },
        events: { record: () => undefined },
      }),
      rivals,
      others,
      enqueue: (uids) => {
        for (const [, { metadata }] of each()) if (uids.includes(metadata.uid)) waiting.add(metadata.name);
      },
      onStatus: (uid, judged) => {
        if (judged === undefined) return;
        const before = statuses.get(uid);
        statuses.set(uid, judged.status);
        const { namespace, name } = judged.object.metadata;
        if (kind.urgencyOf(before, judged.status) !== 'none') tellDependents(of, `${namespace}/${name}`);
      },
      log,
      timers,
    };
    const reconciler = new OwnerReconciler(ownersOf(parts) as OwnerKind<KindObject>, parts);
    const of: Served = { kind, objects, statuses, reconciler };
    served.push(of);
  }
  serve(slackAppKind, slackAppOwners);
  serve(slackBotKind, slackBotOwners);

  const reconcile = async (names: readonly string[]) => {
    for (const name of names) waiting.add(name);
    for (const name of waiting) {
      waiting.delete(name);
      const [of] = find(name) ?? [];
      if (of === undefined) continue;
      const key = `bots/${name}`;
      const outcome = await of.reconciler.reconcile(key, new AbortController().signal);
      dueMs.delete(name);
      if (outcome.kind === 'requeueAfter') dueMs.set(name, timers.monotonicMs() + outcome.delayMs);
      const { deletionTimestamp, finalizers = [] } = of.objects.get(key)?.metadata ?? {};
      if (deletionTimestamp === undefined || finalizers.length > 0) continue;
      of.objects.delete(key);
      await of.reconciler.reconcile(key, new AbortController().signal);
      tellDependents(of, key);
    }
  };

  function apply(kind: Kind, specs: Record<string, object>): void {
    const objects = served.find((of) => of.kind === kind)?.objects ?? new Map<string, KindObject>();
    for (const [name, spec] of Object.entries(specs)) {
      const before = objects.get(`bots/${name}`);
      const created = `2026-11-24T00:00:0${each().length}Z`;
      const object = {
        apiVersion: 'relax.dev/v1alpha1',
        kind: kind.resource.kind,
        metadata: {
          ...(before?.metadata ?? { name, namespace: 'bots', uid: name, creationTimestamp: created }),
          resourceVersion: '1',
          generation: (before?.metadata.generation ?? 0) + 1,
        },
        spec,
      };
      objects.set(`bots/${name}`, object);
    }
    for (const { metadata } of objects.values()) {
      if (specs[metadata.name] === undefined) metadata.deletionTimestamp = '2026-11-24T01:00:00Z';
    }
  }

  const mapped = <A, B>(record: Record<string, A>, map: (name: string, value: A) => B): Record<string, B> =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(name, value)]));

  return {
    take: async (world) => {
      now = world;
      for (const name of [...tokens.keys()]) if (world.secrets[name] === undefined) tokens.delete(name);
      for (const [name, token] of Object.entries(world.secrets)) {
        const before = tokens.get(name);
        if (before?.token !== token) tokens.set(name, { token, version: (before?.version ?? 0) + 1 });
      }
      apply(slackAppKind, mapped(world.apps ?? {}, appSpecOf));
      apply(slackBotKind, mapped(world.bots, specOf));
      desired.begin([]);
      const gone = each().filter(([, { metadata }]) => metadata.deletionTimestamp !== undefined);
      await timers.advance(1_000);
      const present = [...Object.keys(world.apps ?? {}), ...Object.keys(world.bots)];
      await reconcile([...present, ...gone.map(([, { metadata }]) => metadata.name)]);
    },
    look: async (forMs, live) => {
      view = viewOf(live, desired.value());
      await reconcile(each().map(([, { metadata }]) => metadata.name));
      for (let step = 0; step < forMs; step += 1_000) {
        await timers.advance(1_000);
        await reconcile([...dueMs].filter(([, at]) => at <= timers.monotonicMs()).map(([name]) => name));
      }
    },
    wants: () => wantsOf(desired.value(), (uid) => uid),
  };
}

const [TOKEN, OTHER] = ['xoxb-1-first', 'xoxb-2-second'];
const RUNS = `2 with ${TOKEN}`;
const APP_TOKEN = 'xapp-1-A0APP-1-secret';
const OTHER_APP_TOKEN = 'xapp-1-A0OTHER-1-secret';
const APP_RUNS = `2 with ${APP_TOKEN}`;
const CARRIED: Partial<SlackBotSpec> = { transport: 'App', appRef: { name: 'app' } };
const SOCKET_MODE: Partial<SlackBotSpec> = { transport: 'SocketMode' };

type Act = World | { ms: number; live: readonly string[] };
type Want = Record<string, string>;

/** In words -> what happens, and what is wanted after each. */
const CASES: Readonly<Record<string, readonly (readonly [Act, Want])[]>> = {
  'a token that is emptied counts for another minute': [
    [{ bots: { a: {} }, secrets: { a: TOKEN } }, { a: RUNS }],
    [{ bots: { a: {} }, secrets: { a: '' } }, { a: RUNS }],
    [{ ms: 59_000, live: ['a'] }, { a: RUNS }],
    [{ ms: 2_000, live: ['a'] }, {}],
  ],
  'a Secret that is put back within the minute was never away': [
    [{ bots: { a: {} }, secrets: { a: TOKEN } }, { a: RUNS }],
    [{ bots: { a: {} }, secrets: {} }, { a: RUNS }],
    [{ ms: 50_000, live: ['a'] }, { a: RUNS }],
    [{ bots: { a: {} }, secrets: { a: TOKEN } }, { a: RUNS }],
    [{ ms: 120_000, live: ['a'] }, { a: RUNS }],
  ],
  'a new token counts at once': [
    [{ bots: { a: {} }, secrets: { a: TOKEN } }, { a: RUNS }],
    [{ bots: { a: {} }, secrets: { a: OTHER } }, { a: `2 with ${OTHER}` }],
  ],
  'nobody takes the place of a bot whose Secret is away for a moment': [
    [{ bots: { a: {}, b: {} }, secrets: { a: TOKEN, b: TOKEN } }, { a: RUNS }],
    [{ bots: { a: {}, b: {} }, secrets: { b: TOKEN } }, { a: RUNS }],
    [{ ms: 62_000, live: ['a'] }, { b: RUNS }],
  ],
  'the younger of two goes when the older is live': [
    [
      { bots: { a: {}, b: {} }, secrets: { a: OTHER, b: TOKEN } },
      { a: `2 with ${OTHER}`, b: RUNS },
    ],
    [
      { bots: { a: {}, b: {} }, secrets: { a: TOKEN, b: TOKEN } },
      { a: RUNS, b: RUNS },
    ],
    [
      { ms: 10_000, live: ['b'] },
      { a: RUNS, b: RUNS },
    ],
    [{ ms: 0, live: ['a', 'b'] }, { a: RUNS }],
  ],
  'the younger of two goes when the older has had its time': [
    [
      { bots: { a: {}, b: {} }, secrets: { a: OTHER, b: TOKEN } },
      { a: `2 with ${OTHER}`, b: RUNS },
    ],
    [
      { bots: { a: {}, b: {} }, secrets: { a: TOKEN, b: TOKEN } },
      { a: RUNS, b: RUNS },
    ],
    [{ ms: 32_000, live: ['b'] }, { a: RUNS }],
  ],
  'the rest of a spec counts while the Secret cannot be read': [
    [{ bots: { a: {} }, secrets: { a: TOKEN } }, { a: RUNS }],
    [{ bots: { a: { replicas: 3 } }, secrets: {}, unreadable: true }, { a: `3 with ${TOKEN}` }],
    [{ ms: 120_000, live: ['a'] }, { a: `3 with ${TOKEN}` }],
  ],
  'a bot that never ran waits for a Secret that cannot be read': [
    [{ bots: { a: {} }, secrets: {}, unreadable: true }, { a: 'kept' }],
    [{ ms: 120_000, live: [] }, { a: 'kept' }],
  ],
  'a suspended bot ends at once, and keeps its place before the younger': [
    [{ bots: { a: {}, b: {} }, secrets: { a: TOKEN, b: TOKEN } }, { a: RUNS }],
    [{ bots: { a: { suspend: true }, b: {} }, secrets: { a: TOKEN, b: TOKEN } }, { a: 'suspended' }],
    [{ bots: { a: {}, b: {} }, secrets: { a: TOKEN, b: TOKEN } }, { a: RUNS }],
  ],
  'a bot that is removed goes when the one that takes over is live': [
    [{ bots: { a: {}, b: {} }, secrets: { a: TOKEN, b: TOKEN } }, { a: RUNS }],
    [
      { bots: { b: {} }, secrets: { b: TOKEN } },
      { a: RUNS, b: RUNS },
    ],
    [
      { ms: 5_000, live: ['a'] },
      { a: RUNS, b: RUNS },
    ],
    [
      { ms: 1_000, live: ['a', 'b'] },
      { a: 'deleted', b: RUNS },
    ],
    [{ ms: 2_000, live: ['b'] }, { b: RUNS }],
  ],
  'a bot that is removed does not wait for one that is suspended meanwhile': [
    [{ bots: { a: {}, b: {} }, secrets: { a: TOKEN, b: TOKEN } }, { a: RUNS }],
    [
      { bots: { b: {} }, secrets: { b: TOKEN } },
      { a: RUNS, b: RUNS },
    ],
    [
      { bots: { b: { suspend: true } }, secrets: { b: TOKEN } },
      { a: 'deleted', b: 'suspended' },
    ],
  ],
  'a bot that is removed is forgotten at last though its sockets are not seen closed': [
    [{ bots: { a: {} }, secrets: { a: TOKEN } }, { a: RUNS }],
    [{ bots: {}, secrets: {} }, { a: 'deleted' }],
    [{ ms: 40_000, live: ['a'] }, { a: 'deleted' }],
    [{ ms: 7_000, live: ['a'] }, {}],
  ],
};

/** The same, with SlackApps and Socket Mode. */
const APP_CASES: typeof CASES = {
  'a bot over Socket Mode runs with the app-level token': [
    [{ bots: { a: SOCKET_MODE }, secrets: { a: APP_TOKEN } }, { a: APP_RUNS }],
    [{ bots: { a: { ...SOCKET_MODE, replicas: 3 } }, secrets: { a: APP_TOKEN } }, { a: `3 with ${APP_TOKEN}` }],
  ],
  'a bot over Socket Mode does not run with a bot token alone': [
    [{ bots: { a: SOCKET_MODE }, secrets: { a: TOKEN } }, {}],
  ],
  'an app carries its bots, each by its team': [
    [
      { apps: { app: {} }, bots: { a: CARRIED, b: { ...CARRIED, teamID: 'T0B' } }, secrets: { app: APP_TOKEN } },
      { app: APP_RUNS, a: 'T0A by app', b: 'T0B by app' },
    ],
    [
      { ms: 0, live: ['app'] },
      { app: APP_RUNS, a: 'T0A by app', b: 'T0B by app' },
    ],
    [
      { apps: { app: {} }, bots: { b: { ...CARRIED, teamID: 'T0B' } }, secrets: { app: APP_TOKEN } },
      { app: APP_RUNS, a: 'deleted', b: 'T0B by app' },
    ],
    [
      { ms: 2_000, live: ['app'] },
      { app: APP_RUNS, b: 'T0B by app' },
    ],
  ],
  'a bot waits for its app, and is carried as soon as it is there': [
    [{ bots: { a: CARRIED }, secrets: {} }, {}],
    [
      { apps: { app: {} }, bots: { a: CARRIED }, secrets: { app: APP_TOKEN } },
      { app: APP_RUNS, a: 'T0A by app' },
    ],
  ],
  'an app that may be in a file that cannot be read is not known to be missing': [
    [{ bots: { a: CARRIED }, secrets: {}, unreadable: true }, { a: 'kept' }],
    [{ bots: { a: CARRIED }, secrets: {} }, {}],
  ],
  'a bot in a namespace that its app does not admit is not carried': [
    [
      {
        apps: { app: {} },
        bots: { a: { ...CARRIED, appRef: { name: 'app', namespace: 'elsewhere' } } },
        secrets: { app: APP_TOKEN },
      },
      { app: APP_RUNS },
    ],
  ],
  'of two bots for one team of an app the older is carried': [
    [
      { apps: { app: {} }, bots: { a: CARRIED, b: CARRIED }, secrets: { app: APP_TOKEN } },
      { app: APP_RUNS, a: 'T0A by app' },
    ],
    [
      { apps: { app: {} }, bots: { b: CARRIED }, secrets: { app: APP_TOKEN } },
      { app: APP_RUNS, a: 'deleted', b: 'T0A by app' },
    ],
  ],
  'a suspended bot keeps its row, which says so': [
    [
      { apps: { app: {} }, bots: { a: { ...CARRIED, suspend: true } }, secrets: { app: APP_TOKEN } },
      { app: APP_RUNS, a: 'suspended, T0A by app' },
    ],
    [
      { apps: { app: {} }, bots: { a: CARRIED }, secrets: { app: APP_TOKEN } },
      { app: APP_RUNS, a: 'T0A by app' },
    ],
  ],
  'an app that is suspended ends at once, and its bots keep their rows': [
    [
      { apps: { app: { suspend: true } }, bots: { a: CARRIED }, secrets: { app: APP_TOKEN } },
      { app: 'suspended', a: 'T0A by app' },
    ],
  ],
  'an app does not run with a token of another app': [
    [{ apps: { app: {} }, bots: {}, secrets: { app: OTHER_APP_TOKEN } }, {}],
  ],
  'an app whose Secret is emptied runs for another minute': [
    [{ apps: { app: {} }, bots: {}, secrets: { app: APP_TOKEN } }, { app: APP_RUNS }],
    [{ apps: { app: {} }, bots: {}, secrets: {} }, { app: APP_RUNS }],
    [{ ms: 62_000, live: ['app'] }, {}],
  ],
  'a bot that has an app to itself gives way to a SlackApp for it once that is live': [
    [{ bots: { a: SOCKET_MODE }, secrets: { a: APP_TOKEN } }, { a: APP_RUNS }],
    [
      { apps: { app: {} }, bots: { a: SOCKET_MODE }, secrets: { a: APP_TOKEN, app: APP_TOKEN } },
      { app: APP_RUNS, a: APP_RUNS },
    ],
    [{ ms: 1_000, live: ['a', 'app'] }, { app: APP_RUNS }],
  ],
  'an app that is removed goes, and then its bots': [
    [
      { apps: { app: {} }, bots: { a: CARRIED }, secrets: { app: APP_TOKEN } },
      { app: APP_RUNS, a: 'T0A by app' },
    ],
    [
      { bots: { a: CARRIED }, secrets: { app: APP_TOKEN } },
      { app: 'deleted', a: 'T0A by app' },
    ],
    [{ ms: 2_000, live: [] }, {}],
  ],
};

describe.each([
  ['the operator', operator],
  ['standalone', standalone],
])('of the same things %s wants the same', (_, makeShell) => {
  it.each(Object.entries({ ...CASES, ...APP_CASES }))('%s', async (_name, steps) => {
    const shell = makeShell();
    for (const [act, wants] of steps) {
      if ('bots' in act) await shell.take(act);
      else await shell.look(act.ms, act.live);
      expect(shell.wants()).toEqual(wants);
    }
  });
});
