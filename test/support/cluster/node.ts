import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { Command } from '#test/support/command.ts';
import type { KubeBinaries } from '#test/support/kube/binaries.ts';
import type { ProcessGroup, Program } from '#test/support/kube/process-group.ts';
import { waitFor } from '#test/support/wait.ts';

export const PAUSE_IMAGE = 'localhost/pause:1';
export const DNS_ADDRESS = '10.0.0.10';

export interface NodeOptions {
  group: ProcessGroup;
  binaries: KubeBinaries;
  kubeconfigPath: string;
  number: number;
  zone: string;
}

/**
 * A node: containerd, runc and kubelet, in the network of this process. Its pods have 10.244.<number>.0/24, itself has
 * 10.244.<number>.1.
 */
export class ClusterNode {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
  readonly subnet: string;
  readonly #options: NodeOptions;
  readonly #folder: string;
  readonly #socket: string;
  readonly #ctr: Command;
  #containerd: Program | undefined;
  #kubelet: Program | undefined;

  constructor(options: NodeOptions) {
    const { number, zone, group } = options;
    this.#options = options;
    this.name = `node-${number}`;
    this.zone = zone;
    this.address = `10.244.${number}.1`;
    this.subnet = `10.244.${number}.0/24`;
    this.#folder = join(group.folder, this.name);
    this.#socket = join(this.#folder, 'containerd.sock');
    this.#ctr = new Command(programOf(options.binaries, 'ctr'), ['-a', this.#socket, '-n', 'k8s.io']);
  }

  /** Makes its files, starts containerd and takes the images in. */
  async prepare(images: readonly Promise<string>[]): Promise<void> {
    mkdirSync(join(this.#folder, 'cni'), { recursive: true });
    await new Command('ip').must(['address', 'replace', `${this.address}/32`, 'dev', 'lo']);
    writeFileSync(join(this.#folder, 'cni/10-ptp.conflist'), JSON.stringify(this.#network()));
    // JSON is YAML; containerd reads TOML.
    writeFileSync(join(this.#folder, 'kubelet.yaml'), stringify(this.#kubeletConfig()));
    writeFileSync(join(this.#folder, 'containerd.toml'), this.#containerdConfig());
    await this.#startContainerd();
    for (const image of images) await this.#ctr.must(['images', 'import', await image]);
  }

  /** Resolves when kubelet runs; `kubectl wait` tells when the node is Ready. */
  startKubelet(): void {
    const { group, binaries, kubeconfigPath } = this.#options;
    this.#kubelet = group.start(`${this.name}-kubelet`, programOf(binaries, 'kubelet'), [
      '--config',
      join(this.#folder, 'kubelet.yaml'),
      '--kubeconfig',
      kubeconfigPath,
      '--hostname-override',
      this.name,
      '--node-ip',
      this.address,
      '--root-dir',
      join(this.#folder, 'kubelet'),
      '--cert-dir',
      join(this.#folder, 'pki'),
      '--node-labels',
      `topology.kubernetes.io/zone=${this.zone}`,
    ]);
  }

  /** As when its power is cut: every process of it is gone at once. */
  async kill(): Promise<void> {
    this.#kubelet?.signal('SIGKILL');
    this.#containerd?.signal('SIGKILL');
    // A shim serves a pod and outlives containerd; its children are the pod's containers.
    const shims = processes().filter(({ command }) => command.includes(this.#socket) && command.includes('shim'));
    const victims = processes().filter((each) => shims.some(({ pid }) => pid === each.parent));
    for (const { pid } of [...shims, ...victims]) killIfThere(pid);
    await Promise.all([this.#kubelet?.exited, this.#containerd?.exited]);
  }

  /** Power is back. */
  async revive(): Promise<void> {
    await this.#startContainerd();
    this.startKubelet();
  }

  async #startContainerd(): Promise<void> {
    const { group, binaries } = this.#options;
    const config = ['--config', join(this.#folder, 'containerd.toml')];
    const containerd = group.start(`${this.name}-containerd`, programOf(binaries, 'containerd'), config);
    this.#containerd = containerd;
    await waitFor(async () => (await this.#ctr.run(['version'])).code === 0 || !containerd.running, {
      timeoutMs: 30_000,
      everyMs: 100,
      what: `containerd of ${this.name}`,
    }).catch((cause: unknown) => {
      throw new Error(`containerd of ${this.name} does not answer:\n${containerd.logTail()}`, { cause });
    });
    if (!containerd.running) throw new Error(`containerd of ${this.name} ended:\n${containerd.logTail()}`);
  }

  #network(): object {
    const ranges = [[{ subnet: this.subnet, rangeStart: this.subnet.replace('.0/24', '.10') }]];
    const ipam = { type: 'host-local', ranges, routes: [{ dst: '0.0.0.0/0' }], dataDir: join(this.#folder, 'ipam') };
    return { cniVersion: '1.0.0', name: this.name, plugins: [{ type: 'ptp', ipMasq: false, ipam }] };
  }

  /** No QoS cgroups and no eviction: the nodes share the machine's memory, disk and cgroups. */
  #kubeletConfig(): object {
    return {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
      authorization: { mode: 'AlwaysAllow' },
      address: this.address,
      port: 10250,
      readOnlyPort: 0,
      healthzPort: 0,
      cgroupDriver: 'cgroupfs',
      cgroupsPerQOS: false,
      enforceNodeAllocatable: [],
      failCgroupV1: false,
      failSwapOn: false,
      containerRuntimeEndpoint: `unix://${this.#socket}`,
      clusterDNS: [DNS_ADDRESS],
      clusterDomain: 'cluster.local',
      resolvConf: '',
      podLogsDir: join(this.#folder, 'pods'),
      volumePluginDir: join(this.#folder, 'plugins'),
      localStorageCapacityIsolation: false,
      imageGCHighThresholdPercent: 100,
      evictionHard: {
        'memory.available': '1Mi',
        'nodefs.available': '0%',
        'imagefs.available': '0%',
        'nodefs.inodesFree': '0%',
      },
    };
  }

  #containerdConfig(): string {
    const folder = this.#folder;
    return `
version = 3
root = "${folder}/containerd"
state = "${folder}/run"
[grpc]
  address = "${this.#socket}"
[plugins.'io.containerd.internal.v1.opt']
  path = "${folder}/opt"
[plugins.'io.containerd.nri.v1.nri']
  disable = true
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "${PAUSE_IMAGE}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
    SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["${CNI_FOLDER}"]
  conf_dir = "${folder}/cni"
`;
  }
}

/** Where Debian's containernetworking-plugins are. */
export const CNI_FOLDER = '/usr/lib/cni';

export function programOf(binaries: KubeBinaries, name: keyof KubeBinaries): string {
  const path = binaries[name];
  if (path === undefined) throw new Error(`${name} is not beside ${binaries.kubectl}`);
  return path;
}

interface RunningProcess {
  pid: number;
  parent: number;
  command: string;
}

function processes(): RunningProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/status`, 'utf8');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(name), parent: Number(/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0), command }];
      } catch {
        return []; // it has just ended
      }
    });
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
