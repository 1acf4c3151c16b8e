import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FleetView } from '#operator/fleet/fleet-view.ts';
import { KubeClient } from '#operator/kube/client.ts';
import { CLAIM } from '#operator/reconcile/claim.ts';
import { FleetControl } from '#operator/reconcile/fleet-control.ts';
import { watchLabelledSecrets } from '#operator/reconcile/labeled-secrets.ts';
import { Term } from '#operator/reconcile/leader-term.ts';
import { releaseObjects } from '#operator/reconcile/release-objects.ts';
import { conditionOf } from '#operator/status/conditions.ts';
import { ensureNamespaces, kubeConfigFrom, kubectl, kubeSuite } from '#test/support/kube/kube-suite.ts';
import { LAMP_DEFINITION, type Lamp, lampKind, lamps, UNPLUG } from '#test/support/lamp-kind.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';

const NAMESPACE = 'made-up-kind';
const OPERATOR = `${NAMESPACE}/operator`;

kubeSuite('a kind that the operator has never heard of', (kube) => {
  const client = new KubeClient({ loadConfig: () => kubeConfigFrom(kube.kubeconfigPath) });
  const admin = kubectl(kube);
  const namespaces = [NAMESPACE];
  const watched = lamps.watch({ client, log: silentLog, namespaces });
  const secrets = watchLabelledSecrets({ client, log: silentLog, namespaces });
  const events: string[] = [];
  const recorder = {
    record: ({
      regarding,
      reason,
      note,
    }: {
      regarding: { kind: string; name: string };
      reason: string;
      note: string;
    }) => void events.push(`${regarding.kind} ${regarding.name} ${reason}: ${note}`),
    stop: async () => undefined,
  };
  const term = new Term({ client, log: silentLog, recorder, statusWritesPerSecond: 50 });
  let view: FleetView = { bots: new Map(), pods: [], settled: true };
  let onView: (changed: ReadonlySet<string>, view: FleetView) => void = () => undefined;
  const control = new FleetControl({
    client,
    log: silentLog,
    namespaces,
    secrets,
    kinds: [watched],
    self: { operator: OPERATOR, cluster: 'test' },
    makePlanner: (seams) => {
      onView = seams.onView;
      return { nudge: () => undefined, view: () => view };
    },
  });

  beforeAll(async () => {
    await ensureNamespaces(kube, namespaces);
    await apply(LAMP_DEFINITION);
    await admin.must(['wait', '--for=condition=Established', `crd/${LAMP_DEFINITION.metadata.name}`, '--timeout=60s']);
    control.start();
    watched.watch.start();
    secrets.start();
    await control.beginTerm(term);
  });
  afterAll(async () => {
    await control.stop(0);
    await term.stop(0);
    await Promise.all([watched.watch.stop(), secrets.stop()]);
    await client.close();
  });

  const apply = (object: object): Promise<string> => admin.must(['apply', '-f', '-'], JSON.stringify(object));
  const applyLamp = (name: string, spec: Lamp['spec']): Promise<string> =>
    apply({ apiVersion: 'lamps.test/v1', kind: 'Lamp', metadata: { name, namespace: NAMESPACE }, spec });
  const applyFuse = (amperes: string): Promise<string> => {
    const metadata = { name: 'fuse', namespace: NAMESPACE, labels: { 'relax.dev/credentials': 'true' } };
    return apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { amperes } });
  };
  const read = (name: string): Promise<Lamp> => client.get<Lamp>({ ...lampKind.resource, namespace: NAMESPACE, name });
  /** "True Fused 6 A", once it is that. */
  const until = async (name: string, type: string, expected: string): Promise<Lamp> => {
    let lamp = await read(name);
    const fits = async () => {
      lamp = await read(name);
      const found = conditionOf(lamp.status, type);
      return `${found?.status} ${found?.reason} ${found?.message}` === expected;
    };
    await waitFor(fits, { what: `${name} ${type} ${expected}` });
    return lamp;
  };

  it('is claimed, held by its own finalizer, and reported in its own conditions', async () => {
    await applyLamp('desk', { watts: 40, fuseRef: 'fuse' });
    const { metadata, status } = await until('desk', 'Ready', 'False NoFuse it has no fuse');
    expect(metadata.finalizers).toEqual([UNPLUG]);
    expect(metadata.annotations?.[CLAIM]).toBe(OPERATOR);
    expect(status?.conditions?.map(({ type }) => type)).toEqual(['Ready', 'Bright']);
    expect(status?.watts).toBe(40);
    await waitFor(() => events.includes('Lamp desk NoFuse: it has no fuse'), { what: 'an Event' });
    expect(control.controllers.map((each) => [each.name, each.countStates().not_ready])).toEqual([['lamp', 1]]);
  });

  it('is judged again when the Secret that it names changes, and only what flips has a new time', async () => {
    const before = await read('desk');
    await applyFuse('6');
    const lamp = await until('desk', 'Ready', 'True Fused 6 A');
    expect(conditionOf(lamp.status, 'Bright')).toEqual(conditionOf(before.status, 'Bright'));
    await applyFuse('10');
    const same = await until('desk', 'Ready', 'True Fused 10 A');
    const times = [lamp, same].map(({ status }) => conditionOf(status, 'Ready')?.lastTransitionTime);
    expect(times[1]).toBe(times[0]);
  });

  it('is judged again when something of the fleet changes that concerns it', async () => {
    const pod = {
      pod: 'a',
      zone: 'z',
      state: 'up',
      capacity: 1,
      slots: 0,
      live: 0,
      takesSlots: true,
      faults: [],
    } as const;
    view = { ...view, pods: [pod] };
    onView(new Set(), view);
    await until('desk', 'Bright', 'False Watts 40 W near 1 pods');
  });

  it('is gone once its finalizer was taken off', async () => {
    await admin.must(['delete', 'lamp', 'desk', '-n', NAMESPACE, '--timeout=30s']);
    await waitFor(() => control.controllers[0]?.countStates().ready === 0, { what: 'no lamp that is counted' });
    expect(watched.watch.get(`${NAMESPACE}/desk`)).toBeUndefined();
  });

  it('is released without claim and finalizer, and its status says so', async () => {
    await applyLamp('hall', { watts: 100 });
    await until('hall', 'Bright', 'True Watts 100 W near 1 pods');
    control.endTerm();
    const letting = { client, kinds: [lampKind], operator: OPERATOR, reason: 'OperatorGone', log: silentLog } as const;
    const { signal } = new AbortController();
    expect(await releaseObjects(letting, namespaces, signal)).toBe(1);
    const { metadata, status } = await read('hall');
    expect([metadata.finalizers, metadata.annotations?.[CLAIM]]).toEqual([undefined, undefined]);
    expect(status?.conditions?.map((each) => `${each.type} ${each.status} ${each.reason}`)).toEqual([
      'Ready Unknown OperatorGone',
      'Bright Unknown OperatorGone',
    ]);
  });
});
