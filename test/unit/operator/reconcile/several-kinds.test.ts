import { expect, it } from 'vitest';
import type { Desired } from '#operator/fleet/desired.ts';
import { slackBots } from '#operator/kinds/slackbot/slackbot-kind.ts';
import type { KubeClient } from '#operator/kube/client.ts';
import { KubeError } from '#operator/kube/kube-error.ts';
import type { ResourceScope } from '#operator/kube/object.ts';
import { isListed } from '#operator/plan/listed.ts';
import { FleetControl, WATCH_PATIENCE_MS } from '#operator/reconcile/fleet-control.ts';
import { watchLabelledSecrets } from '#operator/reconcile/labeled-secrets.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';
import { lamps } from '#test/support/lamp-kind.ts';
import { silentLog } from '#test/support/silent-log.ts';

/** A server with nothing in it that refuses to list what is in `refused`. */
function controlOf(refused: Set<string>, namespaces = ['a', 'b']) {
  const timers = new FakeTimers();
  const client = {
    listPage: async ({ plural, namespace }: ResourceScope) => {
      if (!refused.has(`${plural} ${namespace}`)) return { metadata: { resourceVersion: '1' }, items: [] };
      throw new KubeError({ kind: 'forbidden', status: 403, reason: 'Forbidden', message: 'no' });
    },
    watch: async (_scope: unknown, _query: unknown, signal: AbortSignal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw signal.reason;
    },
  } as unknown as KubeClient;
  const shared = { client, timers, log: silentLog, namespaces };
  const kinds = [slackBots, lamps].map((kind) => kind.watch(shared));
  const secrets = watchLabelledSecrets(shared);
  let desired: () => Desired = () => {
    throw new Error('not made');
  };
  const control = new FleetControl({
    ...shared,
    kinds,
    secrets,
    makePlanner: (seams) => {
      desired = seams.desired;
      return { nudge: () => undefined, view: () => ({ bots: new Map(), pods: [], settled: true }) };
    },
  });
  control.start();
  for (const { watch } of kinds) watch.start();
  secrets.start();
  const stop = async (): Promise<void> => {
    await control.stop(0);
    await Promise.all([...kinds.map(({ watch }) => watch.stop()), secrets.stop()]);
  };
  return { timers, control, desired: () => desired(), stop };
}

it('each kind has a controller, and all of them one fleet', async () => {
  const { timers, control, desired, stop } = controlOf(new Set());
  await timers.advance(0);
  expect(control.controllers.map(({ name }) => name)).toEqual(['slackbot', 'lamp']);
  expect([desired().synced, [...desired().unlisted]]).toEqual([true, []]);
  await stop();
});

it('a namespace counts as listed once the objects of every kind in it were', async () => {
  const refused = new Set(['slackbots b', 'lamps b']);
  const { timers, desired, stop } = controlOf(refused);
  await timers.advance(WATCH_PATIENCE_MS);
  expect([...desired().unlisted]).toEqual(['b']);
  refused.delete('slackbots b');
  await timers.advance(60_000);
  expect([...desired().unlisted]).toEqual(['b']);
  refused.delete('lamps b');
  await timers.advance(60_000);
  expect([...desired().unlisted]).toEqual([]);
  await stop();
});

it('a kind whose definition is not installed holds up no other, and nothing is removed meanwhile', async () => {
  const refused = new Set(['lamps undefined']);
  const { timers, control, desired, stop } = controlOf(refused, []);
  await timers.advance(WATCH_PATIENCE_MS);
  expect([desired().synced, [...desired().unlisted]]).toEqual([true, ['']]);
  expect(isListed(desired().unlisted, 'any/bot')).toBe(false);
  refused.clear();
  await timers.advance(60_000);
  expect([desired().synced, [...desired().unlisted]]).toEqual([true, []]);
  expect(control.controllers.map(({ name }) => name)).toEqual(['slackbot', 'lamp']);
  await stop();
});
