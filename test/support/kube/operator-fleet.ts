import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { runConnector } from '#connector/main.ts';
import type { SlackBotStatus } from '#core/api/slackbot.ts';
import { connectorConfig, operatorConfig } from '#core/config/config.ts';
import type { Log } from '#core/process/log.ts';
import { newFleetKey, parseFleetKeys } from '#core/protocol/seal.ts';
import type { SlackBotObject } from '#operator/kinds/slackbot/slackbot-object.ts';
import { runOperator } from '#operator/main.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { LEAST, render } from '#test/support/chart.ts';
import { Command } from '#test/support/command.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { connectTo } from '#test/support/redis-fixture.ts';
import { type RedisServer, startRedis } from '#test/support/redis-server.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from './api-server.ts';

/** A program that runs in this process. */
export interface Running {
  port: number;
  /** Why it ended, if it has. */
  ended: () => unknown;
  stop(): Promise<void>;
}

/** Operators and connectors in this process, around an API server, a Redis and a Slack stand-in of their own. */
export class OperatorFleet {
  readonly api: ApiServer;
  readonly kubectl: Command;
  readonly redis: RedisServer;
  readonly slack: Simulator;
  /** Every log line of every program. */
  readonly lines: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'relax-operator-'));
  readonly #fleetKey = newFleetKey();
  readonly #running: Running[] = [];
  readonly #programs: RelaxProgram[] = [];

  private constructor(api: ApiServer, redis: RedisServer, slack: Simulator) {
    this.api = api;
    this.redis = redis;
    this.slack = slack;
    this.kubectl = new Command(api.binaries.kubectl, ['--kubeconfig', api.kubeconfigPath, '-n', 'bots']);
    writeFileSync(join(this.#folder, 'keys'), `${this.#fleetKey}\n`);
  }

  /** @param kube what the control plane is to have beside an API server */
  static async start(kube: ApiServerOptions = {}): Promise<OperatorFleet> {
    const [api, redis, slack] = await Promise.all([
      startApiServer(kube),
      startRedis(),
      startSimulator({ connectBurst: 100, connectPerMinute: 600, appConnectBurst: 100 }),
    ]);
    const fleet = new OperatorFleet(api, redis, slack);
    await fleet.kubectl.must(['apply', '-f', join(import.meta.dirname, '../../../crds')]);
    const definitions = ['crd/slackbots.relax.dev', 'crd/slackapps.relax.dev'];
    await fleet.kubectl.must(['wait', '--for=condition=Established', ...definitions, '--timeout=60s']);
    for (const namespace of ['bots', 'relax']) await fleet.kubectl.must(['create', 'namespace', namespace]);
    return fleet;
  }

  /**
   * The chart's own roles for the operator of a release, or for the job that ends an uninstall.
   * @returns the kubeconfig of that account; the administrator's without Helm
   */
  async operatorRights(values: object = {}, account: 'operator' | 'uninstall' = 'operator'): Promise<string> {
    const { helm } = this.api.binaries;
    if (helm === undefined) {
      process.stderr.write('SKIPPED: the operator under the rights of its chart, since helm was not found\n');
      return this.api.kubeconfigPath;
    }
    const { stdout } = await render(new Command(helm), { ...LEAST, ...values });
    const roles = stdout.split(/^---$/m).filter((document) => /^kind: .*(Role|Binding|ServiceAccount)/m.test(document));
    await new Command(this.api.binaries.kubectl, ['--kubeconfig', this.api.kubeconfigPath]).must(
      ['apply', '-f', '-'],
      roles.join('---\n'),
    );
    const name = `system:serviceaccount:relax:relax-${account}`;
    return this.api.addUser({ name, groups: ['system:serviceaccounts'] });
  }

  operator(name: string, env: Record<string, string> = {}): Promise<Running> {
    const given = { RELAX_LEADER_NAMESPACE: 'relax', KUBECONFIG: this.api.kubeconfigPath, ...env };
    const { config } = operatorConfig({ env: { ...this.#env(name), ...given } });
    return this.#run(name, 'starting operator', (log, signal) => runOperator(config, log, signal));
  }

  /** An operator as a process of its own; it is ended with the fleet. */
  operatorProgram(name: string, env: Record<string, string> = {}): RelaxProgram {
    const given = { RELAX_LEADER_NAMESPACE: 'relax', KUBECONFIG: this.api.kubeconfigPath, ...env };
    const program = new RelaxProgram(name, ['operator'], { ...this.#env(name), ...given });
    this.#programs.push(program);
    return program;
  }

  /** `relax operator --release-finalizers`, with further flags. */
  async releaseFinalizers(
    kubeconfig: string,
    more: { env?: Record<string, string>; flags?: Record<string, string> } = {},
  ): Promise<void> {
    const given = { RELAX_LEADER_NAMESPACE: 'relax', KUBECONFIG: kubeconfig, ...more.env };
    const flags = { 'release-finalizers': 'true', ...more.flags };
    const { config } = operatorConfig({ env: { ...this.#env('release'), ...given }, flags });
    await runOperator(config, silentLog, new AbortController().signal);
  }

  /** Every key with its value, as text. */
  async everythingInRedis(): Promise<string> {
    const redis = await connectTo(this.redis);
    const read = { string: 'get', hash: 'hgetall', list: 'lrange', zset: 'zrange', set: 'smembers' } as const;
    const texts: string[] = [];
    for (const key of await redis.keys('*')) {
      const type = (await redis.type(key)) as keyof typeof read;
      const range = type === 'list' || type === 'zset' ? ['0', '-1'] : [];
      texts.push(JSON.stringify([key, await redis.call(read[type], key, ...range)]));
    }
    redis.disconnect();
    return texts.join('\n');
  }

  connector(name: string, zone: string, env: Record<string, string> = {}): Promise<Running> {
    const given = { RELAX_ZONE: zone, RELAX_SLACK_API_URL: this.slack.url, RELAX_GRACE_SECONDS: '10', ...env };
    const { config } = connectorConfig({ env: { ...this.#env(name), ...given } });
    return this.#run(name, 'starting connector', (log, signal) => runConnector(config, log, signal));
  }

  async apply(name: string, spec: object, namespace = 'bots', kind = 'SlackBot'): Promise<void> {
    const metadata = { name, namespace };
    await this.kubectl.must(
      ['apply', '-f', '-', '-n', namespace],
      JSON.stringify({ apiVersion: 'relax.dev/v1alpha1', kind, metadata, spec }),
    );
  }

  /** A bot of a new team, with a labelled Secret. */
  async addBot(name: string, team: string, more: object = {}, namespace = 'bots'): Promise<void> {
    const token = `xoxb-${team.toLowerCase()}-secretpart`;
    this.slack.addTeam({ teamID: team, token });
    await this.secret(name, { token }, true, namespace);
    await this.apply(name, { teamID: team, credentials: { secretRef: { name } }, ...more }, namespace);
  }

  async secret(name: string, stringData: Record<string, string>, labelled = true, namespace = 'bots'): Promise<void> {
    const labels = labelled ? { 'relax.dev/credentials': 'true' } : {};
    const metadata = { name, namespace, labels };
    await this.kubectl.must(
      ['apply', '-f', '-', '-n', namespace],
      JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata, stringData }),
    );
  }

  /** Ids of the fleet keys that everything here seals with. */
  keyIDs(): string[] {
    return parseFleetKeys(this.#fleetKey).map(({ id }) => id);
  }

  /** @param name of a bot of namespace `bots`, or with its namespace before it, and before that its kind if it is no bot */
  async read(name: string): Promise<SlackBotObject> {
    const parts = name.split('/');
    const [plain = '', namespace = 'bots', kind = 'slackbot'] = parts.reverse();
    return JSON.parse(await this.kubectl.must(['get', kind, plain, '-n', namespace, '-o', 'json']));
  }

  /** "True Live 2/2": status and reason of Ready, and the sockets. */
  async shows(name: string): Promise<string> {
    const { status } = await this.read(name);
    return `${conditionText(status, 'Ready')} ${status?.connectionSummary}`;
  }

  /** Waits until the bot shows this; the error names what it shows instead. */
  async until(name: string, expected: string | RegExp, timeoutMs = 30_000): Promise<void> {
    let seen = '';
    const fits = async () => {
      seen = await this.shows(name);
      return typeof expected === 'string' ? seen === expected : expected.test(seen);
    };
    await waitFor(fits, { timeoutMs, everyMs: 100, what: `${name}: ${expected}` }).catch((cause: unknown) => {
      throw new Error(`${name} shows "${seen}"; last lines:\n${this.lines.slice(-20).join('\n')}`, { cause });
    });
  }

  async condition(name: string, type: string): Promise<string> {
    const { status } = await this.read(name);
    const found = status?.conditions?.find((condition) => condition.type === type);
    return `${conditionText(status, type)}: ${found?.message}`;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((running) => running.stop()));
    await Promise.all(this.#programs.map((program) => program.kill()));
    await Promise.all([this.slack.stop(), this.redis.stop(), this.api.stop()]);
    rmSync(this.#folder, { recursive: true });
  }

  #env(pod: string): Record<string, string> {
    return {
      RELAX_POD: pod,
      RELAX_CLUSTER: 'test',
      RELAX_REDIS_URL: this.redis.url,
      RELAX_FLEET_KEY_FILE: join(this.#folder, 'keys'),
      RELAX_METRICS_PORT: '0',
      RELAX_METRICS_HOST: '127.0.0.1',
    };
  }

  async #run(name: string, greeting: string, body: (log: Log, signal: AbortSignal) => Promise<void>): Promise<Running> {
    const stop = new AbortController();
    const { promise, resolve } = Promise.withResolvers<number>();
    const write = (line: string): void => {
      this.lines.push(line.trimEnd());
      const { msg, port } = JSON.parse(line) as { msg: string; port: number };
      if (msg === greeting) resolve(port);
    };
    let ended: unknown;
    const whole = body(pino({ level: 'debug', base: { program: name } }, { write }), stop.signal).then(
      () => {
        ended = 'stopped';
      },
      (error: unknown) => {
        ended = error;
      },
    );
    const early = whole.then(() => Promise.reject(new Error(`${name} ended at once`, { cause: ended })));
    early.catch(() => undefined);
    const running: Running = {
      port: await Promise.race([promise, early]),
      ended: () => ended,
      stop: () => {
        stop.abort();
        return whole;
      },
    };
    this.#running.push(running);
    return running;
  }
}

function conditionText(status: SlackBotStatus | undefined, type: string): string {
  const found = status?.conditions?.find((condition) => condition.type === type);
  return `${found?.status} ${found?.reason}`;
}
