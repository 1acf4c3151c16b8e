import { join } from 'node:path';
import { expect } from 'vitest';
import type { FleetStatus } from '#cli/status/fleet-status.ts';
import { runCommand } from '#test/support/command.ts';
import { waitFor } from '#test/support/wait.ts';
import { type BotClaim, type Source, TruthRecorder } from './status-truth.ts';

const BIN = join(import.meta.dirname, '../../../bin/relax.mjs');

/** How far behind a status may be: a second each for the report, the round and the write, and what asking takes. */
export const READY_LAG_MS = 4_000;
/** A process that is killed says nothing: its lease must run out. */
export const LEASE_MS = 15_000;

/** `relax status` as a process, and what its exit code has to be. */
export async function askRelaxStatus(env: Readonly<Record<string, string>>): Promise<FleetStatus> {
  const flags = Object.entries(env).flatMap(([flag, value]) => [`--${flag}`, value]);
  const { code, stdout, stderr } = await runCommand(process.execPath, [BIN, 'status', '-o', 'json', ...flags]);
  if (code !== 0 && code !== 3) throw new Error(stderr);
  const status = JSON.parse(stdout) as FleetStatus;
  expect([code, status.problems.length > 0]).toEqual(status.healthy ? [0, false] : [3, true]);
  return status;
}

export const relaxStatusSource =
  (redisUrl: string): Source =>
  async () => {
    const { healthy, clusters } = await askRelaxStatus({ 'redis-url': redisUrl });
    const { bots: ofTeams, apps } = clusters[0] ?? { bots: { list: [] }, apps: { list: [] } };
    const lines = [...ofTeams.list, ...apps.list.map(({ app, ...line }) => ({ ...line, bot: app }))];
    const bots = lines.map(({ bot, live, ready }): [string, BotClaim] => [bot.replace('bots/', ''), { live, ready }]);
    // Nothing that it has heard of is missing, as long as no SlackBot has been judged.
    return bots.length === 0 ? { bots: new Map() } : { healthy, bots: new Map(bots) };
  };

export interface StatusWatch {
  /** Bot -> sockets that it is to have in a whole fleet. */
  wanted: ReadonlyMap<string, number>;
  /** At Slack, now. */
  counted(): Promise<ReadonlyMap<string, number>>;
  /** Added to the message when the fleet does not become whole. */
  story(): Promise<string>;
}

/** Asks and counts while `action` runs and until all sockets are there and everybody tells so; then nothing may have been a lie. */
export async function expectTruth(
  { wanted, counted, story }: StatusWatch,
  sources: Readonly<Record<string, Source>>,
  lags: { liveLagMs: number; readyLagMs: number },
  action: () => Promise<void>,
): Promise<void> {
  const recorder = new TruthRecorder(counted, sources, 500);
  try {
    await action();
    const slackHasAll = async (): Promise<boolean> => {
      const sockets = await counted();
      return [...wanted].every(([bot, live]) => sockets.get(bot) === live);
    };
    await waitFor(slackHasAll, { timeoutMs: 90_000, everyMs: 50, what: 'all sockets at Slack' });
    const wholeAtMs = performance.now();
    for (const source of Object.keys(sources)) {
      const tellsAll = (): boolean => {
        const last = recorder.claims.findLast((claim) => claim.source === source);
        if (last === undefined || last.beganMs < wholeAtMs || last.healthy === false) return false;
        return [...wanted].every(([bot, live]) => last.bots.get(bot)?.live === live);
      };
      await waitFor(tellsAll, { timeoutMs: 60_000, everyMs: 100, what: `${source} tells of a whole fleet` });
    }
  } catch (cause) {
    throw new Error(await story(), { cause });
  } finally {
    await recorder.stop();
  }
  expect(recorder.lies({ desired: wanted, ...lags })).toEqual([]);
}

/** For anybody who would go on telling an old story. */
export async function lasting(ms: number): Promise<void> {
  const from = performance.now();
  await waitFor(() => performance.now() - from > ms, { timeoutMs: ms + 5_000, everyMs: 100 });
}
