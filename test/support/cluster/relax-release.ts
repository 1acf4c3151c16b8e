import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { SlackBot } from '#core/api/slackbot.ts';
import { clusterKeys } from '#core/protocol/keys.ts';
import { newFleetKey } from '#core/protocol/seal.ts';
import { decodeSession, type Session } from '#core/protocol/session.ts';
import { generatedApp, generatedInstallation } from '#slack-simulator/app.ts';
import { startSimulator } from '#slack-simulator/simulator.ts';
import type { Simulator } from '#slack-simulator/simulator-api.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { CHART } from '#test/support/chart.ts';
import { carriedBotOf, slackAppOf, socketModeBotOf } from '#test/support/e2e/app-manifests.ts';
import { botNameOf, botOf, secretOf } from '#test/support/e2e/kube-fleet.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { type RedisServer, startRedis } from '#test/support/redis-server.ts';
import { waitFor } from '#test/support/wait.ts';
import { Cluster, OUTSIDE, RELAX_REPOSITORY } from './cluster.ts';

const PASSWORD = 'a-password-of-redis';
const RELEASE = 'relax';
/** By the pod security standard that refuses the most. */
const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' };

export interface Pod {
  metadata: { name: string; uid: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { conditions?: { type: string; status: string }[] };
}

/** The chart, installed as docs/install.md says, with Redis and a Slack stand-in outside of the cluster. */
export class RelaxRelease {
  readonly namespace = 'relax';
  readonly botNamespace = 'bots';
  readonly queue = 'relax:events';
  readonly cluster: Cluster;
  readonly redis: TestRedis;
  readonly slack: Simulator;
  readonly #server: RedisServer;

  private constructor(parts: { cluster: Cluster; redis: TestRedis; slack: Simulator; server: RedisServer }) {
    this.cluster = parts.cluster;
    this.redis = parts.redis;
    this.slack = parts.slack;
    this.#server = parts.server;
  }

