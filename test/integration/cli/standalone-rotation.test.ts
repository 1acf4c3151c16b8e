import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generatedTeam } from '#slack-simulator/team.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { type SlackProgram, startSlackProgram } from '#test/support/e2e/slack-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const CLIENT = { clientID: '111.222', clientSecret: 'client-secretpart' };
const { teamID } = generatedTeam(1);
const folder = mkdtempSync(join(tmpdir(), 'relax-rotation-'));
const file = join(folder, 'bots', 'bot.yaml');
const server = useRedis();
let slack: SlackProgram;
let relax: RelaxProgram;

const start = () =>
  new RelaxProgram('standalone', ['standalone', '--bots', join(folder, 'bots'), '--connectors', '1'], {
    RELAX_REDIS_URL: server.url,
    RELAX_SLACK_API_URL: slack.url,
    RELAX_CLUSTER: 'rotation',
    RELAX_METRICS_PORT: '0',
    NODE_EXTRA_CA_CERTS: slack.caFile,
    XDG_STATE_HOME: folder,
  });
const rotation = async () => {
  const [found] = await slack.control.tokens.rotations();
  if (found === undefined) throw new Error('no rotation');
  return found;
};
const untilLive = () =>
  waitFor(async () => (await slack.control.sockets(teamID)).filter(({ state }) => state === 'live').length === 1, {
    timeoutMs: 30_000,
    what: 'a live socket',
  }).catch((cause: unknown) => {
    throw new Error(relax.tail(), { cause });
  });

beforeAll(async () => {
  mkdirSync(join(folder, 'bots'));
  slack = await startSlackProgram(1);
  const pair = await slack.control.tokens.rotate({ teamID }, CLIENT);
  await slack.control.tokens.expire(pair.accessToken);
  writeFileSync(
    file,
    `apiVersion: relax.dev/v1alpha1
kind: SlackBot
metadata: { name: bot, namespace: bots }
spec: { teamID: ${teamID}, replicas: 1, credentials: { secretRef: { name: bot } } }
---
apiVersion: v1
kind: Secret
metadata: { name: bot, namespace: bots }
stringData:
  token: ${pair.accessToken}
  refresh-token: ${pair.refreshToken}
  client-id: "${CLIENT.clientID}"
  client-secret: ${CLIENT.clientSecret}
`,
  );
  relax = start();
});
afterAll(async () => {
  await relax?.stop();
  await slack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('standalone mode refreshes an expired token, writes no manifest, and knows the new one after a restart', async () => {
  const before = readFileSync(file, 'utf8');
  await untilLive();
  const { refreshes, pair } = await rotation();
  expect(refreshes).toBe(1);
  await relax.stop();
  const said = relax.lines.map((line) => JSON.stringify(line)).join('\n');
  for (const secret of [pair.accessToken, pair.refreshToken, CLIENT.clientSecret]) expect(said).not.toContain(secret);
  relax = start();
  await untilLive();
  expect((await rotation()).refreshes).toBe(1);
  expect(readFileSync(file, 'utf8')).toBe(before);
});
