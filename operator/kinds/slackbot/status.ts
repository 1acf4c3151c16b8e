import { replicasOf, type SlackBotSpec, type SlackBotStatus } from '../../../core/api/slackbot.ts';
import type { BotView } from '../../fleet/fleet-view.ts';
import type { Claim } from '../../reconcile/rivals.ts';
import type { CredentialsVerdict } from '../credentials-verdict.ts';
import { type FleetFacts, isLive, type Stop } from '../socket-conditions.ts';
import type { OwnerMetadata } from '../socket-owner.ts';
import { type SocketStatus, socketStatusOf } from '../socket-status.ts';
import { carriedStatusOf } from './carried-status.ts';

/** The object that runs the same bot or app. */
export type Rival = Pick<Claim, 'kind' | 'namespace' | 'name' | 'keys'>;

/** The part of a SlackBot that its status is about. */
export interface JudgedBot {
  metadata: Pick<OwnerMetadata, 'namespace' | 'generation'>;
  spec: SlackBotSpec;
}

export interface StatusInput {
  bot: JudgedBot;
  /** On its credentials, or on its `appRef`. */
  verdict: CredentialsVerdict;
  duplicateOf: Rival | undefined;
  /** Undefined: the fleet has no slot and no report of it. */
  view: BotView | undefined;
  fleet: FleetFacts;
  /** Of the SlackApp that carries it, if its transport is App. */
  app?: SocketStatus | undefined;
  /** Whether the app's table in Redis has the bot; undefined: not known. */
  isRouted?: boolean | undefined;
  previous: SlackBotStatus | undefined;
  /** Wall time. */
  nowMs: number;
}

/** Pure and idempotent: with its own result as `previous`, it returns the same status. */
export function statusOf(input: StatusInput): SlackBotStatus {
  const { bot, verdict, view, fleet, previous, nowMs } = input;
  const duplicate = duplicateStop(bot, input.duplicateOf);
  if (bot.spec.transport === 'App') {
    const { app, isRouted } = input;
    const carried = carriedStatusOf({ bot, verdict, duplicate, app, isRouted, previous, nowMs });
    // Of the sockets that it had before. A field that is left out stays as the API server has it.
    const { teamName, botUserID = '' } = previous ?? {};
    return { ...carried, ...(teamName !== undefined && { teamName }), ...(botUserID !== '' && { botUserID: '' }) };
  }
  const sockets = socketStatusOf({
    generation: bot.metadata.generation,
    replicas: replicasOf(bot.spec),
    isSuspended: bot.spec.suspend === true,
    verdict,
    duplicate,
    view,
    fleet,
    previous,
    nowMs,
  });
  const live = (view?.slots ?? []).filter(isLive);
  const teamName = live.find((slot) => slot.teamName !== '')?.teamName ?? previous?.teamName;
  const botUserID = live.find((slot) => slot.botUserID !== '')?.botUserID ?? previous?.botUserID;
  return {
    ...sockets,
    ...(teamName === undefined ? {} : { teamName: teamName.slice(0, 1024) }),
    ...(botUserID === undefined ? {} : { botUserID: botUserID.slice(0, 64) }),
  };
}

function duplicateStop(bot: JudgedBot, other: Rival | undefined): Stop {
  return other === undefined ? undefined : { reason: 'DuplicateBot', message: duplicateText(bot, other) };
}

function duplicateText({ metadata, spec }: JudgedBot, other: Rival): string {
  // A tenant must not learn the names of another tenant's objects.
  const isNear = other.namespace === metadata.namespace;
  if (other.kind !== 'SlackBot') {
    const name = isNear ? `${other.kind} ${other.name}` : `a ${other.kind} in another namespace`;
    return `${name} serves the same app: set spec.transport to App and spec.appRef to it, or give this SlackBot an app of its own`;
  }
  const name = isNear ? `SlackBot ${other.name}` : 'an older SlackBot in another namespace';
  switch (spec.transport) {
    case 'RTM':
      return `${name} has the same team and token and runs this bot: delete one of the two, or change the token`;
    case 'App':
      return `${name} has the same team and the same SlackApp: delete one of the two`;
    case 'SocketMode':
      return other.keys.some((key) => key.endsWith(` ${spec.teamID}`))
        ? `${name} has the same app and team and runs this bot: delete one of the two, or give this one another app`
        : `${name} uses the same app for another team, and Slack would send each of them only a part of the events: ` +
            'create a SlackApp for the app, and set spec.transport to App in both, or give this one another app';
    default:
      return spec.transport satisfies never;
  }
}
