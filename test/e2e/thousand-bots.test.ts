import { afterAll, beforeAll, expect, it } from 'vitest';
import { clusterKeys } from '#core/protocol/keys.ts';
import { KubeClient } from '#operator/kube/client.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { botOf, KubeFleet, secretOf } from '#test/support/e2e/kube-fleet.ts';
import { type ApiServer, startApiServer } from '#test/support/kube/api-server.ts';
import { kubeBinariesSuite, kubeConfigFrom } from '#test/support/kube/kube-suite.ts';
import { waitFor } from '#test/support/wait.ts';

const COUNT = 1_000;
const MINUTE_MS = 60_000;
const NAMESPACE = 'bots';

kubeBinariesSuite('a thousand SlackBots that are created and deleted at once', () => {
  let api: ApiServer;
  let fleet: KubeFleet;
  let client: KubeClient;

  beforeAll(async () => {
    api = await startApiServer();
    const loadConfig = () => kubeConfigFrom(api.kubeconfigPath);
    client = new KubeClient({ loadConfig, callsPerSecond: 2_000, callsBurst: 2_000 });
    fleet = await KubeFleet.start(api);
    fleet.operator('operator-0');
    fleet.operator('operator-1');
    fleet.connector('connector-0', 'zone-a');
    fleet.connector('connector-1', 'zone-b');
  });
  afterAll(async () => {
    await client?.close();
    await fleet?.stop();
    await api?.stop();
  });

  async function create(): Promise<void> {
    const numbers = Array.from({ length: COUNT }, (_, index) => index + 1);
    for (const n of numbers) fleet.slack.addTeam(generatedTeam(n));
    const secrets = { group: '', version: 'v1', plural: 'secrets', namespace: NAMESPACE };
    const bots = { group: 'relax.dev', version: 'v1alpha1', plural: 'slackbots', namespace: NAMESPACE };
    // 50 at a time, as a tool would.
    for (let from = 0; from < COUNT; from += 50) {
      const some = numbers.slice(from, from + 50);
      await Promise.all(some.map((n) => client.create(secrets, secretOf(n, NAMESPACE))));
    }
    for (let from = 0; from < COUNT; from += 50) {
      const some = numbers.slice(from, from + 50);
      await Promise.all(some.map((n) => client.create(bots, botOf(n, NAMESPACE))));
    }
  }

  it('are gone within a minute, and so are their sockets and slots', { timeout: 5 * MINUTE_MS }, async () => {
    await create();
    const path = `/apis/relax.dev/v1alpha1/namespaces/${NAMESPACE}/slackbots`;
    const sinceMs = performance.now();
    await fleet.kubectl.must(['delete', '--raw', path]);
    const story: string[] = [];
    await waitFor(
      async () => {
        const left = (await fleet.bots()).length;
        story.push(`${Math.round((performance.now() - sinceMs) / 1000)} s: ${left}, ${fleet.slack.sockets().length}`);
        return left === 0;
      },
      { timeoutMs: 4 * MINUTE_MS, everyMs: 2_000, what: 'all gone' },
    ).catch((cause: unknown) => {
      throw new Error(story.join('\n'), { cause });
    });
    const tookMs = performance.now() - sinceMs;
    expect(tookMs).toBeLessThan(MINUTE_MS);
    await waitFor(() => fleet.slack.sockets().length === 0, { timeoutMs: 30_000, what: 'no socket' });
    const keys = clusterKeys('e2e');
    for (const pod of ['connector-0', 'connector-1']) expect(await fleet.redis.hlen(keys.assign(pod))).toBe(0);
  });
});
