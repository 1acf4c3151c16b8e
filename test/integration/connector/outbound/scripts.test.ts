import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routeArrived } from '#connector/outbound/arrival.ts';
import { addressOf, parseEntry } from '#connector/outbound/outbox.ts';
import { type Claim, type ClaimRequest, OutboxStore } from '#connector/outbound/outbox-store.ts';
import { type CommandKeys, commandKeys } from '#core/protocol/keys.ts';
import { useRedis } from '#test/support/redis-fixture.ts';

const fixture = useRedis();
const redis = fixture.useClient();

const CHANNELS = ['C1', 'C2'];
const PROCESSES = 3;

/** A process does one thing at each of these, or is killed right before or after it. */
type Step = { process: number } & ({ does: 'route' | 'send'; outbox: number } | { does: 'die' });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      process: fc.nat(PROCESSES - 1),
      does: fc.constantFrom('route' as const, 'send' as const),
      outbox: fc.nat(CHANNELS.length - 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ process: fc.nat(PROCESSES - 1), does: fc.constant('die' as const) }) },
);

/** What Slack has been sent, and whether a process died between Slack's answer and the mark. */
interface Slack {
  posts: string[];
  unmarked: Set<string>;
}

/** What a connector does, one call of Redis or Slack for each `next`; a process that dies is not asked again. */
async function* route(store: OutboxStore): AsyncGenerator<void, void> {
  const { redisMs, arrived } = await store.intake();
  yield;
  await store.route(arrived.map((one) => routeArrived(one, redisMs, () => 'made-up')));
}

async function* send(store: OutboxStore, outbox: string, slack: Slack, nonce: string): AsyncGenerator<void, void> {
  const { channel } = addressOf(outbox);
  const request = { outbox, channel, digest: 'd', nonce };
  const claim: Claim = await store.claim({ ...request, overRtm: false, giveUpMs: 0 });
  if (claim.kind !== 'claimed') return;
  yield;
  const { id } = parseEntry(claim.entry);
  slack.posts.push(id);
  slack.unmarked.add(id);
  yield;
  const rest = { waitMs: 0, stopMs: 0, paceMs: 0, letter: '', trouble: '' };
  await store.settle({ ...request, ...rest, via: 'api', what: 'sent', id, result: '{"state":"sent"}' });
  slack.unmarked.delete(id);
}

const expected = CHANNELS.flatMap((channel) => [1, 2, 3].map((at) => `${channel}-${at}`));

/** Processes that do what the steps say, one call of Redis or Slack at a time. */
async function runSteps(steps: readonly Step[], store: OutboxStore, slack: Slack): Promise<void> {
  const tasks: (AsyncGenerator<void, void> | undefined)[] = [];
  for (const [number, at] of steps.entries()) {
    if (at.does === 'die') {
      tasks[at.process] = undefined;
      continue;
    }
    const outbox = `T1/${CHANNELS[at.outbox] ?? ''}`;
    const task = tasks[at.process] ?? (at.does === 'route' ? route(store) : send(store, outbox, slack, `n${number}`));
    tasks[at.process] = (await task.next()).done === true ? undefined : task;
  }
}

/** Everybody has died. Their leases end, and one comes that does all that is left. */
async function finish(keys: CommandKeys, store: OutboxStore, slack: Slack): Promise<void> {
  await redis.del(keys.leases, ...CHANNELS.map((channel) => keys.pace('d', channel)));
  for (const channel of CHANNELS) await redis.zadd(keys.due, 'XX', 0, `T1/${channel}`);
  for (let left = 0; left < 2; left += 1) for await (const _each of route(store));
  for (const channel of CHANNELS) {
    for (let left = 0; left < 4; left += 1) {
      await redis.del(keys.bucket('d'));
      for await (const _each of send(store, `T1/${channel}`, slack, `last-${left}`));
    }
  }
}

