import { connectTo, type TestRedis } from './redis-fixture.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { waitFor } from './wait.ts';

const SLOTS = 16_384;
const PRIMARIES = 3;
/** A failover begins when a primary was silent for so long. */
const NODE_TIMEOUT_MS = 1_500;

export interface ClusterNode {
  server: RedisServer;
  /** A plain connection to this node alone. */
  admin: TestRedis;
  id: string;
}

/** Three primaries with a replica each: real processes on loopback, with a port for the cluster bus 10,000 above. */
export class RedisCluster {
  readonly nodes: readonly ClusterNode[];

  private constructor(nodes: readonly ClusterNode[]) {
    this.nodes = nodes;
  }

  static async start(): Promise<RedisCluster> {
    const nodes = await Promise.all(Array.from({ length: 2 * PRIMARIES }, startNode));
    const cluster = new RedisCluster(nodes);
    try {
      await cluster.#join();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Where a client may begin. */
  get ports(): number[] {
    return this.nodes.map(({ server }) => server.port);
  }

  /** The primary that has this key's slot, then its replicas, as some node that is up has it. */
  async holdersOf(key: string): Promise<[primary: ClusterNode, ...replicas: ClusterNode[]]> {
    for (const { admin } of this.nodes.filter((node) => node.admin.isReady)) {
      const slot = Number(await admin.cluster('KEYSLOT', key));
      for (const [from, to, ...holders] of await admin.cluster('SLOTS')) {
        const [primary, ...replicas] = holders.map(([, , id]) => this.#node(id));
        if (slot >= from && slot <= to && primary !== undefined) return [primary, ...replicas];
      }
    }
    throw new Error(`no node knows who has ${key}`);
  }

  /** Whether every slot is served, and every node up knows it; replicas have what their primary has. */
  async isWell(): Promise<boolean> {
    for (const { admin } of this.nodes.filter((node) => node.admin.isReady)) {
      if (!String(await admin.cluster('INFO')).includes('cluster_state:ok')) return false;
      const replication = await admin.info('replication');
      if (replication.includes('role:slave') && !replication.includes('master_link_status:up')) return false;
    }
    return true;
  }

  async stop(): Promise<void> {
    for (const { admin } of this.nodes) admin.close();
    await Promise.all(this.nodes.map(({ server }) => server.stop()));
  }

  #node(id: string): ClusterNode {
    const found = this.nodes.find((node) => node.id === id);
    if (found === undefined) throw new Error(`no such node: ${id}`);
    return found;
  }

  async #join(): Promise<void> {
    const [first, ...others] = this.nodes;
    if (first === undefined) throw new Error('a cluster of no nodes');
    const primaries = this.nodes.slice(0, PRIMARIES);
    for (const [index, { admin }] of this.nodes.entries()) await admin.cluster('SET-CONFIG-EPOCH', index + 1);
    for (const [index, { admin }] of primaries.entries()) {
      const from = Math.ceil((SLOTS * index) / PRIMARIES);
      const to = Math.ceil((SLOTS * (index + 1)) / PRIMARIES);
      await admin.cluster('ADDSLOTS', ...Array.from({ length: to - from }, (_, n) => from + n));
    }
    for (const { server } of others) await first.admin.cluster('MEET', '127.0.0.1', server.port);
    const knowsAll = async ({ admin }: ClusterNode): Promise<boolean> =>
      String(await admin.cluster('INFO')).includes(`cluster_known_nodes:${this.nodes.length}`);
    await until(async () => (await Promise.all(this.nodes.map(knowsAll))).every(Boolean), 'all nodes to have met');
    for (const [index, { admin }] of this.nodes.slice(PRIMARIES).entries()) {
      const primary = primaries[index]?.id ?? '';
      await until(async () => (await admin.cluster('REPLICATE', primary)) === 'OK', 'a replica to know its primary');
    }
    const listsReplicas = async (): Promise<boolean> => {
      const ranges = await first.admin.cluster('SLOTS');
      return ranges.length === PRIMARIES && ranges.every((range) => range.length > 3);
    };
    await until(async () => (await this.isWell()) && (await listsReplicas()), 'the cluster to be well');
  }
}

const until = (condition: () => Promise<boolean>, what: string): Promise<true> =>
  waitFor(condition, { timeoutMs: 20_000, everyMs: 50, what });

async function startNode(): Promise<ClusterNode> {
  const args = ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'];
  args.push('--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--repl-diskless-sync-delay', '0');
  const server = await startRedis({ args });
  const admin = await connectTo(server, { name: 'admin' });
  return { server, admin, id: String(await admin.cluster('MYID')) };
}
