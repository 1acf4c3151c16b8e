import { expect } from 'vitest';
import { isUnheard } from '#slack-simulator/ledger.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import type { ApiServer } from '#test/support/kube/api-server.ts';
import { waitFor } from '#test/support/wait.ts';
import { isRedundant, KubeFleet } from './kube-fleet.ts';
import { settledAudit } from './queue-audit.ts';

const COUNT = 50;
export const KINDS = ['message', 'edited', 'deleted', 'reaction_added', 'bot_message'] as const;

/** Two operators and three connectors in two zones as processes, on a real API server, with fifty SlackBots. */
export class FiftyBots {
  readonly fleet: KubeFleet;
  readonly numbers: readonly number[] = Array.from({ length: COUNT }, (_, index) => index + 1);

  private constructor(fleet: KubeFleet) {
    this.fleet = fleet;
  }

  static async start(api: ApiServer): Promise<FiftyBots> {
    const fleet = await KubeFleet.start(api);
    fleet.operator('operator-0');
    fleet.operator('operator-1');
    fleet.connector('connector-0', 'zone-a');
    fleet.connector('connector-1', 'zone-b');
    fleet.connector('connector-2', 'zone-a');
    return new FiftyBots(fleet);
  }

  /** All of them, with two sockets each. */
  async create() {
    await this.fleet.applyBots(this.numbers);
    return await this.fleet.untilBots('all bots 2/2', isRedundant);
  }

  /** Events flow while `action` runs; all of them must be on the queue, once. */
  async whileEventsFlow(action: () => Promise<void>, teams?: string[]): Promise<void> {
    const { fleet } = this;
    fleet.slack.forgetEvents();
    await fleet.redis.del(fleet.queue);
    const burst = fleet.slack.startBurst({
      events: 1_000_000,
      perSecond: 100,
      kinds: [...KINDS],
      ...(teams && { teams }),
    });
    try {
      await waitFor(() => burst.state().emitted > 50, { what: 'events flow' });
      await action();
    } finally {
      burst.stop();
      await burst.finished;
    }
    await this.expectAllOnce();
  }

  async expectAllOnce(): Promise<void> {
    const { fleet } = this;
    const audit = await settledAudit(fleet.redis, fleet.queue, () => fleet.slack.events());
    expect(fleet.slack.events().filter(isUnheard)).toEqual([]);
    expect({ lost: audit.lost.length, duplicated: audit.duplicated.length }).toEqual({ lost: 0, duplicated: 0 });
    expect(audit.sent).toBeGreaterThan(0);
  }

  liveSockets(n: number) {
    return this.fleet.slack.sockets(generatedTeam(n).teamID).filter(({ state }) => state === 'live');
  }

  socketIDs(): string[] {
    return this.fleet.slack
      .sockets()
      .map(({ id }) => id)
      .sort();
  }
}
