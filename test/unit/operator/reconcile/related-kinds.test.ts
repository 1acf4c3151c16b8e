import { expect, it } from 'vitest';
import { FINALIZER } from '#core/api/api-group.ts';
import type { BotSummary } from '#core/protocol/bot-summary.ts';
import type { Desired } from '#operator/fleet/desired.ts';
import type { FleetView } from '#operator/fleet/fleet-view.ts';
import { KINDS } from '#operator/kinds/registered-kinds.ts';
import type { KubeClient } from '#operator/kube/client.ts';
import type { ResourceScope } from '#operator/kube/object.ts';
import { FleetControl } from '#operator/reconcile/fleet-control.ts';
import { watchLabelledSecrets } from '#operator/reconcile/labeled-secrets.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';

const TOKEN = 'xapp-1-A0SHOP-secretpart';
const metadataOf = (name: string) => ({
  name,
  namespace: 'bots',
  uid: name,
  resourceVersion: '1',
  generation: 1,
  // The bots are older than the app.
  creationTimestamp: name === 'shop' ? '2026-11-25T00:00:00Z' : '2026-11-24T00:00:00Z',
  finalizers: [FINALIZER],
});
const credentials = { secretRef: { name: 'secret' } };
const app = { metadata: metadataOf('shop'), spec: { appID: 'A0SHOP', credentials, replicas: 2 } };
const carried = { metadata: metadataOf('acme'), spec: { teamID: 'T1', transport: 'App', appRef: { name: 'shop' } } };
const alone = { metadata: metadataOf('alone'), spec: { teamID: 'T2', transport: 'SocketMode', credentials } };
const secret = { metadata: metadataOf('secret'), data: { 'app-token': Buffer.from(TOKEN).toString('base64') } };

/** A server with a SlackApp and two SlackBots of its app, whose watch says nothing. */
function start() {
  const timers = new FakeTimers();
  const lists: Record<string, object[]> = { slackapps: [app], slackbots: [carried, alone], secrets: [secret] };
  const client = {
    listPage: async ({ plural }: ResourceScope) => ({ metadata: { resourceVersion: '1' }, items: lists[plural] ?? [] }),
    watch: async (_scope: unknown, _query: unknown, signal: AbortSignal) => {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw signal.reason;
    },
    get: async () => secret,
    patch: async () => app,
  } as unknown as KubeClient;
  const shared = { client, timers, log: silentLog, namespaces: [] };
  const kinds = KINDS.map((kind) => kind.watch(shared));
  const secrets = watchLabelledSecrets(shared);
  const lines = new Map<string, BotSummary | undefined>();
  const ran = new Set<string>();
  let view: FleetView = { bots: new Map(), pods: [], settled: true, routed: new Set() };
  let seams: { desired: () => Desired; onView: (changed: ReadonlySet<string>, next: FleetView) => void } | undefined;
  const control = new FleetControl({
    ...shared,
    kinds,
    secrets,
    onSummary: (uid, line) => lines.set(uid, line),
    makePlanner: (given) => {
      seams = given;
      const nudge = () => {
        for (const uid of given.desired().bots.keys()) ran.add(uid);
      };
      return { nudge, view: () => view };
    },
  });
  control.start();
  for (const { watch } of kinds) watch.start();
  secrets.start();
  return {
    timers,
    ran,
    desired: () => seams?.desired(),
    /** "Live 2/2" */
    line: (uid: string) => `${lines.get(uid)?.reason} ${lines.get(uid)?.live}/${lines.get(uid)?.desired}`,
    teams: () => lines.get('shop')?.teams,
    see: (next: Partial<FleetView>, ...changed: string[]) => {
      view = { ...view, ...next };
      seams?.onView(new Set(changed), view);
    },
    stop: async () => {
      await control.stop(0);
      await Promise.all([...kinds.map(({ watch }) => watch.stop()), secrets.stop()]);
    },
  };
}

it('an app is judged before the bots that it carries or displaces, which open no socket meanwhile', async () => {
  const { timers, ran, desired, teams, line, stop } = start();
  await timers.advance(0);
  await waitFor(() => desired()?.synced === true, { what: 'each object judged' });
  expect([...ran]).toEqual(['shop']);
  expect([...(desired()?.routed.keys() ?? [])]).toEqual(['acme']);
  await waitFor(() => teams() === 1, { what: 'a team that is counted' });
  expect(line('alone')).toBe('DuplicateBot 0/0');
  await stop();
});

it('a bot is judged again when the verdict on its app changes, and when its row is there', async () => {
  const { timers, desired, line, see, stop } = start();
  await timers.advance(0);
  await waitFor(() => desired()?.synced === true, { what: 'each object judged' });
  await waitFor(() => line('acme') === 'NoConnectors 0/2', { what: 'the reason of the app' });
  const slot = (pod: string) => ({
    pod,
    zone: pod,
    assignedAtMs: 1,
    role: 'active' as const,
    state: 'live' as const,
    reason: '',
    message: '',
    tokenDigest: '',
    teamName: '',
    botUserID: '',
  });
  see({ bots: new Map([['shop', { slots: [slot('a'), slot('b')], pending: [] }]]) }, 'shop');
  await waitFor(() => line('acme') === 'Placing 2/2', { what: 'the sockets of the app' });
  see({ routed: new Set(['acme']) }, 'acme');
  await waitFor(() => line('acme') === 'Live 2/2', { what: 'a row' });
  await stop();
});
