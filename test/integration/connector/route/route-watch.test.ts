import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RouteWatch } from '#connector/route/route-watch.ts';
import { systemClock } from '#core/process/clock.ts';
import { createLog } from '#core/process/log.ts';
import { RateLimitedLog } from '#core/process/rate-limited-log.ts';
import { clusterKeys } from '#core/protocol/keys.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { routeOf } from '#test/unit/connector/route/routes.ts';

const keys = clusterKeys('c1');

const server = useRedis({ lifetime: 'test', appendOnly: true });
const redis = server.useClient();
const subscriber = server.useClient({ role: 'subscriber' });
const admin = server.useClient({ name: 'admin' });
let held: Set<string>;
let passedMs: number;
let logged: Record<string, unknown>[];
let watch: RouteWatch;
let tablesTold: number;

beforeEach(() => {
  held = new Set(['app-1']);
  passedMs = 0;
  tablesTold = 0;
  logged = [];
  const log = createLog({ program: 'test', level: 'info', to: { write: (line) => logged.push(JSON.parse(line)) } });
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
  watch = new RouteWatch({
    redis,
    subscriber,
    keys,
    apps: () => held,
    onTables: () => {
      tablesTold += 1;
    },
    clock,
    log,
    limitedLog: new RateLimitedLog(log, clock),
  });
});
afterEach(async () => {
  await watch.stop();
});

const text = (bot: string): string => JSON.stringify(routeOf({ bot }));
/** Writes a whole table, as the planner does. */
async function write(version: string | undefined, entries: Record<string, string>, app = 'app-1'): Promise<void> {
  const transaction = admin.multi().del(keys.route(app));
  const fields = version === undefined ? entries : { ...entries, '@version': version };
  for (const [team, entry] of Object.entries(fields)) transaction.hset(keys.route(app), team, entry);
  await transaction.exec();
}
/** Team -> bot. */
function bots(app = 'app-1'): Record<string, string> | undefined {
  const routes = watch.routesOf(app);
  if (routes === undefined) return undefined;
  return Object.fromEntries([...routes].map(([team, route]) => [team, route === 'unreadable' ? route : route.bot]));
}
const botOf = (team: string, app = 'app-1'): string | undefined => bots(app)?.[team];
const messages = (): unknown[] => logged.map(({ msg }) => msg);
/** Looks, and waits until that is over: a table that is read after it was written. */
async function look(): Promise<void> {
  await write('1', {}, 'probe');
  held.add('probe');
  const version = String(performance.now());
  await write(version, { T0: text(version) }, 'probe');
  watch.lookSoon();
  await waitFor(() => botOf('T0', 'probe') === version);
}

it('tells that a table was read, or that the pod holds other apps, and nothing else', async () => {
  await write('1', { T1: text('bots/one') });
  watch.start();
  await waitFor(() => watch.tables().length === 1);
  const told = tablesTold;
  expect(told).toBeGreaterThan(0);
  await look();
  const withProbe = tablesTold;
  expect(withProbe).toBeGreaterThan(told);
  held = new Set(['probe']);
  expect(watch.tables().map((routes) => [...routes.keys()])).toEqual([['T0']]);
  watch.lookSoon();
  await waitFor(() => tablesTold > withProbe);
});

/** Well below the 5 s after which it would look by itself. */
const SOON = { timeoutMs: 4_000 };

describe('waiting for the route table of an app', () => {
  const LONG_MS = 60_000;

  it('ends when it was read, and at once when it was read before', async () => {
    await write('1', { T1: text('bots/one') });
    watch.start();
    await watch.whenRead('app-1', LONG_MS);
    expect(bots()).toEqual({ T1: 'bots/one' });
    await watch.whenRead('app-1', LONG_MS);
  });

  it('ends when Redis has none', async () => {
    watch.start();
    await watch.whenRead('app-1', LONG_MS);
    expect(bots()).toBeUndefined();
  });

  it('ends after the given time when Redis is away', async () => {
    await server.kill();
    watch.start();
    await watch.whenRead('app-1', 50);
    expect(bots()).toBeUndefined();
  });
});

