import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { freePort } from '#cli/demo/free-port.ts';
import { waitFor } from '#test/support/wait.ts';
import { findKubeBinaries, KUBE_REMEDY, type KubeBinaries } from './binaries.ts';
import { createClientCa, createClientCertificate } from './pki.ts';
import { ProcessGroup, type Program } from './process-group.ts';

export interface ApiServerOptions {
  /** Deployments, garbage collection, service account tokens: off, since an API server alone starts in half the time. */
  controllerManager?: boolean;
  scheduler?: boolean;
  /** An address that pods reach, for a cluster with nodes; by default the server is on loopback alone. */
  advertise?: string;
}

export interface ApiServer {
  /** Of system:masters. */
  kubeconfigPath: string;
  url: string;
  token: string;
  binaries: KubeBinaries;
  folder: string;
  /** The same as kubeconfigPath, loaded. */
  adminClientConfig(): KubeConfig;
  /** @returns the path of a kubeconfig for this user; `system:serviceaccount:ns:name` acts under that account's RBAC */
  addUser(user: { name: string; groups?: readonly string[] }): Promise<string>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pauseApi(): void;
  resumeApi(): void;
  /** SIGKILL. */
  killApi(): Promise<void>;
  /** On the same port, with the same data; resolves when it is ready. */
  restartApi(): Promise<void>;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 90_000;
const END_GRACE_MS = 5_000;
const PORT_TRIES = 3;

/** Starts etcd and a kube-apiserver with RBAC on loopback, as up.sh of ../shared/kube does. About 5 s, 300 MB. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const binaries = findKubeBinaries();
  if (binaries === undefined) throw new Error(`no kube-apiserver and etcd found: ${KUBE_REMEDY}`);
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOnce(binaries, options);
    } catch (error) {
      // Somebody else may have taken a port between our look and the start.
      if (tries === PORT_TRIES || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function startOnce(binaries: KubeBinaries, options: ApiServerOptions): Promise<ApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'relax-kube-'));
  const group = new ProcessGroup(folder);
  try {
    return await startIn(group, binaries, options);
  } catch (error) {
    await group.stop(0);
    throw error;
  }
}

async function startIn(group: ProcessGroup, binaries: KubeBinaries, options: ApiServerOptions): Promise<ApiServer> {
  const { folder } = group;
  const [apiPort, etcdPort] = [await freePort(), await freePort()];
  const url = `https://${options.advertise ?? '127.0.0.1'}:${apiPort}`;
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const token = randomBytes(16).toString('hex');
  const kubeconfigPath = join(folder, 'admin.kubeconfig');
  writeFileSync(join(folder, 'tokens.csv'), `${token},admin,admin,system:masters\n`);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(folder, 'sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
  await createClientCa(folder);
  writeFileSync(kubeconfigPath, kubeconfig(url, folder, { token }));

  group.start('etcd', binaries.etcd, [
    '--data-dir',
    join(folder, 'etcd-data'),
    '--listen-peer-urls',
    'http://127.0.0.1:0',
    '--log-level',
    'error',
    '--listen-client-urls',
    etcdUrl,
    '--advertise-client-urls',
    etcdUrl,
    '--unsafe-no-fsync',
  ]);
  const startApi = (): Program =>
    group.start(
      'kube-apiserver',
      binaries['kube-apiserver'],
      apiServerArgs(folder, apiPort, etcdUrl, options.advertise),
    );
  let api = startApi();
  await untilReady(url, folder, token, api);

  if (options.controllerManager) {
    group.start('kube-controller-manager', required(binaries, 'kube-controller-manager'), [
      '--kubeconfig',
      kubeconfigPath,
      '--leader-elect=false',
      '--secure-port',
      '0',
      '--service-account-private-key-file',
      join(folder, 'sa.key'),
      '--root-ca-file',
      join(folder, 'certs/apiserver.crt'),
    ]);
  }
  if (options.scheduler) {
    const args = ['--kubeconfig', kubeconfigPath, '--leader-elect=false', '--secure-port', '0'];
    group.start('kube-scheduler', required(binaries, 'kube-scheduler'), args);
  }

  let users = 0;
  let stopping: Promise<void> | undefined;
  return {
    kubeconfigPath,
    url,
    token,
    binaries,
    folder,
    adminClientConfig() {
      const config = new KubeConfig();
      config.loadFromFile(kubeconfigPath);
      return config;
    },
    async addUser({ name, groups = [] }) {
      users += 1;
      const file = `user-${users}`;
      await createClientCertificate(folder, file, { name, groups });
      const path = join(folder, `${file}.kubeconfig`);
      writeFileSync(path, kubeconfig(url, folder, { certificate: file }));
      return path;
    },
    pauseApi: () => api.signal('SIGSTOP'),
    resumeApi: () => api.signal('SIGCONT'),
    async killApi() {
      api.signal('SIGKILL');
      await api.exited;
    },
    async restartApi() {
      await api.end(END_GRACE_MS);
      api = startApi();
      await untilReady(url, folder, token, api);
    },
    stop: () => (stopping ??= group.stop(END_GRACE_MS)),
  };
}

function apiServerArgs(folder: string, port: number, etcdUrl: string, advertise: string | undefined): string[] {
  const saKey = join(folder, 'sa.key');
  const [bind, reconciler] = advertise === undefined ? ['127.0.0.1', 'none'] : ['0.0.0.0', 'lease'];
  return [
    '--etcd-servers',
    etcdUrl,
    '--secure-port',
    String(port),
    '--bind-address',
    bind,
    '--advertise-address',
    advertise ?? '127.0.0.1',
    '--endpoint-reconciler-type',
    reconciler,
    '--cert-dir',
    join(folder, 'certs'),
    '--kubelet-preferred-address-types',
    'InternalIP',
    '--service-account-issuer',
    'https://kubernetes.default.svc',
    '--service-account-key-file',
    saKey,
    '--service-account-signing-key-file',
    saKey,
    '--service-cluster-ip-range',
    '10.0.0.0/24',
    '--token-auth-file',
    join(folder, 'tokens.csv'),
    '--client-ca-file',
    join(folder, 'client-ca.crt'),
    '--authorization-mode',
    'RBAC',
    '--allow-privileged=true',
  ];
}

function kubeconfig(url: string, folder: string, user: { token: string } | { certificate: string }): string {
  const credentials =
    'token' in user
      ? { token: user.token }
      : {
          'client-certificate': join(folder, `${user.certificate}.crt`),
          'client-key': join(folder, `${user.certificate}.key`),
        };
  // JSON is YAML.
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server: url, 'certificate-authority': join(folder, 'certs/apiserver.crt') } },
    ],
    users: [{ name: 'user', user: credentials }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
    'current-context': 'test',
  });
}

async function isReady(url: string, folder: string, token: string, api: Program): Promise<'ready' | 'ended' | false> {
  if (!api.running) return 'ended';
  const caFile = join(folder, 'certs/apiserver.crt');
  if (!existsSync(caFile)) return false;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const options = {
    ca: readFileSync(caFile),
    headers: { authorization: `Bearer ${token}` },
    agent: false,
    timeout: 5_000,
  };
  const call = request(`${url}/readyz`, options, (answer) => {
    answer.resume();
    resolve(answer.statusCode ?? 0);
  });
  call.on('error', reject);
  call.on('timeout', () => call.destroy(new Error('timeout')));
  call.end();
  return (await promise) === 200 && 'ready';
}

async function untilReady(url: string, folder: string, token: string, api: Program): Promise<void> {
  const state = await waitFor(() => isReady(url, folder, token, api), {
    timeoutMs: READY_TIMEOUT_MS,
    everyMs: 100,
    what: 'API server ready',
  }).catch((cause: unknown) => {
    throw new Error(`kube-apiserver is not ready:\n${api.logTail()}`, { cause });
  });
  if (state === 'ended') throw new Error(`kube-apiserver ended:\n${api.logTail()}`);
}

function required(binaries: KubeBinaries, name: 'kube-controller-manager' | 'kube-scheduler'): string {
  const path = binaries[name];
  if (path === undefined) throw new Error(`${name} is not beside ${binaries['kube-apiserver']}: ${KUBE_REMEDY}`);
  return path;
}
