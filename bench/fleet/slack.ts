import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { StandingFault } from '../../slack-simulator/fault.ts';
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

interface Reply {
  id: number;
  value?: unknown;
  error?: string;
}

export async function startSlack(plan: SlackPlan): Promise<Slack> {
  const child = fork(join(import.meta.dirname, 'slack-process.ts'));
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  child.on('message', ({ id, value, error }: Reply) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(value);
    else asked?.reject(new Error(`the Slack stand-in: ${error}`));
  });
  child.on('exit', () => {
    for (const asked of waiting.values()) asked.reject(new Error('the Slack stand-in has ended'));
  });
  const ask = (request: SlackRequest): Promise<unknown> => {
    last += 1;
    const asked = Promise.withResolvers<unknown>();
    waiting.set(last, asked);
    child.send({ id: last, request });
    return asked.promise;
  };
  const started = (await ask({ do: 'start', plan })) as SlackStarted;
  return {
    ...started,
    strike: async (blow) => Number(await ask({ do: 'strike', blow })),
    fault: async (fault) => void (await ask({ do: 'fault', fault })),
    heal: async () => void (await ask({ do: 'heal' })),
    look: async () => (await ask({ do: 'look' })) as SlackView,
    async stop() {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
}
