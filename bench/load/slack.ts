import { join } from 'node:path';
import { forkAsked } from '../fleet/asked-child.ts';
import type { Burst, LoadPlan, LoadRequest, LoadStarted, LoadView } from './slack-process.ts';

/** The Slack of `slack-process.ts`, as the program sees it that measures. */
export interface LoadSlack extends LoadStarted {
  pid: number;
  burst(burst: Burst): Promise<void>;
  drop(count?: number): Promise<void>;
  refresh(count: number): Promise<void>;
  look(): Promise<LoadView>;
  stop(): Promise<void>;
}

export async function startLoadSlack(plan: LoadPlan): Promise<LoadSlack> {
  const { ask, stop, pid } = forkAsked<LoadRequest>(join(import.meta.dirname, 'slack-process.ts'), "the load's Slack");
  const started = (await ask({ do: 'start', plan })) as LoadStarted;
  return {
    ...started,
    pid,
    burst: async (burst) => void (await ask({ do: 'burst', burst })),
    drop: async (count) => void (await ask({ do: 'drop', ...(count === undefined ? {} : { count }) })),
    refresh: async (count) => void (await ask({ do: 'refresh', count })),
    look: async () => (await ask({ do: 'look' })) as LoadView,
    stop,
  };
}