describe('the scripts of outbound messages', () => {
  it('lose nothing and post once, in order, wherever processes die; twice only after Slack and before the mark', async () => {
    let runs = 0;
    let twice = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        runs += 1;
        const keys = commandKeys(`commands-${runs}`);
        const store = new OutboxStore(redis, keys, { leaseMs: 600_000 });
        const slack: Slack = { posts: [], unmarked: new Set() };
        const commands = expected.map((id) => ({
          type: 'message',
          team: 'T1',
          channel: id.slice(0, 2),
          text: 'm',
          id,
        }));
        await redis.rpush(keys.commands, ...commands.map((command) => JSON.stringify(command)));

        await runSteps(steps, store, slack);
        const unmarked = [...slack.unmarked];
        await finish(keys, store, slack);

        twice += unmarked.length;
        expect(slack.posts.toSorted()).toEqual([...expected, ...unmarked].toSorted());
        for (const channel of CHANNELS) {
          const order = [...new Set(slack.posts.filter((id) => id.startsWith(channel)))];
          expect(order).toEqual([1, 2, 3].map((at) => `${channel}-${at}`));
        }
        expect(await redis.exists(keys.commands, keys.inbox, keys.due, keys.heads, keys.leases)).toBe(0);
      }),
      { numRuns: 80 },
    );
    expect(twice).toBeGreaterThan(0);
  });

  it('keep the newest dead letters and no more', async () => {
    const keys = commandKeys('dead');
    const store = new OutboxStore(redis, keys, { leaseMs: 1_000 });
    for (let at = 0; at < 101; at += 1) await redis.rpush(keys.commands, ...Array.from({ length: 100 }, () => `${at}`));
    for (;;) {
      const { redisMs, arrived } = await store.intake();
      if (arrived.length === 0) break;
      await store.route(arrived.map((one) => routeArrived(one, redisMs, () => 'made-up')));
    }
    expect(await redis.llen(keys.dead)).toBe(10_000);
    const [newest] = await redis.lrange(keys.dead, '-1', '-1');
    expect(JSON.parse(newest ?? '')).toMatchObject({ command: '100', reason: 'Malformed' });
  });

  it('let a stalled process that comes back change nothing, but keep what Slack has told it', async () => {
    const keys = commandKeys('stalled');
    const store = new OutboxStore(redis, keys, { leaseMs: 1 });
    await redis.rpush(keys.commands, '{"type":"message","team":"T1","channel":"C1","text":"m","id":"m"}');
    for await (const _each of route(store));
    const request = { outbox: 'T1/C1', channel: 'C1', digest: 'd' };
    const claim = { ...request, overRtm: false, giveUpMs: 0 };
    expect(await store.claim({ ...claim, nonce: 'stalled' })).toMatchObject({ kind: 'claimed' });
    const other = async (): Promise<Claim> => await store.claim({ ...claim, nonce: 'other' });
    let taken = await other();
    while (taken.kind !== 'claimed') taken = await other();
    const settle = { ...request, via: 'api', waitMs: 0, paceMs: 0, stopMs: 5_000, id: 'm', letter: '', trouble: '' };
    const sent = { ...settle, what: 'sent', result: '{"state":"sent"}' } as const;
    expect(await store.settle({ ...sent, nonce: 'stalled' })).toEqual({ kind: 'late' });
    expect(await redis.llen(keys.outbox('T1/C1'))).toBe(1);
    expect(await redis.pttl(keys.stop('d', 'api'))).toBeGreaterThan(4_000);
    expect(await redis.get(keys.result('m'))).toBe('{"state":"sent"}');
    expect(await store.settle({ ...sent, nonce: 'other' })).toEqual({ kind: 'settled', nextMs: undefined });
    expect(await redis.llen(keys.outbox('T1/C1'))).toBe(0);
  });

  it('let a token send five at once and then one in 210 ms, so never 300 in a minute, whatever the channels', async () => {
    const { keys, store } = await accepted('bucket', 'C1', 'C2', 'C3', 'C4', 'C5', 'C6');
    const claims = [];
    for (let at = 1; at <= 6; at += 1) claims.push(await store.claim(claimOf(`C${at}`, 'd')));
    expect(claims.map(({ kind }) => kind)).toEqual([...Array.from({ length: 5 }, () => 'claimed'), 'wait']);
    const [last] = claims.slice(-1);
    expect(last?.kind === 'wait' && last.waitMs).toBeGreaterThan(100);
    expect(last?.kind === 'wait' && last.waitMs).toBeLessThanOrEqual(210);
    // Another token has a bucket of its own.
    await redis.zadd(keys.due, 0, 'T1/C6');
    expect(await store.claim(claimOf('C6', 'other'))).toMatchObject({ kind: 'claimed' });
  });

  it('hold the pace of a token and channel until the answer, and for a second after it, for every outbox', async () => {
    const { keys, store } = await accepted('pace', 'C1');
    await redis.rpush(keys.commands, '{"type":"message","bot":"bots/acme","channel":"C1","text":"m"}');
    for await (const _each of route(store));
    const claim = claimOf('C1', 'd');
    expect(await store.claim(claim)).toMatchObject({ kind: 'claimed' });
    const other = { ...claim, outbox: 'bots/acme/C1' };
    expect(await store.claim(other)).toMatchObject({ kind: 'wait' });
    const rest = { waitMs: 0, stopMs: 0, paceMs: 1_000, letter: '', trouble: '', result: '', id: '' };
    await store.settle({ ...claim, ...rest, via: 'api', what: 'sent' });
    await redis.zadd(keys.due, 0, 'bots/acme/C1');
    const waiting = await store.claim(other);
    expect(waiting.kind === 'wait' && waiting.waitMs).toBeGreaterThan(900);
  });

  it('let a message that another one of the token holds up look again after a second, not after a lease', async () => {
    const keys = commandKeys('held');
    const store = new OutboxStore(redis, keys, { leaseMs: 30_000 });
    for (const channel of ['C1', 'C2']) {
      const command = { type: 'message', team: 'T1', channel, text: 'm', via: 'rtm' };
      await redis.rpush(keys.commands, JSON.stringify(command));
    }
    for await (const _each of route(store));
    const overRtm = (channel: string): ClaimRequest => ({ ...claimOf(channel, 'd'), overRtm: true });
    expect(await store.claim(overRtm('C1'))).toMatchObject({ kind: 'claimed' });
    const waiting = await store.claim(overRtm('C2'));
    expect(waiting.kind === 'wait' && waiting.waitMs).toBe(1_000);
    // It waits for the answer, however long that takes.
    await redis.zadd(keys.due, 0, 'T1/C2');
    expect(await store.claim(overRtm('C2'))).toEqual({ kind: 'wait', waitMs: 1_000 });
  });

  it('do not wait for hours because the clock of Redis was set back', async () => {
    const { keys, store } = await accepted('clock', 'C1', 'C2');
    const laterMs = Date.now() + 3_600_000;
    await redis.zadd(keys.due, laterMs, 'T1/C1', laterMs, 'T1/C2');
    await redis.hset(keys.leases, 'T1/C2', `nonce ${laterMs}`);
    await redis.set(keys.bucket('d'), laterMs);
    expect((await store.look(0, 1_000, 0)).due.map(({ outbox }) => outbox)).toEqual(['T1/C1', 'T1/C2']);
    expect(await store.claim(claimOf('C1', 'd'))).toMatchObject({ kind: 'claimed' });
    expect(await store.claim(claimOf('C2', 'd'))).toMatchObject({ kind: 'claimed' });
  });
});

const claimOf = (channel: string, digest: string): ClaimRequest => {
  return { outbox: `T1/${channel}`, channel, digest, nonce: `of-${channel}`, overRtm: false, giveUpMs: 0 };
};

/** A message to each of these channels, in its outbox. */
async function accepted(commands: string, ...channels: string[]): Promise<{ keys: CommandKeys; store: OutboxStore }> {
  const keys = commandKeys(commands);
  const store = new OutboxStore(redis, keys, { leaseMs: 30_000 });
  for (const channel of channels) {
    await redis.rpush(keys.commands, JSON.stringify({ type: 'message', team: 'T1', channel, text: 'm' }));
  }
  for await (const _each of route(store));
  return { keys, store };
}
