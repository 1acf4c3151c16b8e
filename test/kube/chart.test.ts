import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { connectorConfig, operatorConfig } from '#core/config/config.ts';
import { newFleetKey } from '#core/protocol/seal.ts';
import { CHART, EXAMPLES, KUBE_VERSION, LEAST, render } from '#test/support/chart.ts';
import { ensureNamespaces, kubectl as kubectlOf, kubeHelmSuite } from '#test/support/kube/kube-suite.ts';

const root = join(import.meta.dirname, '../..');

interface KubeObject {
  kind: string;
  metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
  spec?: unknown;
}
interface PodTemplate {
  metadata: { labels: Record<string, string> };
  spec: {
    automountServiceAccountToken: boolean;
    terminationGracePeriodSeconds: number;
    containers: { image: string; env: { name: string; value?: string; valueFrom?: unknown }[] }[];
  };
}

const ALL = {
  ...LEAST,
  image: { repository: 'registry.example/relax', digest: `sha256:${'a'.repeat(64)}`, pullPolicy: 'Always' },
  imagePullSecrets: [{ name: 'registry' }],
  cluster: 'eu-1',
  redis: {
    username: 'relax',
    existingSecret: 'redis',
    urlKey: 'url',
    passwordKey: 'password',
    ca: { existingSecret: 'redis-ca', key: 'tls.crt' },
  },
  crds: { keep: false },
  config: {
    queue: 'acme:events',
    queueUrgent: '{acme:events}:urgent',
    commands: 'acme:commands',
    queueMax: 10_000_000,
    allowEviction: 'volatile-ttl',
    dedupeWindowSeconds: 7200,
    bufferBytes: 67_108_864,
    bufferSeconds: 60,
    capacity: 10_000,
    graceSeconds: 60,
    statusWritesPerSecond: 20,
    watchNamespaces: ['bots', 'more-bots'],
    slackApiUrl: 'https://slack.example/api/',
    logLevel: 'debug',
    metricsPort: 9000,
  },
  extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }],
  extraVolumes: [{ name: 'ca', configMap: { name: 'ca' } }],
  extraVolumeMounts: [{ name: 'ca', mountPath: '/etc/ca' }],
  operator: {
    replicas: 1,
    nodeSelector: { pool: 'system' },
    tolerations: [{ key: 'system', operator: 'Exists' }],
    podAnnotations: { note: 'true' },
    serviceAccount: { annotations: { note: 'x' } },
    podDisruptionBudget: { enabled: false },
  },
  connector: {
    replicas: 6,
    zone: 'rack-1',
    zoneSpread: 'DoNotSchedule',
    priorityClassName: 'high',
    affinity: { nodeAffinity: {} },
    podDisruptionBudget: { maxUnavailable: '20%' },
  },
  networkPolicy: { enabled: true, metricsFrom: [{ namespaceSelector: {} }], slackPorts: [443, 3128] },
};

