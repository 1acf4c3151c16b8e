import { beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { LEAST, render } from '#test/support/chart.ts';
import { ensureNamespaces, kubectl as kubectlOf, kubeHelmSuite } from '#test/support/kube/kube-suite.ts';
import { appManifestOf } from '#test/support/slackapp-cases.ts';
import { manifestOf } from '#test/support/slackbot-cases.ts';

const SUBRESOURCES = ['status', 'finalizers', 'scale', 'exec', 'token'];
const OUR_KINDS = ['slackbots.relax.dev', 'slackapps.relax.dev'];

/** What the chart's roles let each program do, asked of and tried on a real API server. */
kubeHelmSuite("The chart's roles", (kube, helm) => {
  const kubectl = kubectlOf(kube);

  beforeAll(async () => {
    await ensureNamespaces(kube, ['relax', 'bots', 'more-bots', 'elsewhere']);
  });

  describe.each([
    ['with the whole cluster watched', 'relax', [], ['bots', 'more-bots', 'elsewhere'], []],
    ['with two namespaces watched', 'two', ['bots', 'more-bots'], ['bots', 'more-bots'], ['elsewhere', 'relax']],
  ] as const)('the rights %s', (_, release, watchNamespaces, watched, unwatched) => {
    const operator = `system:serviceaccount:relax:${release === 'relax' ? 'relax' : 'two-relax'}-operator`;
    const connector = operator.replace(/operator$/, 'connector');
    const uninstall = operator.replace(/operator$/, 'uninstall');

    beforeAll(async () => {
      const { stdout } = await render(helm, { ...LEAST, config: { watchNamespaces } }, release);
      const rbac = parseAllDocuments(stdout).filter((document) =>
        /Role|Binding|ServiceAccount|CustomResource/.test(String(document.get('kind'))),
      );
      await kubectl.must(['apply', '-f', '-'], rbac.map(String).join('---\n'));
      await kubectl.must([
        'wait',
        '--for=condition=Established',
        ...OUR_KINDS.map((name) => `crd/${name}`),
        '--timeout=60s',
      ]);
    });

    /** @param resource with a subresource behind a slash, which kubectl alone would take for a name, or with a name */
    const can = async (as: string, verb: string, resource: string, namespace: string) => {
      const [type = '', part = ''] = resource.split('/');
      const what = SUBRESOURCES.includes(part) ? [type, `--subresource=${part}`] : [resource];
      const args = ['auth', 'can-i', verb, ...what, '-n', namespace, `--as=${as}`];
      return (await kubectl.run(args)).stdout.trim() === 'yes';
    };

    it.each(watched)('let the operator do its work on our objects and Secrets of %s', async (namespace) => {
      const as = [`--as=${operator}`, '-n', namespace];
      const credentials = 'credentials: {secretRef: {name: a}}';
      const manifests = [
        manifestOf(`teamID: T123, ${credentials}`, release, namespace),
        appManifestOf(`appID: A123, ${credentials}`, release, namespace),
      ];
      await kubectl.must(['apply', '-f', '-'], manifests.join('---\n'));
      for (const kind of ['slackbot', 'slackapp']) {
        await kubectl.must(['get', kind, ...as]);
        const patch = (body: unknown, ...more: string[]) =>
          kubectl.must(['patch', kind, release, '--type=json', '-p', JSON.stringify(body), ...more, ...as]);
        await patch([{ op: 'add', path: '/metadata/finalizers', value: ['relax.dev/sockets'] }]);
        await patch([{ op: 'remove', path: '/metadata/finalizers' }]);
        // kubectl reads a status before it patches it; the operator does not, and may not.
        expect(await can(operator, 'patch', `${kind}s.relax.dev/status`, namespace)).toBe(true);
      }
      await kubectl.must(['get', 'secrets', ...as]);
      for (const resource of [...OUR_KINDS, 'secrets']) {
        for (const verb of ['get', 'list', 'watch'])
          expect(await can(operator, verb, resource, namespace), verb).toBe(true);
      }
      for (const verb of ['create', 'patch'])
        expect(await can(operator, verb, 'events.events.k8s.io', namespace)).toBe(true);
    });

    it('let the operator lead and record Events in its own namespace', async () => {
      const as = [`--as=${operator}`, '-n', 'relax'];
      const lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: release, namespace: 'relax' },
      };
      await kubectl.must(['create', '-f', '-', ...as], JSON.stringify(lease));
      await kubectl.must(['replace', '-f', '-', ...as], JSON.stringify({ ...lease, spec: { holderIdentity: 'a' } }));
      const event = {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: release, namespace: 'relax' },
        eventTime: '2026-11-24T00:00:00.000000Z',
        regarding: { kind: 'Deployment', name: 'relax-operator', namespace: 'relax' },
        reason: 'Tried',
        action: 'Try',
        type: 'Normal',
        reportingController: 'relax.dev/operator',
        reportingInstance: 'relax-operator-0',
      };
      await kubectl.must(['create', '-f', '-', ...as], JSON.stringify(event));
    });

    const namespaces = ['relax', ...watched];
    it.each([
      ...OUR_KINDS.flatMap((resource) => [
        ['create', resource],
        ['update', resource],
        ['delete', resource],
        ['update', `${resource}/status`],
        ['update', `${resource}/finalizers`],
      ]),
      ['patch', 'slackapps.relax.dev/scale'],
      ['create', 'secrets'],
      ['update', 'secrets'],
      ['patch', 'secrets'],
      ['delete', 'secrets'],
      ['get', 'pods'],
      ['create', 'pods'],
      ['create', 'pods/exec'],
      ['get', 'configmaps'],
      ['delete', 'leases.coordination.k8s.io'],
      ['list', 'leases.coordination.k8s.io'],
      ['create', 'serviceaccounts/token'],
      ['create', 'rolebindings.rbac.authorization.k8s.io'],
      ['impersonate', 'users'],
      ['get', 'nodes'],
      ['patch', 'customresourcedefinitions.apiextensions.k8s.io'],
    ])("don't let the operator %s %s", async (verb, resource) => {
      const allowed = await Promise.all(namespaces.map((namespace) => can(operator, verb, resource, namespace)));
      expect(allowed).not.toContain(true);
    });

    it('let the operator read the size of its own set of connectors, and no other StatefulSet', async () => {
      const set = `${release === 'relax' ? 'relax' : 'two-relax'}-connector`;
      for (const verb of ['get', 'list', 'watch']) {
        expect(await can(operator, verb, `statefulsets.apps/${set}`, 'relax'), verb).toBe(true);
        expect(await can(operator, verb, 'statefulsets.apps', 'relax'), verb).toBe(false);
        expect(await can(operator, verb, `statefulsets.apps/${set}`, 'elsewhere'), verb).toBe(false);
      }
      expect(await can(operator, 'patch', `statefulsets.apps/${set}`, 'relax')).toBe(false);
    });

    it('let the operator know which cluster it is, and no other namespace', async () => {
      await kubectl.must(['get', 'namespace', 'kube-system', `--as=${operator}`]);
      expect(await can(operator, 'get', 'namespaces/bots', 'bots')).toBe(false);
      expect(await can(operator, 'list', 'namespaces', 'bots')).toBe(false);
    });

    it('end at the namespaces watched', async () => {
      for (const namespace of unwatched) {
        expect(await can(operator, 'get', 'secrets', namespace), namespace).toBe(false);
        for (const kind of OUR_KINDS) {
          for (const verb of ['get', 'list', 'watch', 'create', 'update', 'delete']) {
            expect(await can(operator, verb, kind, namespace), `${verb} ${kind} ${namespace}`).toBe(false);
          }
          expect(await can(operator, 'patch', `${kind}/status`, namespace), namespace).toBe(false);
          // Finalizers, in a namespace that has lost its Role.
          expect(await can(operator, 'patch', kind, namespace), namespace).toBe(true);
        }
      }
      expect(await can(operator, 'create', 'leases.coordination.k8s.io', 'elsewhere')).toBe(false);
    });

    it('let the job that ends an uninstall remove finalizers and claims, wherever they are, and nothing else', async () => {
      const judged = async (verbs: readonly string[], resources: readonly string[]) =>
        Promise.all(
          [...watched, ...unwatched].flatMap((namespace) =>
            resources.flatMap((resource) => verbs.map((verb) => can(uninstall, verb, resource, namespace))),
          ),
        );
      expect(await judged(['get', 'list', 'patch'], OUR_KINDS)).not.toContain(false);
      expect(await judged(['patch'], ['slackbots.relax.dev/status', 'slackapps.relax.dev/status'])).not.toContain(
        false,
      );
      expect(await judged(['create', 'update', 'delete', 'deletecollection'], OUR_KINDS)).not.toContain(true);
      expect(await judged(['get', 'list'], ['secrets', 'pods', 'configmaps'])).not.toContain(true);
      for (const verb of ['get', 'update']) {
        expect(await can(uninstall, verb, 'leases.coordination.k8s.io/relax-operator', 'relax'), verb).toBe(true);
        expect(await can(uninstall, verb, 'leases.coordination.k8s.io/another', 'relax'), verb).toBe(false);
      }
      expect(await can(uninstall, 'create', 'leases.coordination.k8s.io', 'relax')).toBe(false);
    });

    it('let people who may edit scale a SlackApp, and people who may view see it', async () => {
      const roles = await kubectl.must(['get', 'clusterroles', '-o', 'json']);
      const rulesOf = (suffix: string) =>
        JSON.parse(roles).items.find(
          ({ metadata }: { metadata: { name: string } }) =>
            metadata.name === `relax-${release === 'relax' ? 'relax' : 'two-relax'}-${suffix}`,
        )?.rules;
      expect(rulesOf('edit')).toContainEqual({
        apiGroups: ['relax.dev'],
        resources: ['slackapps/scale'],
        verbs: ['get', 'update', 'patch'],
      });
      expect(rulesOf('view')).toMatchObject([{ resources: ['slackbots', 'slackapps'] }]);
    });

    it('leave the connectors none', async () => {
      for (const resource of [...OUR_KINDS, 'secrets', 'pods', 'leases.coordination.k8s.io']) {
        expect(await can(connector, 'get', resource, 'relax'), resource).toBe(false);
      }
    });
  });

  describe.each([
    ['in the whole cluster', 'back', [], []],
    ['in the namespaces that are watched', 'back-two', ['bots'], ['elsewhere', 'relax']],
  ] as const)('with config.credentialsWriteBack, %s', (_, release, watchNamespaces, unwatched) => {
    it('let the operator patch Secrets, and neither create, replace nor delete them', async () => {
      const operator = `system:serviceaccount:relax:${release}-relax-operator`;
      const { stdout } = await render(
        helm,
        { ...LEAST, config: { watchNamespaces, credentialsWriteBack: true } },
        release,
      );
      const rbac = stdout
        .split(/^---$/m)
        .filter((document) => /^kind: .*(Role|Binding|ServiceAccount)/m.test(document));
      await kubectl.must(['apply', '-f', '-'], rbac.join('---\n'));
      const can = async (verb: string, namespace: string) =>
        (await kubectl.run(['auth', 'can-i', verb, 'secrets', '-n', namespace, `--as=${operator}`])).stdout.trim();
      const asked = await Promise.all(['patch', 'create', 'update', 'delete'].map((verb) => can(verb, 'bots')));
      expect(asked).toEqual(['yes', 'no', 'no', 'no']);
      expect(await Promise.all(unwatched.map((namespace) => can('patch', namespace)))).toEqual(
        unwatched.map(() => 'no'),
      );
    });
  });
});
