import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { SlackBot } from '#core/api/slackbot.ts';
import { newFleetKey } from '#core/protocol/seal.ts';
import { isUnheard } from '#slack-simulator/ledger.ts';
import { condition, isRedundant, KubeFleet } from '#test/support/e2e/kube-fleet.ts';
import { audit, queueItems, settledAudit } from '#test/support/e2e/queue-audit.ts';
import type { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { type ApiServer, startApiServer } from '#test/support/kube/api-server.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { waitFor } from '#test/support/wait.ts';

/**
 * The documented install, repeated on the same Redis: a second installation has the first one's scope and pod names. All
 * as processes, while events flow.
 */
const BOTS = Array.from({ length: 6 }, (_, index) => index + 1);
const PODS = [
  ['connector-0', 'zone-a'],
  ['connector-1', 'zone-b'],
] as const;

let files = 0;

kubeBinariesSuite('A second installation under the scope name of the first', () => {
  let api: ApiServer;
  let fleet: KubeFleet;
  let folder: string;
  let namespace: string;
  let owner: string;

  beforeAll(async () => {
    api = await startApiServer();
  });
  afterAll(() => api?.stop());
  beforeEach(async () => {
    files += 1;
    namespace = `first-${files}`;
    folder = mkdtempSync(join(tmpdir(), 'relax-two-'));
    writeFileSync(join(folder, 'other-key'), newFleetKey());
    fleet = await KubeFleet.start(api, namespace);
    const uid = await fleet.kubectl.must(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}']);
    owner = `${uid}/${namespace}`;
    startFirst();
    await fleet.applyBots(BOTS);
    await fleet.untilBots('all bots 2/2', isRedundant);
  });
  afterEach(async () => {
    await fleet?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function startFirst(): void {
    fleet.operator('operator-0', { RELAX_WATCH_NAMESPACES: namespace });
    for (const [pod, zone] of PODS) fleet.connector(pod, zone, { RELAX_OWNER: owner });
  }

  const firsts = (): RelaxProgram[] => ['operator-0', ...PODS.map(([pod]) => pod)].map((name) => fleet.program(name));

  /** Connectors under the same names. */
  function startSecond(name: string, more: Readonly<Record<string, string>>): RelaxProgram[] {
    return PODS.map(([pod, zone]) => fleet.connector(`${name}-${pod}`, zone, { RELAX_POD: pod, ...more }));
  }

  async function untilBarred(programs: readonly RelaxProgram[], words: string): Promise<void> {
    for (const program of programs) {
      const { why } = await program.logged('not taking assignments under this pod name');
      expect(why).toContain(words);
    }
  }

  const untouched = (bot: SlackBot): boolean => isRedundant(bot) && condition(bot, 'Redundant')?.status === 'True';

  /** Looks at every bot again and again while several renewals pass. */
  async function expectUntouchedThrough(renewals: number): Promise<void> {
    const seen = new Set<string>();
    await waitFor(
      async () => {
        seen.add((await fleet.redis.zscore('relax:{c:e2e}:pods', 'connector-0')) ?? '');
        const wrong = (await fleet.bots()).filter((bot) => !untouched(bot));
        if (wrong.length > 0) throw new Error(`disturbed: ${JSON.stringify(wrong[0]?.status)}`);
        return seen.size > renewals;
      },
      { timeoutMs: 60_000, everyMs: 300, what: `${renewals} renewals` },
    );
  }

  const socketIDs = () =>
    fleet.slack
      .sockets()
      .map(({ id }) => id)
      .sort();

  const withKey = (key: 'same' | 'other') =>
    key === 'same' ? {} : { RELAX_FLEET_KEY_FILE: join(folder, 'other-key') };

  it.each(['same', 'other'] as const)(
    'disturbs nothing with the %s fleet key, whether told its owner or not',
    async (key) => {
      const sockets = socketIDs();
      const versions = await fleet.redis.mget(PODS.map(([pod]) => `relax:{c:e2e}:version:${pod}`));
      const burst = fleet.slack.startBurst({ events: 1_000_000, perSecond: 100 });
      const operator = fleet.operator('second-operator', { RELAX_LEADER_NAMESPACE: `${namespace}-2`, ...withKey(key) });
      const told = startSecond('told', { RELAX_OWNER: `${owner}-2`, ...withKey(key) });
      const untold = startSecond('untold', withKey(key));
      expect(await operator.ended()).toBe(1);
      for (const part of ['belongs to', owner, `${owner}-2`, 'RELAX_CLUSTER']) expect(operator.tail()).toContain(part);
      await untilBarred(told, 'belongs to');
      await untilBarred(untold, 'renews this pod name');
      await expectUntouchedThrough(3);
      expect(socketIDs()).toEqual(sockets);
      expect(await fleet.redis.mget(PODS.map(([pod]) => `relax:{c:e2e}:version:${pod}`))).toEqual(versions);
      for (const program of [...told, ...untold]) expect(await program.stop()).toBe(0);
      await expectUntouchedThrough(1);
      burst.stop();
      await burst.finished;
      const { lost, duplicated, sent } = await settledAudit(fleet.redis, fleet.queue, () => fleet.slack.events());
      expect({ lost: lost.length, duplicated: duplicated.length }).toEqual({ lost: 0, duplicated: 0 });
      expect(sent).toBeGreaterThan(500);
    },
  );

  it('takes its names over when the first is killed under load, and gives them back when it returns', async () => {
    const second = startSecond('second', {});
    await untilBarred(second, 'renews this pod name');
    const burst = fleet.slack.startBurst({ events: 1_000_000, perSecond: 100 });
    await waitFor(() => burst.state().emitted > 200);
    await Promise.all(firsts().map((program) => program.kill()));
    await fleet.minutePasses();
    const live = () => fleet.slack.sockets().filter(({ state }) => state === 'live').length;
    await waitFor(() => live() === 2 * BOTS.length, { timeoutMs: 40_000, what: 'the second has the sockets' });

    await fleet.minutePasses();
    startFirst();
    for (const [pod] of PODS) {
      await waitFor(async () => (await fleet.session(pod))?.owner === owner, {
        timeoutMs: 20_000,
        what: `${pod} is back`,
      });
    }
    await fleet.untilBots('all bots 2/2 again', untouched, { timeoutMs: 60_000 });
    await expectUntouchedThrough(3);
    burst.stop();
    await burst.finished;
    const heard = fleet.slack.events().filter((event) => !isUnheard(event));
    const { duplicated } = audit(heard, await queueItems(fleet.redis, fleet.queue));
    expect(duplicated).toEqual([]);

    // What the killed ones had read, and not queued, is gone; from then on nothing is.
    fleet.slack.forgetEvents();
    await fleet.slack.startBurst({ events: 300, perSecond: 300 }).finished;
    const after = await settledAudit(fleet.redis, fleet.queue, () => fleet.slack.events());
    expect({ lost: after.lost.length, duplicated: after.duplicated.length }).toEqual({ lost: 0, duplicated: 0 });
  });

  it('does not block the first one with a key that opens nothing: it returns and all bots are Ready', async () => {
    const second = startSecond('second', withKey('other'));
    await untilBarred(second, 'renews this pod name');
    await Promise.all(firsts().map((program) => program.kill()));
    for (const [pod] of PODS) {
      await waitFor(async () => (await fleet.session(pod))?.owner === '', {
        timeoutMs: 30_000,
        what: `${pod} is taken`,
      });
    }
    await fleet.minutePasses();
    startFirst();
    await fleet.untilBots('all bots 2/2 again', untouched, { timeoutMs: 60_000 });
    await expectUntouchedThrough(3);
  });
});
