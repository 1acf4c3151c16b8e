import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { CHART, LEAST } from '#test/support/chart.ts';
import { Command } from '#test/support/command.ts';
import { type ApiServer, startApiServer } from '#test/support/kube/api-server.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { manifestOf } from '#test/support/slackbot-cases.ts';

/**
 * Helm with a control plane and no node, so that no pod of the chart ever runs: as with an image that does not exist. What
 * the jobs do when they run is in operator.test.ts, narrowed-namespaces.test.ts and test/cluster.
 */
kubeBinariesSuite('An image that cannot run', (binaries) => {
  const { helm: helmPath } = binaries;
  describe.skipIf(helmPath === undefined)('and Helm', () => {
    let api: ApiServer;
    let helm: Command;
    let kubectl: Command;

    beforeAll(async () => {
      api = await startApiServer({ controllerManager: true });
      helm = new Command(helmPath ?? '', ['--kubeconfig', api.kubeconfigPath, '-n', 'relax']);
      kubectl = new Command(binaries.kubectl, ['--kubeconfig', api.kubeconfigPath]);
      for (const namespace of ['relax', 'bots']) await kubectl.must(['create', 'namespace', namespace]);
    });
    afterAll(() => api?.stop());

    const values = (watchNamespaces: string[] = [], more: object = {}) =>
      stringify({ ...LEAST, config: { watchNamespaces }, ...more });
    const jobs = async () => (await kubectl.must(['get', 'jobs', '-n', 'relax', '-o', 'name'])).trim();
    const noteWatched = (watched: string) =>
      kubectl.must([
        'annotate',
        '--overwrite',
        'lease',
        'relax-operator',
        '-n',
        'relax',
        `relax.dev/watched-namespaces=${watched}`,
      ]);
    const watchedBy = async () =>
      kubectl.must([
        'get',
        'deployment',
        'relax-operator',
        '-n',
        'relax',
        '-o',
        'jsonpath={..env[?(@.name=="RELAX_WATCH_NAMESPACES")].value}',
      ]);

    it('keep no upgrade up that leaves no namespace out', async () => {
      await helm.must(['install', 'relax', CHART, '-f', '-'], values(['bots', 'relax']));
      await noteWatched('bots,relax');
      await helm.must(['upgrade', 'relax', CHART, '-f', '-', '--timeout', '20s'], values(['bots', 'relax']));
      expect(await watchedBy()).toBe('bots,relax');
      expect(await jobs()).toBe('');
    });

    it('stop an upgrade that leaves one out before anything is changed, unless the job is switched off', {
      timeout: 240_000,
    }, async () => {
      const startMs = performance.now();
      const args = ['upgrade', 'relax', CHART, '-f', '-', '--timeout', '200s'];
      const { code, stderr } = await helm.run(args, values(['bots']));
      expect(code).not.toBe(0);
      expect(stderr).toContain('pre-upgrade hooks failed');
      expect(performance.now() - startMs).toBeLessThan(120_000);
      expect(await watchedBy()).toBe('bots,relax');
      expect(await jobs()).toBe('');
      await helm.must(args, values(['bots'], { upgrade: { releaseNamespaces: false } }));
      expect(await watchedBy()).toBe('bots');
    });

    it('keep no uninstall up: the release is gone within the deadline of its job, and nothing is left of that', {
      timeout: 240_000,
    }, async () => {
      await kubectl.must(['wait', '--for=condition=Established', 'crd/slackbots.relax.dev', '--timeout=60s']);
      await kubectl.must(
        ['apply', '-f', '-'],
        manifestOf('teamID: T123, credentials: {secretRef: {name: a}}', 'acme', 'bots'),
      );
      const startMs = performance.now();
      const { code, stderr } = await helm.run(['uninstall', 'relax', '--timeout', '200s']);
      expect(performance.now() - startMs).toBeLessThan(120_000);
      expect(code).not.toBe(0);
      expect(stderr).toContain('uninstallation completed with 1 error');
      expect((await helm.must(['list', '--all', '--short'])).trim()).toBe('');
      const kinds = 'deployments,statefulsets,jobs,leases,roles,rolebindings';
      expect((await kubectl.must(['get', kinds, '-n', 'relax', '-o', 'name'])).trim()).toBe('');
      const global = await kubectl.must(['get', 'clusterroles,clusterrolebindings', '-o', 'name']);
      expect(global.split('\n').filter((name) => name.includes('/relax-'))).toEqual([]);
      await helm.must(['install', 'relax', CHART, '-f', '-'], values());
    });
  });
});
