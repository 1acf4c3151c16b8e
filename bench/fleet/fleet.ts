import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CONNECTOR_FLAGS } from '../../core/process/runtime.ts';
import { joinCredentials } from '../../core/protocol/app-credentials.ts';
import { encodeSlot, type KindFields, parseSlotID, type SlotID } from '../../core/protocol/assignment.ts';
import { clusterKeys } from '../../core/protocol/keys.ts';
import { newFleetKey, parseFleetKeys, sealingKey } from '../../core/protocol/seal.ts';
import { decodeSession } from '../../core/protocol/session.ts';
import type { IoredisClient } from '../../core/redis/ioredis-client.ts';
import { generatedApp, generatedInstallation } from '../../slack-simulator/app.ts';
import { generatedTeam } from '../../slack-simulator/team.ts';
import { NETWORK_FILE } from '../../test/support/network/network.ts';
import { startRedis } from '../../test/support/redis-server.ts';
import { benchRedis } from '../redis.ts';
import { assignedSlot } from './assigned-slot.ts';
import { LOOP_FILE } from './loop-cpu.ts';

const CLUSTER = 'bench';
const keys = clusterKeys(CLUSTER);
const here = import.meta.dirname;

/** What is assigned to a pod: slot -> what it connects with, and whose it is. */
export type Assigned = ReadonlyMap<SlotID, { token: string; kind: KindFields }>;

/** One slot for each of the first teams, as replica `index`. */
export function rtmSlots(teams: number, index: number): Assigned {
  const all = Array.from({ length: teams }, (_, at) => ({ n: at + 1, ...generatedTeam(at + 1) }));
  return new Map(all.map(({ n, teamID, token }) => [`rtm-${n}/${index}`, { token, kind: { kind: 'rtm', teamID } }]));
}

/** Of the app that has this number. @param index which of its sockets */
export function socketModeSlot(n: number, index: number): Assigned {
  const { appToken } = generatedApp(n);
  const { teamID } = generatedInstallation(n, 1);
  const kind: KindFields = { kind: 'socketMode', teamID, replies: 'off', delayedEvents: false };
  const token = joinCredentials({ appToken, botToken: undefined });
  return new Map([[`app-${n}/${index}`, { token, kind }]]);
}

export interface Pod {
  child: ChildProcess;
  /** Where it writes what `loop-cpu.ts` has measured. */
  loop: string;
  /** Text of /metrics. */
  metrics(): Promise<string>;
}

/** Real connectors on one real Redis, assigned as the planner would. */
export class Fleet {
  readonly redis: IoredisClient;
  readonly folder: string;
  readonly pods: Pod[] = [];
  readonly #redisURL: string;
  readonly #stopRedis: () => Promise<void>;
  readonly #key = newFleetKey();
  readonly #children: ChildProcess[] = [];

  private constructor(server: Awaited<ReturnType<typeof startRedis>>, redis: IoredisClient) {
    this.folder = mkdtempSync(join(tmpdir(), 'relax-bench-'));
    this.redis = redis;
    this.#redisURL = server.url;
    this.#stopRedis = () => server.stop();
    writeFileSync(join(this.folder, 'keys'), this.#key);
  }

  static async start(): Promise<Fleet> {
    const server = await startRedis();
    const redis = await benchRedis(server.url);
    return new Fleet(server, redis);
  }

  get networkFile(): string {
    return join(this.folder, 'network');
  }

  /** @param env RELAX_SLACK_API_URL, NODE_EXTRA_CA_CERTS and whatever else this pod needs */
  async startPod(name: string, slots: Assigned, env: Readonly<Record<string, string>>): Promise<Pod> {
    await this.#assign(name, slots);
    const loop = join(this.folder, `loop-${name}`);
    const args = [
      '--import',
      join(here, 'loop-cpu.ts'),
      '--import',
      join(here, '..', '..', 'test', 'support', 'network', 'bent-lookups.ts'),
      join(here, '..', '..', 'bin', 'relax.mjs'),
      'connector',
    ];
    const child = spawn(process.execPath, [...CONNECTOR_FLAGS.node, ...args], {
      env: {
        PATH: process.env.PATH ?? '',
        RELAX_REDIS_URL: this.#redisURL,
        RELAX_FLEET_KEY_FILE: join(this.folder, 'keys'),
        RELAX_CLUSTER: CLUSTER,
        RELAX_POD: name,
        RELAX_ZONE: name,
        RELAX_METRICS_PORT: '0',
        RELAX_METRICS_HOST: '127.0.0.1',
        [NETWORK_FILE]: this.networkFile,
        [LOOP_FILE]: loop,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    const pod: Pod = { child, loop, metrics: async () => (await fetch(`${await port}/metrics`)).text() };
    const port = new Promise<string>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (process.env.RELAX_BENCH_LOG !== undefined) process.stderr.write(`${name}: ${line}\n`);
        const { msg, port: found } = JSON.parse(line) as { msg?: string; port?: number };
        if (msg === 'starting connector') resolve(`http://127.0.0.1:${found}`);
      });
    });
    this.pods.push(pod);
    return pod;
  }

  async #assign(pod: string, assigned: Assigned): Promise<void> {
    const key = sealingKey(parseFleetKeys(this.#key), []);
    const slots: Record<string, string> = {};
    for (const [id, { token, kind }] of assigned) {
      const { ownerUid } = parseSlotID(id);
      slots[id] = encodeSlot(
        assignedSlot({ token, kind, bot: `bots/${ownerUid}` }, key, { cluster: CLUSTER, ownerUid }),
      );
    }
    await this.redis.hset(keys.assign(pod), slots);
    await this.redis.set(keys.version(pod), '1');
  }

  /** How often the pod wrote reports, by its session. */
  async reportWrites(pod: string): Promise<number> {
    return decodeSession((await this.redis.get(keys.session(pod))) ?? '')?.reportVersion ?? 0;
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    this.redis.close();
    await this.#stopRedis();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
