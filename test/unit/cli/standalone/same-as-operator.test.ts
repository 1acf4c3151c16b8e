import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { ControlPlane } from '#cli/standalone/control-plane.ts';
import { FINALIZER } from '#core/api/api-group.ts';
import type { SlackBotSpec } from '#core/api/slackbot.ts';
import type { Desired } from '#operator/fleet/desired.ts';
import type { FleetView } from '#operator/fleet/fleet-view.ts';
import { OwnerReconciler } from '#operator/kinds/owner-reconciler.ts';
import { slackBotKind } from '#operator/kinds/slackbot/slackbot-kind.ts';
import type { SlackBotObject } from '#operator/kinds/slackbot/slackbot-object.ts';
import { slackBotOwners } from '#operator/kinds/slackbot/slackbot-owners.ts';
import { KubeError } from '#operator/kube/kube-error.ts';
import { DesiredState } from '#operator/reconcile/desired-state.ts';
import type { ReconcilerParts } from '#operator/reconcile/kind-controller.ts';
import { Ownership } from '#operator/reconcile/ownership.ts';
import { Rivals } from '#operator/reconcile/rivals.ts';
import { SecretReads } from '#operator/reconcile/secret-reads.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { bot, read, secret } from './sample-manifests.ts';

/** What a user has: in a directory, or in a cluster. */
interface World {
  /** Name -> what its spec says of it; all are one team's. The first is the oldest. */
  bots: Record<string, Partial<SlackBotSpec>>;
  /** Name of a Secret -> token; one for each bot, of the same name. */
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

/** @param nameOf a uid; undefined for what is not known by its name any more */
function wantsOf(desired: Desired, nameOf: (uid: string) => string | undefined): Record<string, string> {
  const wants: Record<string, string> = {};
  for (const [uid, { set, token }] of desired.bots) wants[nameOf(uid) ?? uid] = `${set.replicas} with ${token}`;
  for (const [uid, { why }] of desired.stopped) wants[nameOf(uid) ?? uid] = why;
  for (const uid of desired.kept) wants[nameOf(uid) ?? uid] = 'kept';
  return wants;
}

const specOf = (name: string, spec: Partial<SlackBotSpec>) => ({
  teamID: 'T0A',
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
    take: async ({ bots, secrets, unreadable = false }) => {
      const manifests = read(
        ...Object.entries(bots).map(([name, spec]) => bot(name, specOf(name, spec))),
        ...Object.entries(secrets).map(([name, token]) => secret(name, token)),
      );
      // One after the other, so that the first is the oldest.
      ms += 1_000;
      controlPlane.take({ ...manifests, complete: !unreadable }, { fenced: new Map(), assigned: new Map() });
      for (const { uid, bot: name } of controlPlane.registry.values()) names.set(uid, name.slice('bots/'.length));
    },
    look: async (forMs, live) => {
      const uids = [...names].filter(([, name]) => live.includes(name)).map(([uid]) => uid);
      view = { ...view, bots: new Map(uids.map((uid) => [uid, LIVE])) };
      controlPlane.look(new Set(names.keys()));
      for (let step = 0; step < forMs; step += 1_000) {
        ms += 1_000;
        controlPlane.look(new Set());
      }
    },
    wants: () => wantsOf(controlPlane.desired(), (uid) => names.get(uid)),
  };
}

function operator(): Shell {
  const timers = new FakeTimers();
  const desired = new DesiredState();
  const objects = new Map<string, SlackBotObject>();
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
      return { metadata, data: { token: Buffer.from(found.token).toString('base64') } } as never;
    },
    listPage: async () => ({ metadata: {}, items: [] }),
  };
  const labelled = {
    get: (key: string) => {
      const found = tokens.get(key.slice('bots/'.length));
      return found && { metadata: { name: key, uid: 's', resourceVersion: String(found.version) } };
    },
  };
  const patch = async ({ name = '' }: { name?: string }, { body }: { body: unknown }) => {
    const { metadata } = objects.get(`bots/${name}`) ?? {};
    const removes = JSON.stringify(body).includes('"remove"');
    if (metadata !== undefined) metadata.finalizers = removes ? [] : [FINALIZER];
    return {} as never;
  };
  const log = pino({ level: 'silent' });
  const parts: ReconcilerParts<SlackBotObject> = {
    ownership: new Ownership<SlackBotObject>({ kind: slackBotKind, client: { patch }, self: undefined, log }),
    objects: {
      get: (key) => objects.get(key),
      values: () => objects.values(),
      byIndex: (_, uid) => [...objects.values()].filter(({ metadata }) => metadata.uid === uid),
      hasSynced: true,
    },
    secrets: new SecretReads({ client: reader, labelled, timers, random: () => 0 }),
    desired,
    planner: { view: () => view, nudge: () => undefined },
    leadership: () => ({
      signal: new AbortController().signal,
      status: { baseOf: () => undefined, offer: () => undefined, forget: () => undefined },
      events: { record: () => undefined },
    }),
    rivals: new Rivals(),
    others: () => undefined,
    enqueue: (uids) => {
      for (const { metadata } of objects.values()) if (uids.includes(metadata.uid)) waiting.add(metadata.name);
    },
    onStatus: () => undefined,
    log,
    timers,
  };
  const reconciler = new OwnerReconciler(slackBotOwners(parts), parts);
  const reconcile = async (names: readonly string[]) => {
    for (const name of names) waiting.add(name);
    for (const name of waiting) {
      waiting.delete(name);
      const outcome = await reconciler.reconcile(`bots/${name}`, new AbortController().signal);
      dueMs.delete(name);
      if (outcome.kind === 'requeueAfter') dueMs.set(name, timers.monotonicMs() + outcome.delayMs);
      const { deletionTimestamp, finalizers = [] } = objects.get(`bots/${name}`)?.metadata ?? {};
      if (deletionTimestamp === undefined || finalizers.length > 0) continue;
      objects.delete(`bots/${name}`);
      waiting.add(name);
    }
  };
  return {
    take: async (world) => {
      now = world;
      for (const name of [...tokens.keys()]) if (world.secrets[name] === undefined) tokens.delete(name);
      for (const [name, token] of Object.entries(world.secrets)) {
        const before = tokens.get(name);
        if (before?.token !== token) tokens.set(name, { token, version: (before?.version ?? 0) + 1 });
      }
      for (const [name, spec] of Object.entries(world.bots)) {
        const before = objects.get(`bots/${name}`);
        const created = `2026-11-24T00:00:0${objects.size}Z`;
        objects.set(`bots/${name}`, {
          apiVersion: 'relax.dev/v1alpha1',
          kind: 'SlackBot',
          metadata: {
            ...(before?.metadata ?? { name, namespace: 'bots', uid: name, creationTimestamp: created }),
            resourceVersion: '1',
            generation: (before?.metadata.generation ?? 0) + 1,
          },
          spec: { transport: 'RTM', ...specOf(name, spec) },
        });
      }
      for (const { metadata } of objects.values()) {
        if (world.bots[metadata.name] === undefined) metadata.deletionTimestamp = '2026-11-24T01:00:00Z';
      }
      desired.begin([]);
      const gone = [...objects.values()].filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
      await timers.advance(1_000);
      await reconcile([...Object.keys(world.bots), ...gone.map(({ metadata }) => metadata.name)]);
    },
    look: async (forMs, live) => {
      view = { ...view, bots: new Map(live.map((name) => [name, LIVE])) };
      await reconcile([...objects.values()].map(({ metadata }) => metadata.name));
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

describe.each([
  ['the operator', operator],
  ['standalone', standalone],
])('of the same things %s wants the same', (_, makeShell) => {
  it.each(Object.entries(CASES))('%s', async (_name, steps) => {
    const shell = makeShell();
    for (const [act, wants] of steps) {
      if ('bots' in act) await shell.take(act);
      else await shell.look(act.ms, act.live);
      expect(shell.wants()).toEqual(wants);
    }
  });
});
