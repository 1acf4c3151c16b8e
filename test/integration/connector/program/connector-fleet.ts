import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { runConnector } from '#connector/main.ts';
import { type ConnectorConfig, connectorConfig } from '#core/config/config.ts';
import { type AppSlot, encodeSlot, type Slot, type SlotID, type SocketModeSlot } from '#core/protocol/assignment.ts';
import { clusterKeys } from '#core/protocol/keys.ts';
import { decodeReport, type SlotReport } from '#core/protocol/report.ts';
import { newFleetKey, parseFleetKeys, seal, sealingKey } from '#core/protocol/seal.ts';
import { decodeSession, type Session } from '#core/protocol/session.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '#slack-simulator/simulator.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { settledAudit } from '#test/support/e2e/queue-audit.ts';
import { type LogLine, RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { connectTo, type TestRedis } from '#test/support/redis-fixture.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from '#test/support/redis-server.ts';
import { waitFor } from '#test/support/wait.ts';
import { slotOf } from '#test/unit/connector/assignment/slots.ts';

export const CLUSTER = 'c1';
export const QUEUE = 'relax:events';
export const keys = clusterKeys(CLUSTER);

/** A connector in this process. */
export interface RunningConnector {
  lines: LogLine[];
  /** Like SIGTERM. @returns when it has ended; rejects with what it threw */
  stop(): Promise<void>;
  ended: Promise<void>;
  /** Reasons of /readyz. */
  notReady(): Promise<string[]>;
  get(path: string): Promise<string>;
  logged(msg: string): LogLine | undefined;
}

async function slackOf(teams: number, options: SimulatorOptions): Promise<Simulator> {
  const slack = await startSimulator(options);
  for (let n = 1; n <= teams; n++) slack.addTeam(generatedTeam(n));
  return slack;
}

/** A Redis, a Slack, and a test that writes assignments as the planner would. */
export class ConnectorFleet {
  readonly server: RedisServer;
  slack: Simulator;
  redis: TestRedis;
  readonly #folder: string;
  readonly #key: string;
  readonly #connectors: RunningConnector[] = [];
  readonly #programs: RelaxProgram[] = [];

  private constructor(server: RedisServer, slack: Simulator, redis: TestRedis) {
    this.server = server;
    this.slack = slack;
    this.redis = redis;
    this.#folder = mkdtempSync(join(tmpdir(), 'relax-connector-'));
    this.#key = newFleetKey();
    writeFileSync(this.keyFile, this.#key);
  }

  /** @param teams number of generated teams that Slack knows */
  static async start(
    teams: number,
    options: SimulatorOptions = { connectBurst: 10 },
    redis: RedisServerOptions = {},
  ): Promise<ConnectorFleet> {
    const server = await startRedis({ appendOnly: true, ...redis });
    const slack = await slackOf(teams, options);
    return new ConnectorFleet(server, slack, await connectTo(server, { name: 'planner' }));
  }

  get keyFile(): string {
    return join(this.#folder, 'fleet-key');
  }

  async stop(): Promise<void> {
    for (const program of this.#programs) await program.kill();
    await Promise.allSettled(this.#connectors.map((connector) => connector.stop()));
    this.redis.disconnect();
    await this.slack.stop();
    await this.server.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  env(pod: string): Record<string, string> {
    return {
      RELAX_REDIS_URL: this.server.url,
      RELAX_SLACK_API_URL: this.slack.url,
      RELAX_FLEET_KEY_FILE: this.keyFile,
      RELAX_CLUSTER: CLUSTER,
      RELAX_POD: pod,
      RELAX_ZONE: `zone-${pod}`,
      RELAX_METRICS_PORT: '0',
      RELAX_METRICS_HOST: '127.0.0.1',
      RELAX_GRACE_SECONDS: '10',
    };
  }

  connector(pod: string, changes: Partial<ConnectorConfig> = {}): RunningConnector {
    // So little grace that it closes its sockets at once, unless a test is about the grace.
    const config = { ...connectorConfig({ env: this.env(pod) }).config, graceMs: 5_000, ...changes };
    const lines: LogLine[] = [];
    const sink = new Writable({
      write(chunk, _encoding, done) {
        lines.push(JSON.parse(String(chunk)) as LogLine);
        done();
      },
    });
    const stopping = new AbortController();
    const ended = runConnector(
      config,
      pino({ level: 'info', formatters: { level: (label) => ({ level: label }) } }, sink),
      stopping.signal,
    );
    ended.catch(() => undefined);
    const logged = (msg: string): LogLine | undefined => lines.find((line) => line.msg === msg);
    const get = async (path: string): Promise<string> => {
      const { port } = await waitFor(() => logged('starting connector'), { what: 'the http server' });
      return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    };
    const connector: RunningConnector = {
      lines,
      ended,
      get,
      logged,
      stop: () => {
        stopping.abort();
        return ended;
      },
      notReady: async () => (JSON.parse(await get('/readyz')) as { reasons: string[] }).reasons,
    };
    this.#connectors.push(connector);
    return connector;
  }

  /** A connector as a process of its own. */
  program(pod: string, more: Readonly<Record<string, string>> = {}): RelaxProgram {
    const program = new RelaxProgram(pod, ['connector'], { ...this.env(pod), ...more });
    this.#programs.push(program);
    return program;
  }

  /** The slot of a generated team. */
  slot(n: number, changes: Partial<Slot> = {}, cluster = CLUSTER): Slot {
    const { teamID, token } = generatedTeam(n);
    const context = { cluster, ownerUid: `uid-${n}`, teamID };
    const sealed = seal(token, sealingKey(parseFleetKeys(this.#key), []), context);
    return slotOf({ teamID, bot: `bots/bot-${n}`, token: sealed, tokenDigest: tokenDigest(token), ...changes });
  }

  /** A slot of another kind than RTM. @param token what it connects with, as the Secret has it */
  envelopeSlot(ownerUid: string, token: string, changes: Partial<SocketModeSlot> | Partial<AppSlot>): Slot {
    const teamID = 'teamID' in changes ? changes.teamID : '';
    const sealed = seal(token, sealingKey(parseFleetKeys(this.#key), []), { cluster: CLUSTER, ownerUid, teamID });
    return slotOf({
      token: sealed,
      tokenDigest: tokenDigest(token),
      replies: 'wait',
      delayedEvents: false,
      ...changes,
    });
  }

  /** One slot for each of the first teams, as replica `index`. */
  slots(teams: number, index: number): Record<SlotID, Slot> {
    return Object.fromEntries(Array.from({ length: teams }, (_, n) => [`uid-${n + 1}/${index}`, this.slot(n + 1)]));
  }

  /** What the planner does: the whole hash with its version, then the nudge. */
  async assign(pod: string, version: number, slots: Record<SlotID, Slot>, cluster = CLUSTER): Promise<void> {
    const keys = clusterKeys(cluster);
    const fields = Object.fromEntries(Object.entries(slots).map(([id, slot]) => [id, encodeSlot(slot)]));
    const transaction = this.redis.multi().del(keys.assign(pod));
    if (Object.keys(fields).length > 0) transaction.hset(keys.assign(pod), fields);
    await transaction.set(keys.version(pod), version).exec();
    await this.redis.publish(keys.nudge(pod), String(version));
  }

  async session(pod: string): Promise<Session | undefined> {
    return decodeSession((await this.redis.get(keys.session(pod))) ?? '');
  }

  async reports(pod: string, cluster = CLUSTER): Promise<Record<SlotID, SlotReport>> {
    const fields = Object.entries(await this.redis.hgetall(clusterKeys(cluster).report(pod)));
    return Object.fromEntries(
      fields.flatMap(([id, json]) => {
        const report = decodeReport(json);
        return report === undefined ? [] : [[id, report]];
      }),
    );
  }

  /** What the pod says is what it does: its session has this version, and each of its slots is reported live. */
  async untilReported(pod: string, version: number, slots: number, timeoutMs = 20_000): Promise<Session> {
    return waitFor(
      async () => {
        const [session, reports] = [await this.session(pod), Object.values(await this.reports(pod))];
        const live = reports.filter(
          ({ state, incarnation }) => state === 'live' && incarnation === session?.incarnation,
        );
        return session?.version === version && live.length === slots && reports.length === slots ? session : undefined;
      },
      { timeoutMs, what: `${slots} live reports of ${pod} at version ${version}` },
    );
  }

  liveSockets(n?: number): string[] {
    const sockets = this.slack.sockets(n === undefined ? undefined : generatedTeam(n).teamID);
    return sockets.filter(({ state }) => state === 'live').map(({ id }) => id);
  }

  untilLive(count: number, timeoutMs = 15_000): Promise<unknown> {
    return waitFor(() => this.liveSockets().length === count, { timeoutMs, what: `${count} live sockets` });
  }

  /** Every event so far is on the queue, once. */
  async expectOnce(): Promise<{ sent: number; lost: number; duplicated: number }> {
    const { sent, lost, duplicated } = await settledAudit(this.redis, QUEUE, () => this.slack.events());
    return { sent, lost: lost.length, duplicated: duplicated.length };
  }
}