describe('the route table of an app', () => {
  it('is unknown until it was read, and then says which SlackBot a team belongs to', async () => {
    await write('1', { T1: text('bots/one'), T2: text('bots/two') });
    expect(bots()).toBeUndefined();
    watch.start();
    await waitFor(() => bots());
    expect(bots()).toEqual({ T1: 'bots/one', T2: 'bots/two' });
  });

  it('that has no team is known, unlike one that Redis does not have', async () => {
    held.add('app-2');
    await write('1', {});
    watch.start();
    await waitFor(() => bots());
    expect([bots(), bots('app-2')]).toEqual([{}, undefined]);
  });

  it('is read soon after a nudge', async () => {
    await write('1', { T1: text('bots/one') });
    await subscriber.subscribe(keys.nudge('c-0'));
    watch.start();
    await waitFor(() => bots());
    await write('2', { T1: text('bots/other') });
    await admin.publish(keys.nudge('c-0'), '1');
    await waitFor(() => botOf('T1') === 'bots/other', SOON);
  });

  it('is read without any nudge within 10 s', async () => {
    await write('1', {});
    watch.start();
    await waitFor(() => bots());
    await write('2', { T1: text('bots/one') });
    await waitFor(() => botOf('T1') === 'bots/one', { timeoutMs: 11_000 });
  });

  it('is read when the connection is back, since nudges of that time are lost', async () => {
    await write('1', {});
    watch.start();
    await waitFor(() => bots());
    await write('2', { T1: text('bots/one') });
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await waitFor(() => botOf('T1') === 'bots/one', SOON);
  });

  it('is read as a whole only when its version differs', async () => {
    await write('1', { T1: text('bots/one') });
    watch.start();
    await waitFor(() => bots());
    await admin.hset(keys.route('app-1'), 'T1', text('bots/other'));
    await look();
    expect(botOf('T1')).toBe('bots/one');
  });

  it('is read again when its version goes backwards, as after Redis has lost its state', async () => {
    await write('9', { T1: text('bots/one'), T2: text('bots/two') });
    watch.start();
    await waitFor(() => bots());
    await write('3', { T1: text('bots/one') });
    await look();
    expect(bots()).toEqual({ T1: 'bots/one' });
  });

  it('stays as it was while Redis has lost it, or has it without a version', async () => {
    await write('1', { T1: text('bots/one') });
    watch.start();
    await waitFor(() => bots());
    await admin.flushall();
    await look();
    expect(bots()).toEqual({ T1: 'bots/one' });
    await write(undefined, { T2: text('bots/two') });
    await look();
    expect(bots()).toEqual({ T1: 'bots/one' });
  });

  it('stays as it was while Redis is away, and is read when it is back', async () => {
    await write('1', { T1: text('bots/one') });
    watch.start();
    await waitFor(() => bots());
    await server.kill();
    watch.lookSoon();
    await waitFor(() => messages().includes('could not read a route table, going by the last one'));
    expect(bots()).toEqual({ T1: 'bots/one' });
    await server.restart();
    await waitFor(() => admin.isReady);
    await write('2', { T1: text('bots/other') });
    await waitFor(() => botOf('T1') === 'bots/other');
  });

  it('keeps a route whose entry has become garbage, and says so once', async () => {
    await write('1', { T1: text('bots/one') });
    watch.start();
    await waitFor(() => bots());
    for (const version of ['2', '3']) {
      await write(version, { T1: 'garbage', T2: '{"bot":1}', T3: text('bots/three') });
      await look();
      expect(bots()).toEqual({ T1: 'bots/one', T2: 'unreadable', T3: 'bots/three' });
    }
    const told = logged.filter(({ msg }) => String(msg).startsWith('routes in a format'));
    expect(told).toMatchObject([{ teams: 2, key: keys.route('app-1') }]);
    expect(JSON.stringify(told)).not.toContain('garbage');
  });

  it('that is not a hash keeps the last one, and holds up no other app', async () => {
    held.add('app-2');
    await write('1', { T1: text('bots/one') });
    watch.start();
    await waitFor(() => bots());
    await admin.set(keys.route('app-1'), 'of another type');
    await write('1', { T9: text('bots/nine') }, 'app-2');
    watch.lookSoon();
    await waitFor(() => bots('app-2'), SOON);
    expect([bots(), bots('app-2')]).toEqual([{ T1: 'bots/one' }, { T9: 'bots/nine' }]);
  });

  it('of 10,000 teams is read whole', async () => {
    const entries: Record<string, string> = {};
    for (let n = 0; n < 10_000; n += 1) entries[`T${n}`] = text(`bots/team-${n}`);
    await write('1', entries);
    watch.start();
    await waitFor(() => bots());
    expect(watch.routesOf('app-1')?.size).toBe(10_000);
    expect([botOf('T0'), botOf('T9999')]).toEqual(['bots/team-0', 'bots/team-9999']);
  });

  it('that changes while it is read is read again', async () => {
    const entries: Record<string, string> = {};
    for (let n = 0; n < 2_000; n += 1) entries[`T${n}`] = text('bots/old');
    await write('1', entries);
    const { hscan } = redis;
    let pages = 0;
    const scan = async (...args: Parameters<typeof hscan>): ReturnType<typeof hscan> => {
      pages += 1;
      if (pages === 2) await write('2', { T1: text('bots/new') });
      return hscan.apply(redis, args);
    };
    Object.assign(redis, { hscan: scan });
    watch.start();
    await waitFor(() => bots());
    expect(bots()).toEqual({ T1: 'bots/new' });
  });

  it('is forgotten a minute after the pod holds no slot of the app any more', async () => {
    await write('1', { T1: text('bots/one') });
    watch.start();
    await waitFor(() => bots());
    held.delete('app-1');
    passedMs += 59_000;
    await look();
    expect(bots()).toEqual({ T1: 'bots/one' });
    passedMs += 2_000;
    await look();
    expect(bots()).toBeUndefined();
  });
});
