import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from '#test/support/command.ts';
import { type ApiServer, startApiServer } from '#test/support/kube/api-server.ts';
import { ProcessGroup } from '#test/support/kube/process-group.ts';
import { buildPauseImage, buildRelaxImage } from './image.ts';
import { ClusterNode, DNS_ADDRESS, PAUSE_IMAGE, programOf } from './node.ts';

/** Where the API server is, and whatever else pods must reach outside of the cluster. */
export const OUTSIDE = '10.244.0.1';
export const RELAX_REPOSITORY = 'registry.example/relax';

/**
 * A Kubernetes cluster: control plane, cluster DNS, kube-proxy, and a node in each zone that has an image made of this
 * repository. All of it in the network of this process, which must be one of its own: namespace.sh.
 */
export class Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly kubectl: Command;
  readonly helm: Command;
  readonly #api: ApiServer;
  readonly #group: ProcessGroup;
  readonly #iptables = new Command('iptables', ['-w']);

  private constructor(api: ApiServer, group: ProcessGroup, nodes: readonly ClusterNode[]) {
    this.#api = api;
    this.#group = group;
    this.nodes = nodes;
    this.kubectl = new Command(api.binaries.kubectl, ['--kubeconfig', api.kubeconfigPath]);
    this.helm = new Command(programOf(api.binaries, 'helm'), ['--kubeconfig', api.kubeconfigPath]);
  }

  /** @param folder exists and is removed by whoever gave it; `tag` is that of the image */
  static async start(options: { folder: string; zones: readonly string[]; tag: string }): Promise<Cluster> {
    const { folder, zones, tag } = options;
    await new Command('ip').must(['address', 'replace', `${OUTSIDE}/32`, 'dev', 'lo']);
    await new Command('ip').must(['address', 'replace', `${DNS_ADDRESS}/32`, 'dev', 'lo']);
    const images = [
      buildPauseImage(subfolder(folder, 'pause'), PAUSE_IMAGE),
      buildRelaxImage(subfolder(folder, 'relax'), `${RELAX_REPOSITORY}:${tag}`),
    ];
    // Whoever waits first is told; the others must not count as unheard.
    for (const image of images) image.catch(() => undefined);
    const api = await startApiServer({ controllerManager: true, scheduler: true, advertise: OUTSIDE });
    const { binaries, kubeconfigPath } = api;
    const group = new ProcessGroup(subfolder(folder, 'nodes'));
    const nodes = zones.map(
      (zone, index) => new ClusterNode({ group, binaries, kubeconfigPath, number: index + 1, zone }),
    );
    const cluster = new Cluster(api, group, nodes);
    try {
      await cluster.#startNetwork();
      await Promise.all(nodes.map((node) => node.prepare(images)));
      for (const node of nodes) node.startKubelet();
      await cluster.untilReady();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  node(name: string): ClusterNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  }

  async untilReady(): Promise<void> {
    for (const { name } of this.nodes) {
      await this.kubectl.must(['wait', '--for=create', `node/${name}`, '--timeout=60s']);
      await this.kubectl.must(['wait', '--for=condition=Ready', `node/${name}`, '--timeout=60s']);
    }
  }

  /** Nothing of the zone's pods reaches anything outside the zone, nor the other way, and no end of it is told. */
  async cut(node: ClusterNode): Promise<void> {
    for (const rule of cutRules(node)) await this.#iptables.must(['-I', ...rule]);
  }

  async repair(node: ClusterNode): Promise<void> {
    for (const rule of cutRules(node)) await this.#iptables.must(['-D', ...rule]);
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await node.kill();
    await this.#group.stop(0);
    await this.#api.stop();
  }

  async #startNetwork(): Promise<void> {
    const { folder } = this.#group;
    const { binaries, kubeconfigPath } = this.#api;
    const corefile = join(folder, 'Corefile');
    const zones = `kubernetes cluster.local in-addr.arpa {\n kubeconfig ${kubeconfigPath} user\n }`;
    writeFileSync(corefile, `.:53 {\n bind ${DNS_ADDRESS}\n ${zones}\n cache 2\n errors\n}\n`);
    this.#group.start('coredns', programOf(binaries, 'coredns'), ['-conf', corefile]);

    // One serves all nodes, since they share the network.
    const proxy = join(folder, 'proxy.yaml');
    const config = {
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      clientConnection: { kubeconfig: kubeconfigPath },
      mode: 'iptables',
      clusterCIDR: '10.244.0.0/16',
      hostnameOverride: 'node-1',
      healthzBindAddress: `${OUTSIDE}:10256`,
      metricsBindAddress: `${OUTSIDE}:10249`,
      conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    };
    writeFileSync(proxy, JSON.stringify(config));
    this.#group.start('kube-proxy', programOf(binaries, 'kube-proxy'), ['--config', proxy]);
  }
}

/** Kubelet's probes come from the node's own address, which stays reachable: a cut zone goes on by itself. */
function cutRules({ subnet, address }: ClusterNode): string[][] {
  const drop = ['-j', 'DROP'];
  return [
    ['FORWARD', '-s', subnet, ...drop],
    ['FORWARD', '-d', subnet, ...drop],
    ['INPUT', '-s', subnet, '!', '-d', address, ...drop],
    ['OUTPUT', '-d', subnet, '!', '-s', address, ...drop],
  ];
}

function subfolder(folder: string, name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}
