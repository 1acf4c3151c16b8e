import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SlackApp } from '#core/api/slackapp.ts';
import type { SlackBot } from '#core/api/slackbot.ts';
import { CONNECTOR_FLAGS, type RuntimeName } from '#core/process/runtime.ts';
import { clusterKeys } from '#core/protocol/keys.ts';
import { newFleetKey } from '#core/protocol/seal.ts';
import { decodeSession, type Session } from '#core/protocol/session.ts';
import { startSimulator } from '#slack-simulator/simulator.ts';
import type { Simulator } from '#slack-simulator/simulator-api.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import type { Command } from '#test/support/command.ts';
import { kubectl, type SharedKube } from '#test/support/kube/kube-suite.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { type RedisServer, startRedis } from '#test/support/redis-server.ts';
import { waitFor } from '#test/support/wait.ts';
import { BIN, RelaxProgram } from './relax-program.ts';

const CLUSTER = 'e2e';
const ROOT = join(import.meta.dirname, '../../..');

/** As the image's entry chooses it. */
function connectorRuntime(): [file: string, ...flags: string[]] {
  const name: RuntimeName = process.env.RELAX_CONNECTOR_RUNTIME === 'node' ? 'node' : 'bun';
  return [join(ROOT, 'node_modules/.bin', name), ...CONNECTOR_FLAGS[name]];
}

/** Operators and connectors as processes, around a real API server, a real Redis and a Slack stand-in with TLS. */
export class KubeFleet {
  readonly namespace: string;
  readonly queue = 'relax:events';
  readonly kubectl: Command;
  readonly redis: TestRedis;
  readonly slack: Simulator;
  readonly server: RedisServer;
  readonly #kubeconfig: string;
  readonly #folder: string;
  readonly programs = new Map<string, RelaxProgram>();

  private constructor(parts: {
    kube: SharedKube;
    slack: Simulator;
    server: RedisServer;
    redis: TestRedis;
    folder: string;
    namespace: string;
  }) {
    this.namespace = parts.namespace;
    this.kubectl = kubectl(parts.kube);
    this.#kubeconfig = parts.kube.kubeconfigPath;
    this.slack = parts.slack;
    this.server = parts.server;
    this.redis = parts.redis;
    this.#folder = parts.folder;
  }

  /** @param namespace of the SlackBots and the operators' Lease; made here, since all files share the API server */
  static async start(kube: SharedKube, namespace = 'bots'): Promise<KubeFleet> {
    const folder = mkdtempSync(join(tmpdir(), 'relax-e2e-'));
    writeFileSync(join(folder, 'fleet.keys'), `${newFleetKey()}\n`, { mode: 0o600 });
    const server = await startRedis({ appendOnly: true });
    // Generous, so that the tests need not wait out Slack's minute; Relax's own budget still holds (see `minutePasses`).
    const limits = { connectBurst: 100, connectPerMinute: 600, retryDelaysMs: [0, 5_000, 15_000] };
    const slack = await startSimulator({ tls: true, ...limits });
    const redis = await connectTo(server);
    const fleet = new KubeFleet({ kube, slack, server, redis, folder, namespace });
    await fleet.kubectl.must(['apply', '-f', join(import.meta.dirname, '../../../crds')]);
    const crds = ['crd/slackbots.relax.dev', 'crd/slackapps.relax.dev'];
    await fleet.kubectl.must(['wait', '--for=condition=Established', ...crds, '--timeout=60s']);
    await fleet.kubectl.must(['create', 'namespace', fleet.namespace]);
    return fleet;
  }

