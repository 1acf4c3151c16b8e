import { type Control, controlOf } from '../../slack-simulator/control.ts';
import { RELAX } from '../launcher.ts';
import type { SlackReady } from '../slack/slack.ts';
import { type DemoApp, type RtmTeam, WORLD } from './demo-world.ts';
import { OwnedProcess } from './owned-process.ts';

/** Slash commands that users of the stand-in's teams have typed, and what they saw. */
export interface CommandCounts {
  typed: number;
  /** The application's own answer came inside the acknowledgement. */
  answered: number;
  /** Acknowledged without one: no answer came within 2.5 s. */
  plain: number;
  /** Nobody acknowledged: the user was told that the app did not respond, and Slack does not try again. */
  failed: number;
}

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
  static async start(): Promise<SlackStandIn> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const world = ['--teams', String(WORLD.rtmTeams), '--apps', String(WORLD.ownApps + 1), '--app-teams', '1'];
    const flags = ['--tls', '--control', '--json', ...world];
    const child = new OwnedProcess('relax slack', [...RELAX, 'slack', ...flags], {
      tie: 'channel',
      onLine: resolve,
    });
    const line = await promise;
    const { url, caFile } = parse(line);
    if (url === undefined || caFile === undefined) throw new Error(`relax slack: ${line}`);
    const slack = new SlackStandIn(child, url, caFile);
    await slack.#installEverywhere();
    return slack;
  }

  async rtmTeams(): Promise<RtmTeam[]> {
    return (await this.#control.teams()).map(({ teamID, tokens: [token = ''] }) => ({ teamID, token }));
  }

  async apps(): Promise<DemoApp[]> {
    return (await this.#control.apps.list()).map(({ appID, tokens: [appToken = ''], installations }) => ({
      appID,
      appToken,
      teams: installations.map(({ teamID }) => teamID),
    }));
  }

  async counts(): Promise<{ emitted: number; live: number }> {
    const { events, sockets, apps } = await this.#control.stats();
    return { emitted: events.emitted + apps.events.emitted, live: sockets.live + apps.sockets.live };
  }

  /** Starts to send events to all teams in turn. @returns how to ask whether it is over */
  async burst(events: number, perSecond: number): Promise<() => Promise<boolean>> {
    const { id } = await this.#control.startBurst({ events, perSecond });
    return async () => (await this.#control.burst(id)).done;
  }

  /** Somebody types a slash command. @param nth chooses the team */
  async type(command: string, nth: number): Promise<void> {
    const teams = (await this.apps()).flatMap(({ appID, teams: of }) => of.map((teamID) => ({ appID, teamID })));
    const at = teams[nth % teams.length];
    if (at !== undefined) await this.#control.apps.emitCommand(at.appID, at.teamID, { command });
  }

  async commands(): Promise<CommandCounts> {
    const [records, deliveries] = await Promise.all([this.#control.apps.events(), this.#control.apps.deliveries()]);
    const typed = records.filter(({ envelope }) => envelope === COMMANDS);
    const answers = new Set(deliveries.filter(({ payload }) => hasText(payload)).map(({ id }) => id));
    const answered = typed.filter(({ id }) => answers.has(id)).length;
    const failed = typed.filter(({ state }) => state === 'dispatchFailed').length;
    const acked = typed.filter(({ state }) => state === 'acked').length;
    return { typed: typed.length, answered, plain: acked - answered, failed };
  }

  /** Ids of all events that were sent; slash commands aside. */
  async sentIDs(): Promise<string[]> {
    const [overRtm, overApps] = await Promise.all([this.#control.events(), this.#control.apps.events()]);
    return [...overRtm, ...overApps.filter(({ envelope }) => envelope !== COMMANDS)].map(({ id }) => id);
  }

  /** Messages that bots have posted, and those that Slack refused because they came too fast. */
  async posts(): Promise<{ posted: number; tooFast: number }> {
    const { posted, overChannelLimit, overWorkspaceLimit, overRtmLimit } = (await this.#control.stats()).posts;
    return { posted, tooFast: overChannelLimit + overWorkspaceLimit + overRtmLimit };
  }

  async end(): Promise<void> {
    await this.#control.close();
    await this.process.end(3_000);
  }

  /** The last app is installed in many teams. */
  async #installEverywhere(): Promise<void> {
    const app = (await this.#control.apps.list()).at(-1);
    if (app === undefined) throw new Error('relax slack has made up no app');
    const [first] = app.installations;
    for (let n = 2; n <= WORLD.appTeams; n += 1) {
      await this.#control.apps.install(app.appID, { teamID: `${first?.teamID ?? 'T0APP'}${n}` });
    }
  }
}

const COMMANDS = 'slash_commands';

const hasText = (payload: unknown): boolean => typeof payload === 'object' && payload !== null && 'text' in payload;

/** What it prints first is this, or why it does not start. */
function parse(line: string): Partial<SlackReady> {
  try {
    return JSON.parse(line) as Partial<SlackReady>;
  } catch {
    return {};
  }
}
