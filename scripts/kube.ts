import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { programOnPath } from '../cli/demo/redis-binary.ts';
import { findKubeBinaries } from '../test/support/kube/binaries.ts';

/**
 * `make kube`: builds what the tests on Kubernetes need from Go modules, once, into the cache folder where
 * test/support/kube/binaries.ts looks. Ten minutes on two cores, 4 GB of disk in Go's own cache.
 */
const KUBERNETES = '1.36.3';
const ETCD = '3.6.8';
const HELM = '3.22.0';

/** k8s.io/kubernetes takes these from its own tree; as a module it must be told which version that is. */
const STAGING = (
  'api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap ' +
  'code-generator component-base component-helpers controller-manager cri-api cri-client csi-translation-lib ' +
  'dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy ' +
  'kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission sample-apiserver sample-cli-plugin ' +
  'sample-controller streaming cri-streaming'
).split(' ');

function go(cwd: string, args: readonly string[], env: Record<string, string> = {}): void {
  process.stdout.write(
    `go ${args
      .filter((arg) => !arg.startsWith('-replace'))
      .join(' ')
      .slice(0, 160)}\n`,
  );
  const { status, error } = spawnSync('go', args, {
    cwd,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined) throw new Error(`go does not start: ${error.message}`);
  if (status !== 0) throw new Error(`go ended with ${status}: see above`);
}

function moduleFolder(work: string, name: string): string {
  const folder = join(work, name);
  mkdirSync(folder);
  go(folder, ['mod', 'init', `example.test/${name}`]);
  return folder;
}

function buildKubernetes(work: string, to: string): void {
  const folder = moduleFolder(work, 'kubernetes');
  const [, minor, patch] = KUBERNETES.split('.');
  const staging = `v0.${minor}.${patch}`;
  const replaces = STAGING.map((name) => `-replace=k8s.io/${name}=k8s.io/${name}@${staging}`);
  go(folder, ['mod', 'edit', '-go=1.26.0', `-require=k8s.io/kubernetes@v${KUBERNETES}`, ...replaces]);
  const version = `k8s.io/component-base/version`;
  const stamps = [`gitVersion=v${KUBERNETES}`, 'gitMajor=1', `gitMinor=${minor}`, 'gitTreeState=clean'];
  const ldflags = `-s -w ${stamps.map((stamp) => `-X ${version}.${stamp} -X k8s.io/client-go/pkg/version.${stamp}`).join(' ')}`;
  for (const name of ['kube-apiserver', 'kubectl']) {
    go(folder, ['build', '-trimpath', '-ldflags', ldflags, '-o', join(to, name), `k8s.io/kubernetes/cmd/${name}`]);
  }
}

function buildEtcd(work: string, to: string): void {
  const folder = moduleFolder(work, 'etcd');
  go(folder, ['get', `go.etcd.io/etcd/server/v3@v${ETCD}`]);
  go(folder, ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(to, 'etcd'), 'go.etcd.io/etcd/server/v3']);
}

function buildHelm(work: string, to: string): void {
  go(work, ['install', '-trimpath', '-ldflags', '-s -w', `helm.sh/helm/v3/cmd/helm@v${HELM}`], { GOBIN: to });
}

function build(): void {
  if (programOnPath('go', process.env.PATH ?? '') === undefined) {
    throw new Error('building Kubernetes needs Go 1.26 or later (https://go.dev/dl), or set KUBEBUILDER_ASSETS');
  }
  const cache =
    process.env.RELAX_KUBE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'relax-kube');
  const folder = join(cache, `${KUBERNETES}-go`);
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'relax-kube-build-'));
  // Beside its place, so that it appears there whole or not at all.
  const to = mkdtempSync(`${folder}.`);
  try {
    buildEtcd(work, to);
    buildHelm(work, to);
    buildKubernetes(work, to);
    rmSync(folder, { recursive: true, force: true });
    renameSync(to, folder);
    process.stdout.write(`built: ${folder}\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(to, { recursive: true, force: true });
  }
}

try {
  const found = process.argv.includes('--force') ? undefined : findKubeBinaries();
  if (found === undefined) build();
  else process.stdout.write(`nothing to build, an API server is here: ${found['kube-apiserver']}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