kubeHelmSuite('The chart', (kube, helm) => {
  const kubectl = kubectlOf(kube);

  async function objectsOf(values: object): Promise<KubeObject[]> {
    const { code, stdout, stderr } = await render(helm, values);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const documents = parseAllDocuments(stdout);
    return 'empty' in documents ? [] : documents.flatMap((document) => (document.toJS() as KubeObject | null) ?? []);
  }

  async function podOf(values: object, kind: 'Deployment' | 'StatefulSet' | 'Job'): Promise<PodTemplate> {
    const workload = (await objectsOf(values)).find((object) => object.kind === kind);
    if (workload === undefined) throw new Error(`no ${kind} in the chart`);
    return (workload.spec as { template: PodTemplate }).template;
  }

  const envOf = (pod: PodTemplate) =>
    Object.fromEntries(
      (pod.spec.containers[0]?.env ?? []).map(({ name, value, valueFrom }) => [name, value ?? valueFrom]),
    );

  beforeAll(async () => {
    await ensureNamespaces(kube, ['relax', 'bots', 'more-bots', 'restricted']);
  });

  describe('helm lint', () => {
    it.each([
      ['the least', LEAST],
      ['all', ALL],
    ])('finds no fault with %s values', async (_, values) => {
      const args = ['lint', CHART, '--strict', '--kube-version', KUBE_VERSION, '-f', '-'];
      expect(await helm.run(args, stringify(values))).toMatchObject({ code: 0 });
    });
  });

  describe('what a person without a cluster types', () => {
    it.each(EXAMPLES)('renders and passes lint: helm with %s', async (values) => {
      expect(await helm.run(['template', 'relax', CHART, '-n', 'relax', '-f', values])).toMatchObject({ code: 0 });
      expect(await helm.run(['lint', CHART, '--strict', '-f', values])).toMatchObject({ code: 0 });
    });

    it.each(['README.md', 'helm/relax/README.md', 'docs/install.md'])('renders: the flags of %s', async (page) => {
      const [, flags = ''] =
        /helm install relax helm\/relax -n relax ((?:[^\n]*\\\n)*[^\n]*)/.exec(
          readFileSync(join(root, page), 'utf8'),
        ) ?? [];
      const given = flags.split(/[\s\\]+/).filter((part) => part !== '');
      expect(given).toContain('fleetKey.existingSecret=relax-fleet-key');
      const { code, stdout } = await helm.run(['template', 'relax', CHART, '-n', 'relax', ...given]);
      expect([code, stdout]).toEqual([0, expect.stringContaining('registry.example/relax')]);
    });

    it('is refused without the values that have no default, each with the remedy', async () => {
      const { code, stderr } = await helm.run(['template', 'relax', CHART]);
      expect([code, stderr]).toEqual([1, expect.stringContaining('image.repository is required')]);
    });
  });

  describe('the scope of an installation', () => {
    const uid = () => kubectl.must(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}']);
    /**
     * What `helm install` would apply to the API server, which it asks. Helm takes over nothing that it did not make, and other
     * files put the definitions and a release `relax` there.
     */
    const installed = async (some: object, kind: 'Deployment' | 'StatefulSet') => {
      const values = { ...some, crds: { install: false } };
      const args = ['install', 'scope', CHART, '-n', 'relax', '--kubeconfig', kube.kubeconfigPath, '-f', '-'];
      const { code, stdout, stderr } = await helm.run([...args, '--dry-run=server', '-o', 'json'], stringify(values));
      expect([code, stderr]).toEqual([0, expect.any(String)]);
      const { manifest, info } = JSON.parse(stdout) as { manifest: string; info: { notes: string } };
      const documents = parseAllDocuments(manifest);
      const objects = 'empty' in documents ? [] : documents.flatMap((each) => (each.toJS() as KubeObject | null) ?? []);
      const workload = objects.find((object) => object.kind === kind);
      if (workload === undefined) throw new Error(`no ${kind} in the chart`);
      return { env: envOf((workload.spec as { template: PodTemplate }).template), notes: info.notes };
    };

    it('is the uid of the cluster, and its owner that and the namespace', async () => {
      const cluster = await uid();
      const connector = await installed(LEAST, 'StatefulSet');
      expect(connector.env).toMatchObject({ RELAX_CLUSTER: cluster, RELAX_OWNER: `${cluster}/relax` });
      expect(connector.notes).toContain(`cluster scope "${cluster}"`);
      const operator = await installed(LEAST, 'Deployment');
      expect(operator.env).toMatchObject({ RELAX_CLUSTER: cluster });
      expect(operator.env.RELAX_OWNER).toBeUndefined();
    });

    it('has the name that it is given, and the same owner', async () => {
      const { env } = await installed({ ...LEAST, cluster: 'eu-1' }, 'StatefulSet');
      expect(env).toMatchObject({ RELAX_CLUSTER: 'eu-1', RELAX_OWNER: `${await uid()}/relax` });
    });

    it.each([
      ['RELAX_LEADER_NAMESPACE', { value: 'leaders' }, 'leaders'],
      ['POD_NAMESPACE', { value: 'elsewhere' }, 'elsewhere'],
      ['POD_NAMESPACE', { valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }, 'relax'],
    ])('has the owner that the operator is with %s of its own', async (name, given, namespace) => {
      const { env } = await installed({ ...LEAST, extraEnv: [{ name, ...given }] }, 'StatefulSet');
      expect(env.RELAX_OWNER).toBe(`${await uid()}/${namespace}`);
      const fields = { env: { [name]: namespace, RELAX_REDIS_URL: 'redis://r', RELAX_FLEET_KEY_FILE: '/k' } };
      const machine = { hostname: 'p', cwd: '/', readFile: () => newFleetKey() };
      expect(operatorConfig({ ...fields, machine }).config.leaderNamespace).toBe(namespace);
    });

    it('is namespace and release, of an owner not known, where helm knows no cluster', async () => {
      const env = envOf(await podOf(LEAST, 'StatefulSet'));
      expect([env.RELAX_CLUSTER, env.RELAX_OWNER]).toEqual(['relax.relax', undefined]);
    });

    it('may be told its owner where helm knows no cluster', async () => {
      const extraEnv = [{ name: 'RELAX_OWNER', value: 'uid-1/relax' }];
      expect(envOf(await podOf({ ...LEAST, extraEnv }, 'StatefulSet')).RELAX_OWNER).toBe('uid-1/relax');
    });
  });

  describe('the chart on an API server', () => {
    it.each([
      ['the least', LEAST, 'relax'],
      ['all', ALL, 'relax'],
      [
        'another release name, without CRDs and roles',
        { ...LEAST, crds: { install: false }, rbac: { aggregate: false } },
        'eu',
      ],
      ['a very long release name', LEAST, 'r'.repeat(53)],
      ['the least and network policies', { ...LEAST, networkPolicy: { enabled: true } }, 'relax'],
    ])('is taken whole with %s', async (_, values, release) => {
      const { stdout } = await render(helm, values, release);
      const result = await kubectl.run(['apply', '--dry-run=server', '-f', '-'], stdout);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(result.stdout).toMatch(/statefulset.apps\/.*connector created/);
    });

    it.each([
      ['no image', { ...LEAST, image: {} }, /image.repository is required: no image of Relax is published yet/],
      ['no Redis', { ...LEAST, redis: {} }, /redis.url is required/],
      [
        'two Redis URLs',
        { ...LEAST, redis: { url: 'redis://a', existingSecret: 'a', urlKey: 'b' } },
        /both set: keep one/,
      ],
      ['a URL in no Secret', { ...LEAST, redis: { urlKey: 'url' } }, /redis.existingSecret is required/],
      [
        'a password in no Secret',
        { ...LEAST, redis: { url: 'redis://a', passwordKey: 'p' } },
        /existingSecret is required/,
      ],
      ['a password in the URL', { ...LEAST, redis: { url: 'redis://:secret@a' } }, /redis\/url/],
      ['no fleet key', { ...LEAST, fleetKey: {} }, /fleetKey.existingSecret is required; make it with: kubectl create/],
      ['a misspelt value', { ...LEAST, conector: {} }, /additional properties 'conector' not allowed/],
      [
        'a misspelt setting',
        { ...LEAST, config: { queueMaximum: 1 } },
        /additional properties 'queueMaximum' not allowed/,
      ],
      ['a queue with braces', { ...LEAST, config: { queue: '{a}' } }, /config\/queue/],
      ['a list of commands with braces', { ...LEAST, config: { commands: '{a}' } }, /config\/commands/],
      [
        'a list of urgent events in no hash slot',
        { ...LEAST, config: { queueUrgent: 'urgent' } },
        /config\/queueUrgent/,
      ],
      [
        'a list of urgent events of another queue',
        { ...LEAST, config: { queue: 'q', queueUrgent: '{relax:events}:urgent' } },
        /must begin with {q}:, .*set for example {q}:urgent/,
      ],
      ['a runtime that it does not know', { ...LEAST, connector: { runtime: 'deno' } }, /connector\/runtime/],
      ['a cluster with braces', { ...LEAST, cluster: '{a}' }, /cluster/],
      [
        'a name that the chart sets',
        { ...LEAST, extraEnv: [{ name: 'RELAX_ZONE', value: 'a' }] },
        /RELAX_ZONE is set by the chart/,
      ],
    ])('is refused with %s', async (_, values, says) => {
      const { code, stderr } = await render(helm, values);
      expect(stderr).toMatch(says);
      expect(code).not.toBe(0);
    });

    it('renders the CRDs of crds/, kept at uninstall unless told otherwise', async () => {
      const crdsOf = (objects: KubeObject[]) => objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
      const plain = ['slackapps', 'slackbots'].map((name) =>
        parse(readFileSync(join(root, `crds/${name}.yaml`), 'utf8')),
      );
      const kept = crdsOf(await objectsOf(LEAST));
      for (const { metadata } of kept) expect(metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
      expect(kept.map((crd) => ({ ...crd, metadata: { name: crd.metadata.name } }))).toEqual(plain);
      expect(crdsOf(await objectsOf({ ...LEAST, crds: { keep: false } }))).toEqual(plain);
    });
  });

  describe('the jobs', () => {
    const jobsOf = async (values: object, ...more: string[]) => {
      const args = ['template', 'relax', CHART, '-n', 'relax', '--kube-version', KUBE_VERSION, '-f', '-', ...more];
      const documents = parseAllDocuments(await helm.must(args, stringify(values)));
      const objects = 'empty' in documents ? [] : documents.map((document) => document.toJS() as KubeObject | null);
      return objects
        .filter((object) => object?.kind === 'Job')
        .map((job) => `${job?.metadata.name} ${job?.metadata.annotations?.['helm.sh/hook']}`);
    };
    const narrow = { ...LEAST, config: { watchNamespaces: ['bots'] } };

    it.each([
      ['an install', LEAST, [], ['relax-uninstall post-delete']],
      ['an install that watches some namespaces', narrow, [], ['relax-uninstall post-delete']],
      ['an upgrade that watches all', LEAST, ['--is-upgrade'], ['relax-uninstall post-delete']],
      [
        'an upgrade that watches some, of which is not known whether more were watched before',
        narrow,
        ['--is-upgrade'],
        ['relax-uninstall post-delete', 'relax-upgrade pre-upgrade'],
      ],
      [
        'an upgrade with both switched off',
        { ...narrow, uninstall: { releaseFinalizers: false }, upgrade: { releaseNamespaces: false } },
        ['--is-upgrade'],
        [],
      ],
    ])('of %s are those that are needed', async (_, values, flags, jobs) => {
      expect(await jobsOf(values, ...flags)).toEqual(jobs);
    });

    it('that end an uninstall come with all that they need, and leave nothing behind', async () => {
      const hooks = (await objectsOf(LEAST)).filter(
        ({ metadata }) => metadata.annotations?.['helm.sh/hook'] === 'post-delete',
      );
      expect(hooks.map(({ kind }) => kind).sort()).toEqual([
        'ClusterRole',
        'ClusterRoleBinding',
        'Job',
        'Role',
        'RoleBinding',
        'ServiceAccount',
      ]);
      for (const { metadata } of hooks) {
        expect(metadata.annotations?.['helm.sh/hook-delete-policy']).toBe(
          'before-hook-creation,hook-succeeded,hook-failed',
        );
      }
    });
  });

  describe('the pods', () => {
    it('get their settings as environment, and only what was set', async () => {
      const connector = envOf(await podOf(LEAST, 'StatefulSet'));
      expect(connector).toEqual({
        RELAX_POD: { fieldRef: { fieldPath: 'metadata.name' } },
        RELAX_ZONE: { fieldRef: { fieldPath: "metadata.labels['topology.kubernetes.io/zone']" } },
        RELAX_CLUSTER: 'relax.relax',
        RELAX_FLEET_KEY_FILE: '/etc/relax/fleet-key/keys',
        RELAX_METRICS_PORT: '9464',
        RELAX_REDIS_URL: 'redis://redis:6379/0',
        RELAX_GRACE_SECONDS: '120',
        RELAX_CONNECTOR_RUNTIME: 'bun',
      });
      const {
        RELAX_ZONE: _zone,
        RELAX_GRACE_SECONDS: _grace,
        RELAX_CONNECTOR_RUNTIME: _runtime,
        ...shared
      } = connector;
      const operator = envOf(await podOf(LEAST, 'Deployment'));
      expect(operator).toEqual({ ...shared, RELAX_CONNECTOR_SET: 'relax-connector' });
    });

    it('of connectors are on Node, with its options, by one value', async () => {
      const on = async (connector: object) => envOf(await podOf({ ...LEAST, connector }, 'StatefulSet'));
      expect(await on({ runtime: 'node' })).toMatchObject({
        RELAX_CONNECTOR_RUNTIME: 'node',
        NODE_OPTIONS: '--max-semi-space-size=4',
      });
      expect(await on({ runtime: 'node', nodeOptions: '' })).not.toHaveProperty('NODE_OPTIONS');
    });

    it('take no messages when the list of commands is switched off', async () => {
      const pod = await podOf({ ...LEAST, config: { commands: '' } }, 'StatefulSet');
      expect(envOf(pod)).toMatchObject({ RELAX_COMMANDS: '' });
    });

    it('get large numbers in digits', async () => {
      expect(envOf(await podOf(ALL, 'StatefulSet'))).toMatchObject({
        RELAX_CLUSTER: 'eu-1',
        RELAX_QUEUE: 'acme:events',
        RELAX_QUEUE_URGENT: '{acme:events}:urgent',
        RELAX_COMMANDS: 'acme:commands',
        RELAX_QUEUE_MAX: '10000000',
        RELAX_ALLOW_EVICTION: 'volatile-ttl',
        RELAX_BUFFER_BYTES: '67108864',
        RELAX_CAPACITY: '10000',
        RELAX_ZONE: 'rack-1',
        RELAX_REDIS_URL: { secretKeyRef: { name: 'redis', key: 'url' } },
        RELAX_REDIS_PASSWORD_FILE: '/etc/relax/redis/password',
        RELAX_REDIS_CA_FILE: '/etc/relax/redis-ca/ca.crt',
        HTTPS_PROXY: 'http://proxy:3128',
      });
      expect(envOf(await podOf(ALL, 'Deployment'))).toMatchObject({
        RELAX_STATUS_WRITES_PER_SECOND: '20',
        RELAX_WATCH_NAMESPACES: 'bots,more-bots',
        RELAX_DEDUPE_WINDOW_SECONDS: '7200',
        RELAX_ALLOW_EVICTION: 'volatile-ttl',
      });
    });

    it.each([
      ['the least', LEAST],
      ['all', ALL],
    ])('get, with %s values, what the programs take without a mistake', async (_, values) => {
      const files: Record<string, string> = {
        '/etc/relax/fleet-key/keys': newFleetKey(),
        '/etc/relax/redis/password': 'secret',
        '/etc/relax/redis-ca/ca.crt': '-----BEGIN CERTIFICATE-----',
      };
      const machine = { hostname: 'pod-0', cwd: '/', readFile: (path: string) => files[path] ?? '' };
      const inPod: Record<string, string> = {
        RELAX_POD: 'pod-0',
        RELAX_ZONE: 'a',
        RELAX_REDIS_URL: 'rediss://r:6379/0',
      };
      const input = async (kind: 'Deployment' | 'StatefulSet' | 'Job') => ({
        machine,
        env: Object.fromEntries(
          Object.entries(envOf(await podOf(values, kind))).map(([name, value]) => [
            name,
            typeof value === 'string' ? value : inPod[name],
          ]),
        ),
      });
      expect(connectorConfig(await input('StatefulSet')).warnings).toEqual([]);
      expect(operatorConfig(await input('Deployment')).warnings).toEqual([]);
      const flags = { 'release-finalizers': 'true' };
      expect(operatorConfig({ ...(await input('Job')), flags }).config.releaseFinalizers).toBe(true);
    });

    it('of a queue that never fills get a 0, not the default', async () => {
      expect(envOf(await podOf({ ...LEAST, config: { queueMax: 0 } }, 'StatefulSet'))).toMatchObject({
        RELAX_QUEUE_MAX: '0',
      });
    });

    it('of connectors outlive their own grace, and have no token for the API', async () => {
      const { spec } = await podOf(ALL, 'StatefulSet');
      expect(spec.terminationGracePeriodSeconds).toBe(75);
      expect(spec.automountServiceAccountToken).toBe(false);
    });

    it('run the digest when there is one, else the tag, else the version of the chart', async () => {
      const image = async (more: object) =>
        (await podOf({ ...LEAST, image: { repository: 'r', ...more } }, 'Deployment')).spec.containers[0]?.image;
      const digest = `sha256:${'a'.repeat(64)}`;
      expect(await image({ tag: 'x', digest })).toBe(`r@${digest}`);
      expect(await image({ tag: 'x' })).toBe('r:x');
      expect(await image({})).toBe('r:0.1.0');
    });

    it.each(['Deployment', 'StatefulSet', 'Job'] as const)(
      'of the %s are admitted where restricted ones only are',
      async (kind) => {
        await kubectl.must([
          'label',
          'namespace',
          'restricted',
          '--overwrite',
          'pod-security.kubernetes.io/enforce=restricted',
        ]);
        const { metadata, spec } = await podOf(LEAST, kind);
        const pod = {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { ...metadata, name: 'tried', namespace: 'restricted' },
          spec: { ...spec, serviceAccountName: 'default' },
        };
        await kubectl.run(['create', 'serviceaccount', 'default', '-n', 'restricted']);
        const admitted = await kubectl.run(['create', '--dry-run=server', '-f', '-'], JSON.stringify(pod));
        expect(admitted).toMatchObject({ code: 0, stderr: '' });
        const loose = { ...pod, spec: { ...pod.spec, securityContext: {} } };
        expect((await kubectl.run(['create', '--dry-run=server', '-f', '-'], JSON.stringify(loose))).stderr).toContain(
          'restricted',
        );
      },
    );
  });
});
