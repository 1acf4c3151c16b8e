import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSlot, type KindFields } from '../../core/protocol/assignment.ts';
import { clusterKeys, connectBudgetKey } from '../../core/protocol/keys.ts';
import { newFleetKey, parseFleetKeys, sealingKey } from '../../core/protocol/seal.ts';
import { tokenDigest } from '../../core/protocol/token.ts';
import type { IoredisClient } from '../../core/redis/ioredis-client.ts';
import { generatedTeam } from '../../slack-simulator/team.ts';
import { startRedis } from '../../test/support/redis-server.ts';
import { assignedSlot } from '../fleet/assigned-slot.ts';
import { benchRedis } from '../redis.ts';
import { type LoadSlack, startLoadSlack } from './slack.ts';
import type { LoadPlan } from './slack-process.ts';
import type { SubjectPlace } from './subject.ts';

const CLUSTER = 'bench';

/** What Redis has spent so far. */
export interface RedisCost {
  /** The server's process, all of it. */
  cpuMicros: number;
  /** In the commands alone, by INFO commandstats. */
  commandMicros: number;
}

/** A Redis and a Slack of their own for one measurement, and teams assigned to pods as the planner would. */
export interface Field {
  slack: LoadSlack;
  redis: IoredisClient;
  redisPort: number;
  /** Where a subject finds all of it. */
  placeOf(pod: string): SubjectPlace;
  redisCost(): Promise<RedisCost>;
  /** As if no connect was made lately: nobody waits for a team's connects to come back. */
  forgetConnects(): Promise<void>;
  stop(): Promise<void>;
}

/** @param pods the teams are dealt out to them in turn */
export async function startField(plan: LoadPlan, pods: readonly string[]): Promise<Field> {
  const folder = mkdtempSync(join(tmpdir(), 'relax-bench-'));
  const slack = await startLoadSlack(plan);
  const server = await startRedis();
  const redis = await benchRedis(server.url);
  const key = newFleetKey();
  const fleetKeyFile = join(folder, 'keys');
  writeFileSync(fleetKeyFile, key);
  const teams = Array.from({ length: plan.teams }, (_, at) => ({ n: at + 1, ...generatedTeam(at + 1) }));
  const keys = clusterKeys(CLUSTER);
  const fleetKey = sealingKey(parseFleetKeys(key), []);
  const tokenFileOf = (pod: string): string => join(folder, `tokens-${pod}`);
  for (const [at, pod] of pods.entries()) {
    const its = teams.filter(({ n }) => n % pods.length === at);
    const slots: Record<string, string> = {};
    for (const { n, teamID, token } of its) {
      const kind: KindFields = { kind: 'rtm', teamID };
      const owner = { cluster: CLUSTER, ownerUid: `uid-${n}` };
      slots[`uid-${n}/0`] = encodeSlot(assignedSlot({ token, kind, bot: `bots/bot-${n}` }, fleetKey, owner));
    }
    await redis.hset(keys.assign(pod), slots);
    await redis.set(keys.version(pod), '1');
    writeFileSync(tokenFileOf(pod), its.map(({ token }) => token).join('\n'));
  }
  return {
    slack,
    redis,
    redisPort: server.port,
    placeOf: (pod) => ({
      redisUrl: server.url,
      slackUrl: slack.url,
      caFile: slack.caFile,
      tokenFile: tokenFileOf(pod),
      fleetKeyFile,
      cluster: CLUSTER,
      pod,
    }),
    redisCost: async () => redisCost(await redis.info('cpu'), await redis.info('commandstats')),
    async forgetConnects() {
      await redis.batch(teams.map(({ teamID, token }) => ['del', connectBudgetKey(teamID, tokenDigest(token))]));
    },
    async stop() {
      redis.close();
      await slack.stop();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const numberOf = (info: string, name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);

function redisCost(cpu: string, stats: string): RedisCost {
  const seconds = numberOf(cpu, 'used_cpu_user') + numberOf(cpu, 'used_cpu_sys');
  // A script's commands are counted again, each by its own name.
  const outer = [...stats.matchAll(/^cmdstat_(?:evalsha|eval|fcall):calls=\d+,usec=(\d+)/gm)];
  return { cpuMicros: seconds * 1e6, commandMicros: outer.reduce((sum, [, micros]) => sum + Number(micros), 0) };
}
