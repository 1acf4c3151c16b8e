import { join } from 'node:path';
import type { StandingFault } from '../../slack-simulator/fault.ts';
import { forkAsked } from './asked-child.ts';
import type { Blow, SlackPlan, SlackRequest, SlackStarted, SlackView } from './slack-process.ts';

/** The stand-in of `slack-process.ts`, as the program sees it that measures. */
export interface Slack extends SlackStarted {
  /** @returns how many sockets were struck */
  strike(blow: Blow): Promise<number>;
  fault(fault: StandingFault): Promise<void>;
  heal(): Promise<void>;
  look(): Promise<SlackView>;
  stop(): Promise<void>;
}

export async function startSlack(plan: SlackPlan): Promise<Slack> {
  const { ask, stop } = forkAsked<SlackRequest>(join(import.meta.dirname, 'slack-process.ts'), 'the Slack stand-in');
  const started = (await ask({ do: 'start', plan })) as SlackStarted;
  return {
    ...started,
    strike: async (blow) => Number(await ask({ do: 'strike', blow })),
    fault: async (fault) => void (await ask({ do: 'fault', fault })),
    heal: async () => void (await ask({ do: 'heal' })),
    look: async () => (await ask({ do: 'look' })) as SlackView,
    stop,
  };
}
