import type { Route } from '../../core/protocol/route.ts';
import type { SocketSet } from '../plan/types.ts';

/**
 * What the planner should bring about, made by the reconciler (SlackBots) or by standalone mode (a directory). It is a value:
 * a change makes new maps, so identical maps mean that nothing has changed.
 */
export interface Desired {
  /** The list is complete except for `unlisted`, so an assignment whose owner is nowhere in here may be removed. */
  synced: boolean;
  /** Namespaces that can't be listed (yet), or `ALL_NAMESPACES`: what is assigned to bots there stays, and holds up no others. */
  unlisted: ReadonlySet<string>;
  /** Owner uid -> bot that should have sockets. */
  bots: ReadonlyMap<string, DesiredBot>;
  /** Owner uid -> bot that must have none and whose late events are refused by the fence. */
  stopped: ReadonlyMap<string, StoppedBot>;
  /** Owner uid -> bot that an app's sockets carry; a suspended one is in `stopped` as well. */
  routed: ReadonlyMap<string, RoutedBot>;
  /** Owner uids of bots that exist but of which nothing else is known: whatever they have stays (design rule 10). */
  kept: ReadonlySet<string>;
  /** Owner uids to whose credentials a record of a refused token applies (`refusal-keeper.ts`); absent: none. */
  refused?: ReadonlySet<string> | undefined;
}

export interface DesiredBot {
  set: SocketSet;
  /** Plain; sealed when it is written. Never in a log. */
  token: string;
}

export interface StoppedBot {
  why: 'suspended' | 'deleted';
  /** Events of assignments up to this generation are refused. */
  generation: number;
}

/** A row of an app's route table. */
export interface RoutedBot {
  /** Owner uid of the app. */
  appUid: string;
  teamID: string;
  /** Without token: the planner seals it (`route-seals.ts`). */
  route: Route;
  /** Its bot token, plain, never in a log; `asBefore`: not known now, so what the table has of it stays. Absent: it has none. */
  token?: { plain: string; digest: string } | 'asBefore';
}

/** What is wanted of one owner: a bot, or an app. */
export type Want =
  /** It wants these sockets. `routed`: it moves from them to those of an app, or back. */
  | { kind: 'run'; bot: DesiredBot; routed?: RoutedBot }
  /** It wants none of its own: those of an app carry its events. */
  | ({ kind: 'route' } & RoutedBot)
  /** It must have none, and its late events are refused. `routed`: an app has to know that they are. */
  | ({ kind: 'stop'; routed?: RoutedBot } & StoppedBot)
  /** It wants none, or is gone. */
  | { kind: 'none' }
  /** Not known now: what it wanted before counts; if that is not known either, what it has stays. */
  | { kind: 'unknown' };
