import { describe, expect, it } from 'vitest';
import { FINALIZER } from '#core/api/api-group.ts';

import { slackBotKind } from '#operator/kinds/slackbot/slackbot-kind.ts';
import { KubeError } from '#operator/kube/kube-error.ts';
import { type ReleaseOptions, releaseAllFinalizers } from '#operator/reconcile/release-finalizers.ts';
import { silentLog } from '#test/support/silent-log.ts';

const OURS = 'relax/relax-operator';
const { signal } = new AbortController();
const failure = (kind: 'forbidden' | 'notFound' | 'conflict') =>
  new KubeError({ kind, status: 0, reason: 'x', message: kind });

/** A cluster without a Lease, as at the end of `helm uninstall`. */
function world(given: {
  bots: { key: string; claim?: string; finalizer?: boolean }[];
  watch?: string[];
  clusterWide?: boolean;
  statusFails?: boolean;
}) {
  const bots = given.bots.map(({ key, claim, finalizer = true }) => {
    const [namespace = '', name = ''] = key.split('/');
    const metadata = {
      namespace,
      name,
      uid: key,
      resourceVersion: '1',
      generation: 1,
      ...(finalizer ? { finalizers: [FINALIZER] } : {}),
      ...(claim === undefined ? {} : { annotations: { 'relax.dev/operator': claim } }),
    };
    return { metadata };
  });
  const patched: string[] = [];
  const told: string[] = [];
  const client = {
    get: () => Promise.reject(failure('notFound')),
    listPage: async (scope: { namespace?: string }) => {
      if (scope.namespace === undefined && given.clusterWide === false) throw failure('forbidden');
      const there = bots.filter(
        ({ metadata }) => scope.namespace === undefined || scope.namespace === metadata.namespace,
      );
      return { metadata: {}, items: there.filter(({ metadata }) => !patched.includes(metadata.uid)) };
    },
    patch: async ({ namespace, name }: { namespace: string; name: string }) => {
      patched.push(`${namespace}/${name}`);
      return { metadata: { namespace, name, uid: `${namespace}/${name}`, resourceVersion: '2' } };
    },
    patchStatus: async (_path: unknown, patch: { body: { metadata: object; status: { conditions: object[] } } }) => {
      if (given.statusFails) throw failure('forbidden');
      told.push(JSON.stringify([patch.body.metadata, patch.body.status.conditions[0]]));
      return {};
    },
  } as unknown as ReleaseOptions['client'];
  const run = () =>
    releaseAllFinalizers(
      {
        client,
        kinds: [slackBotKind],
        lease: { namespace: 'relax', name: 'relax-operator' },
        log: silentLog,
        namespaces: given.watch ?? [],
      },
      signal,
    );
  return { run, patched, told };
}

describe('an operator that is uninstalled', () => {
  it.each([
    ['what it has claimed', { bots: [{ key: 'a/1', claim: OURS }] }, ['a/1']],
    ['what it has claimed without a socket', { bots: [{ key: 'a/1', claim: OURS, finalizer: false }] }, ['a/1']],
    ['what an earlier version left without a claim', { bots: [{ key: 'a/1' }] }, ['a/1']],
    ["nothing of another's", { bots: [{ key: 'a/1', claim: 'other/relax-operator' }] }, []],
    ['nothing that nobody runs', { bots: [{ key: 'a/1', finalizer: false }] }, []],
    [
      'what it has claimed where it does not watch any more',
      {
        watch: ['a'],
        bots: [
          { key: 'a/1', claim: OURS },
          { key: 'b/2', claim: OURS },
        ],
      },
      ['a/1', 'b/2'],
    ],
    ['but there nothing without a claim', { watch: ['a'], bots: [{ key: 'b/2' }] }, []],
    [
      'and, without rights there, only what it watches',
      {
        watch: ['a'],
        clusterWide: false,
        bots: [
          { key: 'a/1', claim: OURS },
          { key: 'b/2', claim: OURS },
        ],
      },
      ['a/1'],
    ],
  ])('releases %s', async (_, given, expected) => {
    const { run, patched } = world(given);
    expect(await run()).toBe(expected.length);
    expect(patched.sort()).toEqual(expected);
  });

  it('says so in the status, only of the version that it left', async () => {
    const { run, told } = world({ bots: [{ key: 'a/1', claim: OURS }] });
    await run();
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('"resourceVersion":"2"');
    expect(told[0]).toContain('"reason":"OperatorGone"');
  });

  it('releases although the status cannot be written', async () => {
    const { run, patched } = world({ bots: [{ key: 'a/1', claim: OURS }], statusFails: true });
    expect(await run()).toBe(1);
    expect(patched).toEqual(['a/1']);
  });
});
