import { generatedApp, generatedInstallation } from '../../slack-simulator/app.ts';
import type { AppSocketFault, SocketFault, StandingFault } from '../../slack-simulator/fault.ts';
import { startSimulator } from '../../slack-simulator/simulator.ts';
import type { SimulatorOptions, Stats } from '../../slack-simulator/simulator-api.ts';
import { generatedTeam } from '../../slack-simulator/team.ts';
import { answerParent } from './asked-child.ts';

/**
 * A Slack stand-in over TLS as a process of its own, so that its work is not measured, which strikes all its sockets in the
 * same moment. Forked by `slack.ts`; a request comes as a message, and its answer goes back under the same number.
 */
export interface SlackPlan extends SimulatorOptions {
  teams: number;
  /** Socket Mode apps, each installed in one team. */
  socketModeApps: number;
}

/** What befalls every socket at once. An app's socket is warned where an RTM socket is told goodbye. */
export type Blow = 'drop' | 'halfOpen' | 'goodbye';

export type SlackRequest =
  | { do: 'start'; plan: SlackPlan }
  | { do: 'strike'; blow: Blow }
  | { do: 'fault'; fault: StandingFault }
  | { do: 'heal' }
  | { do: 'look' };

export interface SlackView {
  stats: Pick<Stats, 'connects' | 'handshakes'> & { opens: Record<string, Record<string, number>> };
  /** Sockets that hear events. */
  live: number;
  /** Teams of RTM, and apps, that have one. */
  streams: number;
}

export interface SlackStarted {
  url: string;
  caFile: string;
}

let slack: Awaited<ReturnType<typeof startSimulator>> | undefined;

async function start({ teams, socketModeApps, ...options }: SlackPlan): Promise<SlackStarted> {
  const started = await startSimulator({ ...options, tls: true });
  for (let n = 1; n <= teams; n += 1) started.addTeam(generatedTeam(n));
  for (let n = 1; n <= socketModeApps; n += 1) {
    const { appID } = started.apps.add(generatedApp(n));
    started.apps.install(appID, generatedInstallation(n, 1));
  }
  slack = started;
  return { url: started.url, caFile: started.caFile ?? '' };
}

function running(): NonNullable<typeof slack> {
  if (slack === undefined) throw new Error('the stand-in has not been started');
  return slack;
}

function strike(blow: Blow): number {
  const { apps, teams, inflict } = running();
  const rtm: SocketFault = blow === 'goodbye' ? { kind: 'goodbye', closeAfterMs: 5_000 } : { kind: blow };
  const app: AppSocketFault = blow === 'goodbye' ? { kind: 'disconnect', reason: 'warning' } : { kind: blow };
  const struck = [
    ...teams().flatMap(({ teamID }) => inflict({ teamID }, rtm)),
    ...apps.list().flatMap(({ appID }) => apps.inflict({ appID }, app)),
  ];
  return struck.length;
}

function look(): SlackView {
  const { stats, sockets, apps } = running();
  const { connects, handshakes, apps: ofApps } = stats();
  const rtm = sockets().filter(({ state }) => state === 'live');
  const app = apps.sockets().filter(({ state }) => state === 'live');
  const streams = new Set([...rtm.map(({ teamID }) => teamID), ...app.map(({ appID }) => appID)]);
  const all = { ...handshakes, ...ofApps.handshakes };
  return {
    stats: { connects, handshakes: all, opens: ofApps.opens },
    live: rtm.length + app.length,
    streams: streams.size,
  };
}

async function answer(request: SlackRequest): Promise<unknown> {
  switch (request.do) {
    case 'start':
      return start(request.plan);
    case 'strike':
      return strike(request.blow);
    case 'fault':
      return running().setFault(request.fault);
    case 'heal':
      return running().clearFaults();
    case 'look':
      return look();
    default:
      return request satisfies never;
  }
}

answerParent(answer);
