import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errorText } from '../core/process/log.ts';
import { findHelm, findKubeBinaries, KUBE_REMEDY, kubeCache } from '../test/support/kube/binaries.ts';
import { downloadSource, SITES } from './kube-download.ts';
import { goFacts, goFault, goSource } from './kube-from-go.ts';
import { HELM, type KubeNeeds, type KubeSource, needsInWords } from './kube-versions.ts';
import { endSteps } from './step.ts';

/** What a run on this machine may do, and where it looks. */
export interface KubeWorld {
  env: NodeJS.ProcessEnv;
  say(line: string): void;
  sites: typeof SITES;
  /** As `../shared/kube`; the repository's own unless given. */
  shared?: string;
}

export const thisWorld: KubeWorld = {
  env: process.env,
  say: (line) => process.stdout.write(`${line}\n`),
  sites: SITES,
};

/**
 * Sees to it that this machine has an API server, etcd, kubectl and helm for the tests: found, else built with Go, else
 * downloaded, announced first; kept in the cache folder, so once. RELAX_KUBE_GET says how: `go`, `download`, or `no` for
 * never. Starts nothing.
 * @param wanted what the chosen tests need
 * @returns what is still missing; undefined when nothing is
 */
export async function ensureKube(wanted: KubeNeeds, world: KubeWorld = thisWorld): Promise<KubeNeeds | undefined> {
  const { env, say } = world;
  for (const source of [undefined, ...sourcesOf(world)]) {
    const missing = missingOf(wanted, world);
    if (missing === undefined) return undefined;
    if (source === undefined) continue;
    const kept = `Kept in ${kubeCache(env)}; RELAX_KUBE_GET=no leaves it.`;
    say(`Missing here for the tests on Kubernetes: ${needsInWords(missing)}. ${source.announcement(missing)} ${kept}`);
    try {
      await fill(source, missing, kubeCache(env));
    } catch (error) {
      say(`  ${source.name === 'go' ? 'Not built' : 'Not downloaded'}: ${errorText(error)}`);
    }
  }
  return missingOf(wanted, world);
}

function missingOf(wanted: KubeNeeds, { env, shared }: KubeWorld): KubeNeeds | undefined {
  const found = findKubeBinaries(env, shared);
  const server = wanted.server && found === undefined;
  const helm = wanted.helm && found?.helm === undefined && findHelm(env) === undefined;
  return server || helm ? { server, helm } : undefined;
}

/** In order. */
function sourcesOf({ env, say, sites }: KubeWorld): KubeSource[] {
  const how = env.RELAX_KUBE_GET ?? '';
  if (!['', 'go', 'download', 'no'].includes(how)) {
    throw new Error(`RELAX_KUBE_GET is ${how}: set it to go, download or no, or unset it for what works here`);
  }
  if (how === 'no') return [];
  const sources: KubeSource[] = [];
  if (how !== 'download') {
    const go = goFacts(env);
    const fault = goFault(go);
    if (fault === undefined && go !== undefined) sources.push(goSource(env, go, say));
    else if (how === 'go') throw new Error(`RELAX_KUBE_GET=go, and ${fault}: https://go.dev/dl`);
  }
  if (how !== 'go') sources.push(downloadSource(sites, env, say));
  return sources;
}

/** Beside its place first, so that it appears there whole or not at all. */
async function fill(source: KubeSource, needs: KubeNeeds, cache: string): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const part = mkdtempSync(join(cache, '.part-'));
  const remove = (): void => rmSync(part, { recursive: true, force: true });
  process.once('exit', remove);
  const to = { server: join(part, 'server'), helm: join(part, 'helm') };
  try {
    for (const folder of Object.values(to)) mkdirSync(folder);
    await source.fill(needs, to);
    if (needs.helm) place(to.helm, join(cache, `helm-${HELM}`));
    if (needs.server) place(to.server, join(cache, source.folder));
  } finally {
    process.off('exit', remove);
    remove();
  }
}

function place(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  renameSync(from, to);
}

if (import.meta.main) {
  const end = (code: number) => (): void => void endSteps().then(() => process.exit(code));
  process.on('SIGINT', end(130)).on('SIGTERM', end(143));
  try {
    const missing = await ensureKube({ server: true, helm: true });
    if (missing !== undefined) throw new Error(`still missing: ${needsInWords(missing)}. ${KUBE_REMEDY}`);
    process.stdout.write(`an API server is here: ${findKubeBinaries()?.['kube-apiserver']}\n`);
    process.stdout.write(`helm is here: ${findKubeBinaries()?.helm}\n`);
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n`);
    process.exitCode = 1;
  }
}
