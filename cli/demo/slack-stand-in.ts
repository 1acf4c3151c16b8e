import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { OwnedProcess } from './owned-process.ts';

/** The local Slack of the tests (slack-simulator/README.md), as a process, driven over its control API. */
export class SlackStandIn {
  readonly process: OwnedProcess;
  /** For RELAX_SLACK_API_URL. */
  readonly url: string;
  /** For NODE_EXTRA_CA_CERTS. */
  readonly caFile: string;
  readonly #dispatcher: Agent;

  private constructor(child: OwnedProcess, url: string, caFile: string) {
    this.process = child;
    this.url = url;
    this.caFile = caFile;
    this.#dispatcher = new Agent({ connect: { ca: readFileSync(caFile) }, connections: 2 });
  }

  /** @throws Error when this is no clone of the repository, or it does not start */
  static async start(teams: number): Promise<SlackStandIn> {
    const main = fileURLToPath(new URL('../../slack-simulator/main.ts', import.meta.url));
    if (!existsSync(main)) {
      throw new Error('relax demo needs the local Slack of the tests: run it in a clone of the repository (make demo)');
    }
    const { promise, resolve } = Promise.withResolvers<string>();
    const command = [process.execPath, main, '--tls', '--control', '--teams', String(teams)];
    const child = new OwnedProcess('the local Slack', command, { tie: 'channel', onLine: resolve });
    const line = await promise;
    const ready = parse(line);
    if (typeof ready.url !== 'string' || typeof ready.caFile !== 'string') throw new Error(`the local Slack: ${line}`);
    return new SlackStandIn(child, ready.url, ready.caFile);
  }

  async teams(): Promise<{ teamID: string; token: string }[]> {
    const teams = (await this.#call('GET', 'teams')) as { teamID: string; tokens: string[] }[];
    return teams.map(({ teamID, tokens: [token = ''] }) => ({ teamID, token }));
  }

  async counts(): Promise<{ emitted: number; deliveries: number; live: number }> {
    const { events, sockets } = (await this.#call('GET', 'stats')) as {
      events: { emitted: number; deliveries: number };
      sockets: { live: number };
    };
    return { emitted: events.emitted, deliveries: events.deliveries, live: sockets.live };
  }

  /** Starts to send events to all teams in turn. @returns how to ask whether it is over */
  async burst(events: number, perSecond: number): Promise<() => Promise<boolean>> {
    const { id } = (await this.#call('POST', 'bursts', { events, perSecond })) as { id: string };
    return async () => ((await this.#call('GET', `bursts/${encodeURIComponent(id)}`)) as { done: boolean }).done;
  }

  /** Ids of all events that were sent. */
  async sentIDs(): Promise<string[]> {
    return ((await this.#call('GET', 'events')) as { id: string }[]).map(({ id }) => id);
  }

  async end(): Promise<void> {
    await this.#dispatcher.close();
    await this.process.end(3_000);
  }

  async #call(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const response = await request(new URL(`/_control/${path}`, this.url), {
      method,
      dispatcher: this.#dispatcher,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.body.text();
    if (response.statusCode !== 200) throw new Error(`the local Slack refused ${method} ${path}: ${text}`);
    return JSON.parse(text);
  }
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}