  /** @param more environment that differs, such as RELAX_POD for a second one of that name */
  operator(name: string, more: Readonly<Record<string, string>> = {}): RelaxProgram {
    const own = { KUBECONFIG: this.#kubeconfig, RELAX_LEADER_NAMESPACE: this.namespace };
    const env = { ...this.#env(name), ...own, ...more };
    return this.#run(name, new RelaxProgram(name, ['operator'], env));
  }

  /** @param more environment that differs, such as RELAX_SLACK_API_URL where it reaches Slack by another way */
  connector(name: string, zone: string, more: Readonly<Record<string, string>> = {}): RelaxProgram {
    const env = {
      ...this.#env(name),
      RELAX_ZONE: zone,
      RELAX_SLACK_API_URL: this.slack.url,
      NODE_EXTRA_CA_CERTS: this.slack.caFile ?? '',
      RELAX_GRACE_SECONDS: '20',
      ...more,
    };
    return this.#run(name, new RelaxProgram(name, ['connector'], env, { command: [...connectorRuntime(), BIN] }));
  }

  program(name: string): RelaxProgram {
    const found = this.programs.get(name);
    if (found === undefined) throw new Error(`no program ${name} was started`);
    return found;
  }

  /** Applies the nth generated team's Secret and SlackBot. */
  async applyBots(numbers: readonly number[]): Promise<void> {
    for (const n of numbers) {
      const team = generatedTeam(n);
      if (!this.slack.teams().some(({ teamID }) => teamID === team.teamID)) this.slack.addTeam(team);
    }
    await this.apply(numbers.flatMap((n) => [secretOf(n, this.namespace), botOf(n, this.namespace)]));
  }

  async apply(items: readonly object[]): Promise<void> {
    await this.kubectl.must(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  }

  /** The token in the Secret of bot n is this from now on. */
  async setToken(n: number, token: string): Promise<void> {
    const patch = JSON.stringify({ stringData: { token } });
    await this.kubectl.must(['-n', this.namespace, 'patch', 'secret', botNameOf(n), '--type=merge', '-p', patch]);
  }

  async patchSpec(n: number, spec: object): Promise<void> {
    const patch = JSON.stringify({ spec });
    await this.kubectl.must(['-n', this.namespace, 'patch', 'slackbot', botNameOf(n), '--type=merge', '-p', patch]);
  }

  async bots(): Promise<SlackBot[]> {
    const list = JSON.parse(await this.kubectl.must(['-n', this.namespace, 'get', 'slackbots', '-o', 'json']));
    return list.items as SlackBot[];
  }

  async apps(): Promise<SlackApp[]> {
    const list = JSON.parse(await this.kubectl.must(['-n', this.namespace, 'get', 'slackapps', '-o', 'json']));
    return list.items as SlackApp[];
  }

  async bot(n: number): Promise<SlackBot | undefined> {
    return (await this.bots()).find(({ metadata }) => metadata.name === botNameOf(n));
  }

  /** Waits until these bots' status satisfies the condition; shows those that don't when time is up. */
  async untilBots(
    what: string,
    condition: (bot: SlackBot) => boolean,
    options: { numbers?: readonly number[]; timeoutMs?: number } = {},
  ): Promise<SlackBot[]> {
    const names = options.numbers?.map(botNameOf);
    let wrong: SlackBot[] = [];
    return waitFor(
      async () => {
        const bots = (await this.bots()).filter(({ metadata }) => names?.includes(metadata.name) ?? true);
        wrong = bots.filter((bot) => !condition(bot));
        return bots.length > 0 && wrong.length === 0 && bots;
      },
      { timeoutMs: options.timeoutMs ?? 60_000, everyMs: 250, what },
    ).catch((cause: unknown) => {
      const shown = wrong.slice(0, 3).map(({ metadata, status }) => JSON.stringify({ name: metadata.name, status }));
      throw new Error(`${what}: ${wrong.length} bots are not so, such as\n${shown.join('\n')}\n${this.#tails()}`, {
        cause,
      });
    });
  }

  /** The operator that holds the Lease. */
  async leader(): Promise<string | undefined> {
    const json = await this.kubectl.must(['-n', this.namespace, 'get', 'leases', '-o', 'json']);
    const holder: string = JSON.parse(json).items[0]?.spec?.holderIdentity ?? '';
    return [...this.programs.keys()].find((name) => holder.startsWith(name));
  }

  /** The session lease of a connector as Redis has it. */
  async session(pod: string): Promise<Session | undefined> {
    return decodeSession((await this.redis.get(clusterKeys(CLUSTER).session(pod))) ?? '');
  }

  /** What Redis and the programs know, for a failure message. */
  async story(): Promise<string> {
    const keys = clusterKeys(CLUSTER);
    const pods = await this.redis.zrange(keys.pods, 0, '-1');
    const lines = await Promise.all(
      pods.map(async (pod) => {
        const slots = Object.entries(await this.redis.hgetall(keys.assign(pod))).map(([id, json]) => {
          const { role, cause, teamID } = JSON.parse(json) as Record<string, string>;
          return `${teamID}/${id.slice(-1)} ${role} ${cause}`;
        });
        const reports = Object.values(await this.redis.hgetall(keys.report(pod))).filter(
          (json) => !json.includes('"live"'),
        );
        const session = await this.redis.get(keys.session(pod));
        return `${pod}: ${session}\n  ${slots.length} slots: ${slots.join(', ')}\n  not live: ${reports.join(' ')}`;
      }),
    );
    return [...lines, this.#tails()].join('\n');
  }

  /** Refills every connect budget, as if a quiet quarter of an hour had passed. */
  async minutePasses(): Promise<void> {
    const keys = await this.redis.keys('relax:connect:*');
    if (keys.length > 0) await this.redis.del(...keys);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.programs.values()].map((program) => program.kill()));
    this.redis.disconnect();
    await this.slack.stop();
    await this.server.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(name: string, program: RelaxProgram): RelaxProgram {
    this.programs.set(name, program);
    return program;
  }

  #env(name: string): Record<string, string> {
    return {
      RELAX_REDIS_URL: this.server.url,
      RELAX_CLUSTER: CLUSTER,
      RELAX_FLEET_KEY_FILE: join(this.#folder, 'fleet.keys'),
      RELAX_POD: name,
      RELAX_METRICS_PORT: '0',
      RELAX_METRICS_HOST: '127.0.0.1',
    };
  }

  #tails(): string {
    return [...this.programs.values()].map((program) => `--- ${program.name}\n${program.tail(4)}`).join('\n');
  }
}

export const botNameOf = (n: number): string => `bot-${String(n).padStart(3, '0')}`;

export const condition = (object: SlackBot | SlackApp | undefined, type: string) =>
  object?.status?.conditions?.find((each) => each.type === type);

export const isRedundant = (object: SlackBot | SlackApp): boolean =>
  object.status?.connectionSummary === '2/2' && condition(object, 'Ready')?.status === 'True';

export function secretOf(n: number, namespace: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: botNameOf(n), namespace, labels: { 'relax.dev/credentials': 'true' } },
    stringData: { token: generatedTeam(n).token },
  };
}

export function botOf(n: number, namespace: string): object {
  return {
    apiVersion: 'relax.dev/v1alpha1',
    kind: 'SlackBot',
    metadata: { name: botNameOf(n), namespace },
    spec: { teamID: generatedTeam(n).teamID, credentials: { secretRef: { name: botNameOf(n) } } },
  };
}
