import type { BotSummary } from '../../core/bot-summary.ts';
import type { FleetView } from '../../operator/fleet/fleet-view.ts';
import { columns } from '../terminal/columns.ts';

export interface FleetBlock {
  bots: readonly BotSummary[];
  pods: FleetView['pods'];
  /** What is wrong with the fleet, and with the files. */
  faults: readonly string[];
  /** Bots that may be listed; those that are not ready come first. */
  rows: number;
}

/** What a person sees at a terminal: pods, bots, and what is wrong. Pure. */
export function fleetBlock({ bots, pods, faults, rows }: FleetBlock): string[] {
  const ready = bots.filter((bot) => bot.ready).length;
  const live = bots.reduce((sum, bot) => sum + bot.live, 0);
  const desired = bots.reduce((sum, bot) => sum + bot.desired, 0);
  const order = [...bots].sort((a, b) => Number(a.ready) - Number(b.ready) || (a.bot < b.bot ? -1 : 1));
  const left = order.length - rows;
  return [
    '',
    ...columns(
      ['CONNECTOR', 'ZONE', 'STATE', 'SOCKETS'],
      pods.map((pod) => [pod.pod, pod.zone, pod.state, `${pod.live}/${pod.slots}`]),
    ),
    '',
    ...columns(
      ['BOT', 'TEAM', 'READY', 'SOCKETS', 'ZONES', 'REASON'],
      order
        .slice(0, rows)
        .map((bot) => [
          ...[bot.bot, bot.teamID, bot.ready ? 'yes' : 'no', `${bot.live}/${bot.desired}`, bot.zones.join(',')],
          bot.ready ? bot.reason : `${bot.reason}: ${bot.message}`,
        ]),
    ),
    ...(left > 0 ? [`... and ${left} more`] : []),
    '',
    `${ready} of ${bots.length} bots ready, ${live} of ${desired} sockets live`,
    ...faults.map((fault) => `! ${fault}`),
  ];
}
