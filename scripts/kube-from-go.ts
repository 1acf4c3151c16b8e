import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ETCD, HELM, KUBERNETES, type KubeNeeds, type KubeSource } from './kube-versions.ts';
import { runStep } from './step.ts';

/** The `go` line of Kubernetes' own go.mod. */
const LEAST_GO = [1, 26] as const;
/** From here on Go fetches a newer one of itself through its module proxy, unless it is told not to. */
const SELF_FETCHING_GO = [1, 21] as const;
/** One program, on a slow machine with a cold cache; longer means that something hangs. */
const STEP_MS = 45 * 60_000;
const PROGRESS_MS = 20_000;

/** k8s.io/kubernetes takes these from its own tree; as a module it must be told which version that is. */
const STAGING = (
  'api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap ' +
  'code-generator component-base component-helpers controller-manager cri-api cri-client csi-translation-lib ' +
  'dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy ' +
  'kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission sample-apiserver sample-cli-plugin ' +
  'sample-controller streaming cri-streaming'
).split(' ');

/** What `go env GOVERSION GOTOOLCHAIN` says: "go1.26.8" and "auto" or "local". */
export interface GoFacts {
  version: string;
  toolchain: string;
}

/** Pure. @returns why this Go can't build Kubernetes; undefined when it can */
export function goFault(go: GoFacts | undefined): string | undefined {
  if (go === undefined) return 'there is no Go here';
  const [, major = '0', minor = '0'] = /^go(\d+)\.(\d+)/.exec(go.version) ?? [];
  const isFrom = ([least, leastMinor]: readonly [number, number]): boolean =>
    Number(major) > least || (Number(major) === least && Number(minor) >= leastMinor);
  if (isFrom(LEAST_GO) || (isFrom(SELF_FETCHING_GO) && go.toolchain.includes('auto'))) return undefined;
  return `${go.version || 'this Go'} is too old, Kubernetes ${KUBERNETES} needs ${LEAST_GO.join('.')}`;
}

export function goFacts(env: NodeJS.ProcessEnv): GoFacts | undefined {
  const { status, stdout } = spawnSync('go', ['env', 'GOVERSION', 'GOTOOLCHAIN'], { env, encoding: 'utf8' });
  if (status !== 0) return undefined;
  const [version = '', toolchain = ''] = stdout.split('\n').map((line) => line.trim());
  return { version, toolchain };
}

/** Builds from Go modules. */
export function goSource(env: NodeJS.ProcessEnv, go: GoFacts, say: (line: string) => void): KubeSource {
  return {
    name: 'go',
    folder: `${KUBERNETES}-go`,
    announcement({ server, helm }) {
      const what = [
        ...(server ? [`etcd ${ETCD}, kubectl and kube-apiserver ${KUBERNETES}`] : []),
        ...(helm ? [`helm ${HELM}`] : []),
      ];
      const cost = server ? 'some 10 minutes on two cores and 4 GB' : 'some 2 minutes on two cores and 1 GB';
      return `Building ${what.join(' and ')} with ${go.version} from Go's module proxy, once: ${cost} in Go's own cache.`;
    },
    async fill(needs, to) {
      const work = mkdtempSync(join(tmpdir(), 'relax-kube-build-'));
      const remove = (): void => rmSync(work, { recursive: true, force: true });
      // Also when the run is interrupted.
      process.once('exit', remove);
      try {
        await build(new GoBuild(work, env, say), needs, to);
      } finally {
        process.off('exit', remove);
        remove();
      }
    },
  };
}

async function build(go: GoBuild, needs: KubeNeeds, to: { server: string; helm: string }): Promise<void> {
  if (needs.helm) {
    const target = `helm.sh/helm/v3/cmd/helm@v${HELM}`;
    await go.run('helm', go.work, ['install', '-v', '-trimpath', '-ldflags', '-s -w', target], { GOBIN: to.helm });
  }
  if (!needs.server) return;
  const etcd = await go.module('etcd');
  await go.run('etcd', etcd, ['get', `go.etcd.io/etcd/server/v3@v${ETCD}`]);
  await go.build('etcd', etcd, '-s -w', to.server, 'go.etcd.io/etcd/server/v3');

  const kubernetes = await go.module('kubernetes');
  const [, minor, patch] = KUBERNETES.split('.');
  const replaces = STAGING.map((name) => `-replace=k8s.io/${name}=k8s.io/${name}@v0.${minor}.${patch}`);
  const requires = ['-go=1.26.0', `-require=k8s.io/kubernetes@v${KUBERNETES}`];
  await go.run('kubernetes', kubernetes, ['mod', 'edit', ...requires, ...replaces]);
  const stamps = [`gitVersion=v${KUBERNETES}`, 'gitMajor=1', `gitMinor=${minor}`, 'gitTreeState=clean'];
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  const flags = stamps.flatMap((stamp) => packages.map((name) => `-X ${name}.${stamp}`));
  for (const name of ['kubectl', 'kube-apiserver']) {
    const ldflags = `-s -w ${flags.join(' ')}`;
    await go.build(name, kubernetes, ldflags, to.server, `k8s.io/kubernetes/cmd/${name}`);
  }
}

class GoBuild {
  readonly work: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #say: (line: string) => void;

  constructor(work: string, env: NodeJS.ProcessEnv, say: (line: string) => void) {
    this.work = work;
    this.#env = env;
    this.#say = say;
  }

  async module(name: string): Promise<string> {
    const folder = join(this.work, name);
    mkdirSync(folder);
    await this.run(name, folder, ['mod', 'init', `example.test/${name}`]);
    return folder;
  }

  build(name: string, folder: string, ldflags: string, to: string, target: string): Promise<void> {
    return this.run(name, folder, ['build', '-v', '-trimpath', '-ldflags', ldflags, '-o', join(to, name), target]);
  }

  /** @throws Error with the last words of Go */
  async run(name: string, folder: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
    const progress = new Progress(name);
    const timer = setInterval(() => this.#say(progress.line()), PROGRESS_MS);
    const outcome = await runStep({
      name: `go ${args[0]}`,
      command: ['go', ...args],
      cwd: folder,
      env: { ...this.#env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', ...env },
      onLine: (line) => progress.take(line),
      timeoutMs: STEP_MS,
    });
    clearInterval(timer);
    if (!outcome.ok) throw new Error(`${name}: go ${args[0]}: ${outcome.why}: ${progress.lastWords}`);
    if (args.includes('-v')) this.#say(`${progress.line()}, done`);
  }
}

/** What `go build -v` says while it works. */
class Progress {
  readonly #name: string;
  readonly #startMs = performance.now();
  #modules = 0;
  #packages = 0;
  lastWords = '';

  constructor(name: string) {
    this.#name = name;
  }

  take(line: string): void {
    if (line.startsWith('go: downloading ')) this.#modules += 1;
    else if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) this.#packages += 1;
    else if (line.trim() !== '') this.lastWords = line.trim().slice(0, 300);
  }

  line(): string {
    const seconds = Math.round((performance.now() - this.#startMs) / 1000);
    return `  ${this.#name}: ${seconds} s, ${this.#modules} modules fetched, ${this.#packages} packages compiled`;
  }
}
