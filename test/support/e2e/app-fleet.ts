import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterKeys } from '#core/protocol/keys.ts';
import { decodeSession, type Session } from '#core/protocol/session.ts';
import type { AppEventRecord } from '#slack-simulator/socket-mode/delivery.ts';
import type { TestRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { RelaxProgram } from './relax-program.ts';
import type { SlackProgram } from './slack-program.ts';

/** `relax standalone` beside a `relax slack` with apps. */
export class AppFleet {
  readonly cluster: string;
  readonly slack: SlackProgram;
  readonly #redis: TestRedis;
  readonly #folder: string;
  readonly #connectors: number;
  #relax: RelaxProgram | undefined;

  constructor(parts: { cluster: string; slack: SlackProgram; redis: TestRedis; connectors: number }) {
    this.cluster = parts.cluster;
    this.slack = parts.slack;
    this.#redis = parts.redis;
    this.#connectors = parts.connectors;
    this.#folder = mkdtempSync(join(tmpdir(), `relax-${parts.cluster}-`));
    mkdirSync(join(this.#folder, 'bots'));
  }

  get relax(): RelaxProgram {
    if (this.#relax === undefined) throw new Error('not started');
    return this.#relax;
  }

  /** @param documents SlackBots, SlackApps and Secrets; `---` between documents is added */
  start(documents: readonly string[], redisUrl: string): void {
    writeFileSync(join(this.#folder, 'bots', 'all.yaml'), documents.join('---\n'));
    const connectors = ['--connectors', String(this.#connectors), '--zones', 'a,b,c'];
    this.#relax = new RelaxProgram(this.cluster, ['standalone', '--bots', join(this.#folder, 'bots'), ...connectors], {
      RELAX_REDIS_URL: redisUrl,
      RELAX_CLUSTER: this.cluster,
      RELAX_SLACK_API_URL: this.slack.url,
      RELAX_METRICS_PORT: '0',
      RELAX_GRACE_SECONDS: '20',
      NODE_EXTRA_CA_CERTS: this.slack.caFile,
      XDG_STATE_HOME: this.#folder,
    });
  }

  async stop(): Promise<void> {
    await this.#relax?.stop(40_000);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  pods(): string[] {
    return Array.from({ length: this.#connectors }, (_, n) => `connector-${n}`);
  }

  async session(pod: string): Promise<Session | undefined> {
    return decodeSession((await this.#redis.get(clusterKeys(this.cluster).session(pod))) ?? '');
  }

  async pid(pod: string): Promise<number> {
    const pid = (await this.session(pod))?.pid;
    if (typeof pid !== 'number') throw new Error(`no process of ${pod} has a session`);
    return pid;
  }

  /** Signals the process of a connector, which standalone restarts when it ends, and waits until its successor is ready. */
  async restart(pod: string, signal: NodeJS.Signals): Promise<void> {
    const before = await this.session(pod);
    process.kill(await this.pid(pod), signal);
    await waitFor(
      async () => {
        const now = await this.session(pod);
        return now !== undefined && now.incarnation !== before?.incarnation && now.state === 'up';
      },
      { timeoutMs: 60_000, everyMs: 100, what: `${pod} is back` },
    );
  }

  /** Waits until each app has this many live sockets, none of which Slack has asked to leave. */
  async untilWhole(sockets: ReadonlyMap<string, number>, timeoutMs = 90_000): Promise<void> {
    let wrong: string[] = [];
    await waitFor(
      async () => {
        if (!this.relax.running) throw new Error(this.relax.tail());
        const now = await this.slack.control.apps.sockets();
        wrong = [...sockets].flatMap(([appID, wanted]) => {
          const own = now.filter((socket) => socket.appID === appID && socket.state === 'live');
          const isWhole = own.length === wanted && own.every(({ leaving }) => leaving === undefined);
          return isWhole ? [] : [`${appID}: ${own.map(({ leaving }) => leaving ?? 'live').join()}`];
        });
        return wrong.length === 0;
      },
      { timeoutMs, everyMs: 200 },
    ).catch((cause: unknown) => {
      throw new Error(`${wrong.length} apps are not whole: ${wrong.slice(0, 5).join('; ')}\n${this.relax.tail(20)}`, {
        cause,
      });
    });
  }

  /** What Slack told the apps of, once it waits for nothing any more. */
  async settledEvents(timeoutMs = 90_000): Promise<AppEventRecord[]> {
    return waitFor(
      async () => {
        const { open } = (await this.slack.control.stats()).apps.events;
        return open === 0 && (await this.slack.control.apps.events());
      },
      { timeoutMs, everyMs: 500, what: 'Slack waits for no acknowledgement' },
    );
  }
}

/** Number of events by what became of them at Slack. */
export function countStates(events: readonly AppEventRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of events) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** Every value that Redis holds, as one text. */
export async function allOfRedis(redis: TestRedis): Promise<string> {
  const stored: unknown[] = [];
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key);
    if (type === 'string') stored.push(await redis.get(key));
    if (type === 'hash') stored.push(await redis.hgetall(key));
    if (type === 'list') stored.push(await redis.lrange(key, 0, -1));
    if (type === 'zset') stored.push(await redis.zrange(key, 0, '-1'));
    stored.push(key);
  }
  return JSON.stringify(stored);
}
