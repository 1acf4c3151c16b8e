import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

const REQUIRED = ['etcd', 'kube-apiserver', 'kubectl'] as const;
/** What a node and its network are made of; test/cluster needs them all. */
export const NODE_PROGRAMS = [
  'kubelet',
  'kube-proxy',
  'coredns',
  'containerd',
  'containerd-shim-runc-v2',
  'ctr',
] as const;
const OPTIONAL = ['kube-controller-manager', 'kube-scheduler', 'helm', ...NODE_PROGRAMS] as const;
export type KubeProgram = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number];

/** Absolute paths; the optional ones may be missing. */
export type KubeBinaries = Record<(typeof REQUIRED)[number], string> & Partial<Record<KubeProgram, string>>;

/** The repository's own `../shared/kube`, if somebody laid the binaries beside it. */
const SHARED_KUBE = resolve(import.meta.dirname, '../../../../shared/kube');

export const KUBE_REMEDY =
  'run `make kube` (builds them with Go), or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl ' +
  '(`setup-envtest use -p path` downloads one)';

/**
 * Finds the programs of a Kubernetes control plane: KUBEBUILDER_ASSETS, then `../shared/kube`, then PATH, then the cache
 * folder which `../shared/kube/bin.sh` and `make kube` fill.
 *
 * @returns undefined if there are none
 * @throws Error if KUBEBUILDER_ASSETS is set to a folder that lacks one: a mistake, not a machine without Kubernetes
 */
export function findKubeBinaries(env: NodeJS.ProcessEnv = process.env): KubeBinaries | undefined {
  const assets = env.KUBEBUILDER_ASSETS;
  if (assets !== undefined && assets !== '') {
    const found = programsIn([assets]);
    if (found !== undefined) return found;
    throw new Error(`KUBEBUILDER_ASSETS=${assets} lacks one of ${REQUIRED.join(', ')}: correct it or unset it`);
  }
  return programsIn(sharedFolder()) ?? programsIn((env.PATH ?? '').split(delimiter)) ?? programsIn(cacheFolders(env));
}

function programsIn(folders: readonly string[]): KubeBinaries | undefined {
  const find = (name: KubeProgram): string | undefined =>
    folders.map((folder) => join(folder, name)).find((path) => isExecutable(path));
  const etcd = find('etcd');
  const apiServer = find('kube-apiserver');
  const kubectl = find('kubectl');
  if (etcd === undefined || apiServer === undefined || kubectl === undefined) return undefined;
  const binaries: KubeBinaries = { etcd, 'kube-apiserver': apiServer, kubectl };
  for (const name of OPTIONAL) {
    // Helm is no part of a Kubernetes version: any will do.
    const path = find(name) ?? (name === 'helm' ? programInPath(name) : undefined);
    if (path !== undefined) binaries[name] = path;
  }
  return binaries;
}

const programInPath = (name: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);

function sharedFolder(): string[] {
  const script = join(SHARED_KUBE, 'bin.sh');
  if (!existsSync(script)) return [];
  try {
    return [execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()];
  } catch {
    return []; // no zstd, a full disk: its own words are on stderr
  }
}

function cacheFolders(env: NodeJS.ProcessEnv): string[] {
  const root = env.RELAX_KUBE_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'relax-kube');
  if (!existsSync(root)) return [];
  // Each folder is one version; the newest name first, and never a mix of two.
  const versions = readdirSync(root).sort().reverse();
  const whole = versions.map((name) => join(root, name)).find((folder) => programsIn([folder]) !== undefined);
  return whole === undefined ? [] : [whole];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
