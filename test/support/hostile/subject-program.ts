/**
 * Real slots of the connector in a process of their own, so that what they leave behind, reject or log is theirs alone, and
 * trust and proxy come from the environment as in production. Arguments: the URL of a Redis. Speaks `subject-protocol.ts`.
 */
import { systemClock } from '#core/process/clock.ts';
import { createLog } from '#core/process/log.ts';
import { IoredisClient } from '#core/redis/ioredis-client.ts';
import { RedisClock } from '#core/redis/redis-clock.ts';
import { useEgressProxy } from '#core/slack/egress-proxy.ts';
import { bendLookups, NAMES_FILE } from '#test/support/network/names.ts';
import { Lateness } from './lateness.ts';
import type { FromSubject, ToSubject } from './subject-protocol.ts';
import { SubjectSlot } from './subject-slot.ts';

const COUNTED = ['TCPSocketWrap', 'TLSWrap', 'Timeout', 'GetAddrInfoReqWrap'];
/** fetch keeps an idle connection for 4 s. */
const SETTLE_MS = 8_000;

const tell = (message: FromSubject): void => void process.send?.(message);
for (const event of ['unhandledRejection', 'uncaughtException']) {
  process.on(event, (error: unknown) => {
    tell({
      what: 'defect',
      text: `${event}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    });
  });
}

bendLookups(process.env[NAMES_FILE] ?? '');

const count = (): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
};
const lateness = new Lateness().watch((ms) => tell({ what: 'late', ms }));
const before = count();

const log = createLog({ program: 'subject', level: 'trace', to: { write: (line) => tell({ what: 'log', line }) } });
const proxy = useEgressProxy(process.env);
const settings = { url: process.argv[2] ?? '', username: undefined, passwordFile: undefined, caFile: undefined };
const redis = new IoredisClient(settings, 'command', 'subject', log);
await redis.connect();
const redisClock = new RedisClock(systemClock);
await redisClock.sync(redis);
const slots = new Map<number, SubjectSlot>();

process.on('message', (message: ToSubject) => {
  switch (message.do) {
    case 'open':
      for (const order of message.slots) {
        const slot = new SubjectSlot(order, { redis, redisNowMs: () => redisClock.nowMs(), log, proxy, tell });
        slots.set(order.id, slot);
        slot.start();
      }
      return;
    case 'stop':
      void stop(message.id);
      return;
    case 'end':
      void end();
      return;
    default:
      message satisfies never;
  }
});
// Nobody outlives the test that started it, however that ended.
process.on('disconnect', () => process.exit());
tell({ what: 'ready' });

async function stop(id: number): Promise<void> {
  const timers = (await slots.get(id)?.stop()) ?? 0;
  slots.delete(id);
  tell({ what: 'stopped', id, timers });
}

async function end(): Promise<void> {
  redis.close();
  lateness.stop();
  const left = (): Record<string, number> =>
    Object.fromEntries(
      COUNTED.flatMap((kind) => {
        const more = (count().get(kind) ?? 0) - (before.get(kind) ?? 0);
        return more > 0 ? [[kind, more]] : [];
      }),
    );
  const deadlineMs = systemClock.monotonicMs() + SETTLE_MS;
  // The wait itself holds no timer while it counts.
  while (Object.keys(left()).length > 0 && systemClock.monotonicMs() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  tell({ what: 'left', resources: left() });
  process.disconnect();
}
