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
  'run `make kube` (gets them by Go or by download), or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver ' +
  'and kubectl (`setup-envtest use -p path` downloads one)';

/**
 * Finds the programs of a Kubernetes control plane: KUBEBUILDER_ASSETS, then `../shared/kube`, then PATH, then the cache
 * folder which `../shared/kube/bin.sh`, `make kube` and `make test` fill.
 *
 * @param shared a folder laid out as `../shared/kube`
 * @returns undefined if there are none
 * @throws Error if KUBEBUILDER_ASSETS is set to a folder that lacks one: a mistake, not a machine without Kubernetes
 */
export function findKubeBinaries(
  env: NodeJS.ProcessEnv = process.env,
  shared: string = SHARED_KUBE,
): KubeBinaries | undefined {
  const assets = env.KUBEBUILDER_ASSETS;
  if (assets !== undefined && assets !== '') {
    const found = programsIn([assets], env);
    if (found !== undefined) return found;
    throw new Error(`KUBEBUILDER_ASSETS=${assets} lacks one of ${REQUIRED.join(', ')}: correct it or unset it`);
  }
  const path = (env.PATH ?? '').split(delimiter);
  return programsIn(sharedFolder(shared), env) ?? programsIn(path, env) ?? programsIn(cacheFolders(env), env);
}

/** Helm is no part of a Kubernetes version: from PATH or the cache folder any will do, with or without an API server. */
export function findHelm(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = [...(env.PATH ?? '').split(delimiter), ...foldersOf(kubeCache(env))];
  return folders.map((folder) => join(folder, 'helm')).find(isExecutable);
}

/** Where what was built or downloaded is kept: a folder for each version. */
export const kubeCache = (env: NodeJS.ProcessEnv): string =>
  env.RELAX_KUBE_CACHE || join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'relax-kube');

function programsIn(folders: readonly string[], env: NodeJS.ProcessEnv): KubeBinaries | undefined {
  const find = (name: KubeProgram): string | undefined =>
    folders.map((folder) => join(folder, name)).find((path) => isExecutable(path));
  const etcd = find('etcd');
  const apiServer = find('kube-apiserver');
  const kubectl = find('kubectl');
  if (etcd === undefined || apiServer === undefined || kubectl === undefined) return undefined;
  const binaries: KubeBinaries = { etcd, 'kube-apiserver': apiServer, kubectl };
  for (const name of OPTIONAL) {
    const path = find(name) ?? (name === 'helm' ? findHelm(env) : undefined);
    if (path !== undefined) binaries[name] = path;
  }
  return binaries;
}

function sharedFolder(shared: string): string[] {
  const script = join(shared, 'bin.sh');
  if (!existsSync(script)) return [];
  try {
    return [execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()];
  } catch {
    return []; // no zstd, a full disk: its own words are on stderr
  }
}

function cacheFolders(env: NodeJS.ProcessEnv): string[] {
  // Never a mix of two versions.
  const whole = foldersOf(kubeCache(env)).find((folder) => REQUIRED.every((name) => isExecutable(join(folder, name))));
  return whole === undefined ? [] : [whole];
}

/** Each is one version; the newest name first. */
function foldersOf(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .reverse()
    .map((name) => join(root, name));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