  /** All that `helm install` needs. */
  static async prepare(folder: string, zones: readonly string[]): Promise<RelaxRelease> {
    const tag: string = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')).appVersion;
    // First, since it has the address that the others listen on.
    const cluster = await Cluster.start({ folder, zones, tag });
    const server = await startRedis({ args: ['--bind', OUTSIDE, '127.0.0.1', '--requirepass', PASSWORD] });
    // Generous, so that the tests need not wait out Slack's minute; Relax's own budget still holds (see `minutePasses`).
    const limits = { connectBurst: 100, connectPerMinute: 600, retryDelaysMs: [0, 5_000, 15_000] };
    const slack = await startSimulator({ tls: true, host: OUTSIDE, ...limits });
    const redis = await connectTo({ url: `redis://:${PASSWORD}@127.0.0.1:${server.port}` });
    const release = new RelaxRelease({ cluster, redis, slack, server });
    await release.#apply([
      namespaceOf(release.namespace, RESTRICTED),
      namespaceOf(release.botNamespace),
      release.#object('Secret', 'relax-fleet-key', { stringData: { keys: newFleetKey() } }),
      release.#object('Secret', 'relax-redis', { stringData: { password: PASSWORD } }),
      release.#object('ConfigMap', 'slack-ca', { data: { 'ca.pem': String(slack.ca) } }),
    ]);
    return release;
  }

  /** `helm install` or `helm upgrade`, until every pod is ready. */
  async helm(command: 'install' | 'upgrade', more: { config?: object } = {}): Promise<string> {
    const values = {
      image: { repository: RELAX_REPOSITORY },
      redis: {
        url: `redis://${OUTSIDE}:${this.#server.port}/0`,
        existingSecret: 'relax-redis',
        passwordKey: 'password',
      },
      fleetKey: { existingSecret: 'relax-fleet-key' },
      config: { slackApiUrl: this.slack.url, ...more.config },
      extraEnv: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/etc/slack-ca/ca.pem' }],
      extraVolumes: [{ name: 'slack-ca', configMap: { name: 'slack-ca' } }],
      extraVolumeMounts: [{ name: 'slack-ca', mountPath: '/etc/slack-ca', readOnly: true }],
    };
    const args = [command, RELEASE, CHART, '-n', this.namespace, '--wait', '--timeout', '120s', '-f', '-'];
    return this.cluster.helm.must(args, stringify(values)).catch(async (cause: unknown) => {
      throw new Error(`helm ${command}\n${await this.evidence()}`, { cause });
    });
  }

  uninstall(): Promise<string> {
    return this.cluster.helm
      .must(['uninstall', RELEASE, '-n', this.namespace, '--wait', '--timeout', '180s'])
      .catch(async (cause: unknown) => {
        throw new Error(`helm uninstall\n${await this.evidence()}`, { cause });
      });
  }

  kubectl(...args: string[]): Promise<string> {
    return this.cluster.kubectl.must(['-n', this.namespace, ...args]);
  }

  /** Those that are not on their way out. */
  async pods(component: 'operator' | 'connector'): Promise<Pod[]> {
    const selector = `app.kubernetes.io/component=${component}`;
    const { items } = JSON.parse(await this.kubectl('get', 'pods', '-l', selector, '-o', 'json')) as { items: Pod[] };
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  async pod(name: string): Promise<Pod | undefined> {
    return [...(await this.pods('connector')), ...(await this.pods('operator'))].find(
      (pod) => pod.metadata.name === name,
    );
  }

  /** Applies the nth generated team's Secret and SlackBot. */
  async applyBots(numbers: readonly number[]): Promise<void> {
    for (const n of numbers) this.slack.addTeam(generatedTeam(n));
    await this.#apply(numbers.flatMap((n) => [secretOf(n, this.botNamespace), botOf(n, this.botNamespace)]));
  }

  /** A SlackBot with an app of its own, and a SlackApp with a SlackBot. @returns how many SlackBots these are */
  async applyApps(): Promise<number> {
    for (const n of [1, 2]) {
      this.slack.apps.add(generatedApp(n));
      this.slack.apps.install(generatedApp(n).appID, generatedInstallation(n, 1));
    }
    const { teamID } = generatedInstallation(2, 1);
    await this.#apply([
      ...socketModeBotOf(1, 'own-app', this.botNamespace),
      ...slackAppOf(2, 'many-teams', this.botNamespace),
      carriedBotOf({ name: 'of-many', namespace: this.botNamespace, teamID, app: 'many-teams' }),
    ]);
    return 2;
  }

  async bots(): Promise<SlackBot[]> {
    const json = await this.cluster.kubectl.must(['-n', this.botNamespace, 'get', 'slackbots', '-o', 'json']);
    return JSON.parse(json).items as SlackBot[];
  }

  /** Waits until every bot's status satisfies the condition; shows some that don't when time is up. */
  async untilBots(what: string, condition: (bot: SlackBot) => boolean, timeoutMs = 60_000): Promise<SlackBot[]> {
    let wrong: SlackBot[] = [];
    return waitFor(
      async () => {
        const bots = await this.bots();
        wrong = bots.filter((bot) => !condition(bot));
        return bots.length > 0 && wrong.length === 0 && bots;
      },
      { timeoutMs, everyMs: 250, what },
    ).catch(async (cause: unknown) => {
      const shown = wrong.slice(0, 3).map(({ metadata, status }) => JSON.stringify({ name: metadata.name, status }));
      const evidence = await this.evidence();
      throw new Error(`${what}: ${wrong.length} bots are not so, such as\n${shown.join('\n')}\n${evidence}`, { cause });
    });
  }

  async setReplicas(n: number, replicas: number): Promise<void> {
    const patch = JSON.stringify({ spec: { replicas } });
    const args = ['patch', 'slackbot', botNameOf(n), '--type=merge', '-p', patch];
    await this.cluster.kubectl.must(['-n', this.botNamespace, ...args]);
  }

  async session(pod: string): Promise<Session | undefined> {
    // The scope that the chart has found out by itself.
    const uid = await this.kubectl('get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}');
    const key = clusterKeys(uid).session(pod);
    return decodeSession((await this.redis.get(key)) ?? '');
  }

  /** Refills every connect budget, as if a quiet quarter of an hour had passed. */
  async minutePasses(): Promise<void> {
    const keys = await this.redis.keys('relax:connect:*');
    if (keys.length > 0) await this.redis.del(...keys);
  }

  /** What a person would look at when something is wrong. */
  async evidence(): Promise<string> {
    const looks = [
      ['get', 'pods', '-o', 'wide'],
      ['get', 'events', '--sort-by=.lastTimestamp'],
      ['logs', '-l', 'app.kubernetes.io/name=relax', '--tail=12', '--prefix'],
    ];
    const seen = await Promise.all(looks.map((args) => this.cluster.kubectl.run(['-n', this.namespace, ...args])));
    return seen.map(({ stdout, stderr }) => `${stdout}${stderr}`.split('\n').slice(-60).join('\n')).join('\n');
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    this.redis.disconnect();
    await this.slack.stop();
    await this.#server.stop();
  }

  async #apply(items: readonly object[]): Promise<void> {
    await this.cluster.kubectl.must(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  }

  #object(kind: string, name: string, content: object): object {
    return { apiVersion: 'v1', kind, metadata: { name, namespace: this.namespace }, ...content };
  }
}

const namespaceOf = (name: string, labels: Record<string, string> = {}): object => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});

export const isReady = (pod: Pod | undefined): boolean =>
  pod?.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
