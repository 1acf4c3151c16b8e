import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { errorText } from '../core/process/log.ts';
import { useEgressProxy } from '../core/slack/egress-proxy.ts';
import { HELM, KUBERNETES, type KubeSource } from './kube-versions.ts';
import { runStep } from './step.ts';

/** Where published programs are; other ones in tests. */
export interface DownloadSites {
  /** controller-tools' list of envtest releases: archive by version and machine, with its SHA-512. */
  envtestIndex: string;
  helm: string;
}

export const SITES: DownloadSites = {
  envtestIndex: 'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml',
  helm: 'https://get.helm.sh',
};

/** Older API servers don't know what the chart and the CRD use. */
const LEAST_MINOR = 33;
const ANSWER_MS = 30_000;
const DOWNLOAD_MS = 10 * 60_000;
const UNPACK_MS = 2 * 60_000;

const indexSchema = z.object({
  releases: z.record(z.string(), z.record(z.string(), z.object({ hash: z.string(), selfLink: z.url() }))),
});
export type EnvtestIndex = z.infer<typeof indexSchema>;

export interface Archive {
  url: string;
  sha512: string;
}

/** Pure. The newest final release for this machine that is no newer than ours. @throws Error naming what there is not */
export function chooseEnvtest({ releases }: EnvtestIndex, machine: string): Archive {
  const minorOf = (version: string): number => Number(version.split('.')[1]);
  const [best] = Object.entries(releases)
    .flatMap(([version, archives]) => {
      const [, minor, patch] = /^v1\.(\d+)\.(\d+)$/.exec(version) ?? [];
      const found = archives[`envtest-${version}-${machine}.tar.gz`];
      return found === undefined || minor === undefined ? [] : [{ minor: Number(minor), patch: Number(patch), found }];
    })
    .filter(({ minor }) => minor <= minorOf(KUBERNETES) && minor >= LEAST_MINOR)
    .sort((a, b) => b.minor - a.minor || b.patch - a.patch);
  if (best === undefined) {
    throw new Error(`envtest has no release from 1.${LEAST_MINOR} to 1.${minorOf(KUBERNETES)} for ${machine}`);
  }
  return { url: best.found.selfLink, sha512: best.found.hash };
}

/** "linux-amd64", as Go names machines. */
export const thisMachine = (): string =>
  `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`.replace('win32', 'windows');

/** Takes what Kubernetes' and Helm's own people publish, each checked against its published checksum. */
export function downloadSource(sites: DownloadSites, env: NodeJS.ProcessEnv, say: (line: string) => void): KubeSource {
  return {
    name: 'download',
    folder: `${KUBERNETES}-envtest`,
    announcement({ server, helm }) {
      const what = [
        ...(server ? ['etcd, kube-apiserver and kubectl of envtest (some 70 MB, from github.com)'] : []),
        ...(helm ? [`helm ${HELM} (some 20 MB, from get.helm.sh)`] : []),
      ];
      return `Downloading ${what.join(' and ')}, once: a minute or so. Each is checked against its published checksum.`;
    },
    async fill(needs, to) {
      useEgressProxy(env);
      const machine = thisMachine();
      if (needs.server) {
        const index = indexSchema.parse(parse((await get(sites.envtestIndex)).toString('utf8')));
        const { url, sha512 } = chooseEnvtest(index, machine);
        await unpack(await download(url, 'sha512', sha512, say), to.server, ['etcd', 'kube-apiserver', 'kubectl']);
      }
      if (needs.helm) {
        const url = `${sites.helm}/helm-v${HELM}-${machine}.tar.gz`;
        const [sha256 = ''] = (await get(`${url}.sha256sum`)).toString('utf8').split(/\s/);
        await unpack(await download(url, 'sha256', sha256, say), to.helm, ['helm']);
      }
    },
  };
}

async function download(
  url: string,
  algorithm: 'sha256' | 'sha512',
  published: string,
  say: (line: string) => void,
): Promise<Buffer> {
  const startMs = performance.now();
  const bytes = await get(url, DOWNLOAD_MS);
  const sum = createHash(algorithm).update(bytes).digest('hex');
  if (sum !== published.toLowerCase()) {
    throw new Error(`${url} has the ${algorithm} ${sum}, and ${published} is published: not used`);
  }
  const seconds = Math.round((performance.now() - startMs) / 1000);
  say(`  ${basename(url)}: ${Math.round(bytes.length / 1_000_000)} MB in ${seconds} s, checksum right`);
  return bytes;
}

async function get(url: string, ms = ANSWER_MS): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ms) });
    if (!response.ok) throw new Error(`the answer is ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new Error(`${url} can't be had: ${errorText(cause)}`, { cause: error });
  }
}

/** The archives lay their programs into folders of their own naming. */
async function unpack(archive: Buffer, to: string, programs: readonly string[]): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'relax-kube-unpack-'));
  try {
    const file = join(work, 'archive.tar.gz');
    writeFileSync(file, archive);
    const command = ['tar', '-xzf', file, '-C', work];
    const outcome = await runStep({ name: 'tar', command, timeoutMs: UNPACK_MS });
    if (!outcome.ok) throw new Error(`tar: ${outcome.why}`);
    for (const name of programs) {
      const at = readdirSync(work, { recursive: true, encoding: 'utf8' }).find((path) => basename(path) === name);
      if (at === undefined) throw new Error(`the archive has no ${name}`);
      // A copy, since the cache may be on another file system.
      copyFileSync(join(work, at), join(to, name));
      chmodSync(join(to, name), 0o755);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
