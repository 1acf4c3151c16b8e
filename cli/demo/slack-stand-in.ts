import { type Control, controlOf } from '../../slack-simulator/control.ts';
import { LAUNCHER } from '../launcher.ts';
import type { SlackReady } from '../slack/slack.ts';
import { OwnedProcess } from './owned-process.ts';

/** `relax slack` as a process of its own, driven over its control API. */
export class SlackStandIn {
  readonly process: OwnedProcess;
  /** For RELAX_SLACK_API_URL. */
  readonly url: string;
  /** For NODE_EXTRA_CA_CERTS. */
  readonly caFile: string;
  readonly #control: Control;

  private constructor(child: OwnedProcess, url: string, caFile: string) {
    this.process = child;
    this.url = url;
    this.caFile = caFile;
    this.#control = controlOf(url, { caFile });
  }

  /** @throws Error with its own words when it does not start */
  static async start(teams: number): Promise<SlackStandIn> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const flags = ['--tls', '--control', '--json', '--teams', String(teams)];
    const child = new OwnedProcess('relax slack', [process.execPath, LAUNCHER, 'slack', ...flags], {
      tie: 'channel',
      onLine: resolve,
    });
    const line = await promise;
    const { url, caFile } = parse(line);
    if (url === undefined || caFile === undefined) throw new Error(`relax slack: ${line}`);
    return new SlackStandIn(child, url, caFile);
  }

  async teams(): Promise<{ teamID: string; token: string }[]> {
    return (await this.#control.teams()).map(({ teamID, tokens: [token = ''] }) => ({ teamID, token }));
  }

  async counts(): Promise<{ emitted: number; deliveries: number; live: number }> {
    const { events, sockets } = await this.#control.stats();
    return { emitted: events.emitted, deliveries: events.deliveries, live: sockets.live };
  }

  /** Starts to send events to all teams in turn. @returns how to ask whether it is over */
  async burst(events: number, perSecond: number): Promise<() => Promise<boolean>> {
    const { id } = await this.#control.startBurst({ events, perSecond });
    return async () => (await this.#control.burst(id)).done;
  }

  /** Ids of all events that were sent. */
  async sentIDs(): Promise<string[]> {
    return (await this.#control.events()).map(({ id }) => id);
  }

  async end(): Promise<void> {
    await this.#control.close();
    await this.process.end(3_000);
  }
}

/** What it prints first is this, or why it does not start. */
function parse(line: string): Partial<SlackReady> {
  try {
    return JSON.parse(line) as Partial<SlackReady>;
  } catch {
    return {};
  }
}
