import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newFleetKey } from '#core/protocol/seal.ts';
import type { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { waitFor } from '#test/support/wait.ts';
import { ConnectorFleet, keys } from './connector-fleet.ts';

const TEAMS = 3;
const OURS = 'uid-1/relax';
const THEIRS = 'uid-2/relax';

let fleet: ConnectorFleet;
let folder: string;
/** The first installation's connector, with all its sockets live. */
let first: RelaxProgram;

beforeEach(async () => {
  fleet = await ConnectorFleet.start(TEAMS);
  folder = mkdtempSync(join(tmpdir(), 'relax-name-'));
  writeFileSync(join(folder, 'other-key'), newFleetKey());
});
afterEach(async () => {
  first?.signal('SIGCONT');
  await fleet.stop();
  rmSync(folder, { recursive: true, force: true });
});

const asFirst = async (owner: string): Promise<void> => {
  first = fleet.program('a', { RELAX_OWNER: owner });
  await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
  await fleet.untilReported('a', 1, TEAMS);
};

/** A process under the first one's name, which has taken it up with its slots. */
async function successor(owner: string): Promise<void> {
  const before = await fleet.session('a');
  first = fleet.program('a', { RELAX_OWNER: owner });
  await waitFor(
    async () => {
      const session = await fleet.session('a');
      return session?.state === 'up' && session.incarnation !== before?.incarnation;
    },
    { timeoutMs: 15_000, what: 'another session under the name' },
  );
  await fleet.untilReported('a', 1, TEAMS);
}

const reasonsOf = async (program: RelaxProgram): Promise<string[]> => {
  const { port } = await program.logged('starting connector');
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  return ((await answer.json()) as { reasons: string[] }).reasons;
};
const untilBarred = (program: RelaxProgram, words: string) =>
  waitFor(async () => (await reasonsOf(program)).find((reason) => reason.includes(words)), {
    timeoutMs: 15_000,
    what: `a reason with "${words}"`,
  });

/** All that Redis holds of the pod and its scope, the time of the last renewal aside. */
async function belongings(): Promise<unknown> {
  const { redis } = fleet;
  const [owner, version, drained] = await redis.mget(keys.owner, keys.version('a'), keys.drained('a'));
  const pods = await redis.zrange(keys.pods, '0', '-1');
  return {
    owner,
    version,
    drained,
    pods,
    session: await fleet.session('a'),
    assign: await redis.hgetall(keys.assign('a')),
    reports: await redis.hgetall(keys.report('a')),
  };
}

/** What a burst of changes has led to: reports are written first, and then announced in the session. */
async function settledBelongings(): Promise<unknown> {
  let before = '';
  return waitFor(
    async () => {
      const now = await belongings();
      const isSettled = JSON.stringify(now) === before;
      before = JSON.stringify(now);
      return isSettled ? now : undefined;
    },
    { everyMs: 200 },
  );
}

/** So many renewals under the name, while the second runs. */
async function untilRenewed(times: number): Promise<void> {
  for (let renewals = 0; renewals < times; renewals += 1) {
    const before = await fleet.redis.zscore(keys.pods, 'a');
    await waitFor(async () => (await fleet.redis.zscore(keys.pods, 'a')) !== before, { timeoutMs: 15_000 });
  }
}

describe('A second process under the name of one that lives', () => {
  it.each([
    ['of another installation with the same key', OURS, THEIRS, 'same'],
    ['of another installation with another key', OURS, THEIRS, 'other'],
    ['that was not told its owner', OURS, '', 'other'],
    ['of installations that were not told their owners', '', '', 'same'],
    ['of the same installation, on the same machine', OURS, OURS, 'same'],
  ])('%s disturbs nothing, holds nothing, and says why', async (_name, firstOwner, secondOwner, key) => {
    await asFirst(firstOwner);
    const before = await settledBelongings();
    const sockets = fleet.liveSockets();
    const otherKey = key === 'other' ? { RELAX_FLEET_KEY_FILE: join(folder, 'other-key') } : {};
    const second = fleet.program('a', { RELAX_OWNER: secondOwner, ...otherKey });
    const words = await untilBarred(second, 'RELAX_POD');
    expect(words).toContain(((await fleet.session('a'))?.incarnation ?? '') as string);
    expect(words).toContain(firstOwner === '' ? 'owner unknown' : firstOwner);

    const burst = fleet.slack.startBurst({ events: 300, perSecond: 500 });
    await untilRenewed(1);
    await burst.finished;
    expect(await belongings()).toEqual(before);
    expect(fleet.liveSockets()).toEqual(sockets);
    expect(await reasonsOf(first)).toEqual([]);
    expect(await reasonsOf(second)).toEqual([words]);
    expect(second.lines.filter(({ msg }) => msg === 'not taking assignments under this pod name')).toHaveLength(1);
    expect(await fleet.expectOnce()).toEqual({ sent: 300, lost: 0, duplicated: 0 });
    expect(await second.stop()).toBe(0);
    expect(await belongings()).toEqual(before);
  });

  it('takes it over with its slots when the first was killed and does not come back', async () => {
    await asFirst('');
    const second = fleet.program('a');
    await untilBarred(second, 'RELAX_POD');
    await first.kill();
    await fleet.untilLive(TEAMS, 20_000);
    await fleet.untilReported('a', 1, TEAMS);
    await waitFor(async () => (await reasonsOf(second)).length === 0);
  });

  it('gives precedence to the successor of a killed process and to one that drains and comes back', async () => {
    await asFirst('');
    const second = fleet.program('a');
    await untilBarred(second, 'RELAX_POD');
    await first.kill();
    await successor('');
    expect(await reasonsOf(second)).toEqual([expect.stringContaining('RELAX_POD')]);
    expect(await first.stop()).toBe(0);
    await successor('');
    expect(await reasonsOf(second)).toEqual([expect.stringContaining('RELAX_POD')]);
  });

  it('does not take it when Redis loses everything, or is away for longer than two renewals', async () => {
    await asFirst('');
    const second = fleet.program('a', { RELAX_OWNER: THEIRS });
    await untilBarred(second, 'RELAX_POD');
    const incarnation = (await fleet.session('a'))?.incarnation;
    await fleet.redis.flushall();
    await untilRenewed(2);
    await fleet.server.kill();
    await waitFor(async () => (await reasonsOf(first)).some((reason) => reason.includes('is not being renewed')), {
      timeoutMs: 20_000,
    });
    await fleet.server.restart();
    await waitFor(() => fleet.redis.status === 'ready');
    await untilRenewed(2);
    expect((await fleet.session('a'))?.incarnation).toBe(incarnation);
    expect(fleet.liveSockets()).toHaveLength(TEAMS);
    expect(await reasonsOf(second)).toEqual([expect.stringContaining('RELAX_POD')]);
  });
});

describe('A process that was stopped for so long that its name was taken', () => {
  it('finds a rival, says so and closes nothing; each event is queued once', async () => {
    await asFirst('');
    first.signal('SIGSTOP');
    const second = fleet.program('a');
    await fleet.untilLive(2 * TEAMS, 25_000);
    first.signal('SIGCONT');
    await waitFor(async () => (await reasonsOf(first)).some((reason) => reason.includes('RELAX_POD')), {
      timeoutMs: 15_000,
    });
    expect(await reasonsOf(second)).toEqual([]);
    await fleet.slack.startBurst({ events: 100, perSecond: 1_000 }).finished;
    expect(await fleet.expectOnce()).toEqual({ sent: 100, lost: 0, duplicated: 0 });
    expect(await second.stop()).toBe(0);
    await waitFor(async () => (await reasonsOf(first)).length === 0, {
      timeoutMs: 15_000,
      what: 'the name is its own again',
    });
    await fleet.untilReported('a', 1, TEAMS);
  });
});

describe('A pod that starts again', () => {
  it.each([
    ['was not told its owner', ''],
    ['was told its owner', OURS],
  ])('takes up its slots within a moment after SIGKILL when it %s', async (_name, owner) => {
    await fleet.redis.set(keys.owner, OURS);
    await asFirst(owner);
    await first.kill();
    const startedAtMs = performance.now();
    await successor(owner);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });
});

describe('A connector in a scope of another owner', () => {
  it('runs nothing assigned to its name, names the owner of the scope, and runs it once the scope is its own', async () => {
    await fleet.redis.set(keys.owner, OURS);
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    const second = fleet.program('a', { RELAX_OWNER: THEIRS });
    const words = await untilBarred(second, 'cluster scope "c1" on this Redis belongs to');
    for (const part of [OURS, THEIRS, 'RELAX_CLUSTER', '--take-over']) expect(words).toContain(part);
    await fleet.assign('a', 2, fleet.slots(TEAMS, 0));
    expect(await fleet.session('a')).toBeUndefined();
    expect(await fleet.reports('a')).toEqual({});
    expect(fleet.slack.sockets()).toEqual([]);
    await fleet.redis.set(keys.owner, THEIRS);
    await fleet.untilReported('a', 2, TEAMS);
  });

  it('that lost its scope to another keeps its sockets and queues their events, but writes and changes nothing', async () => {
    await asFirst(THEIRS);
    await fleet.redis.set(keys.owner, OURS);
    await untilBarred(first, 'belongs to');
    const before = await belongings();
    await fleet.assign('a', 2, {});
    await fleet.slack.startBurst({ events: 100, perSecond: 1_000 }).finished;
    expect(await fleet.expectOnce()).toEqual({ sent: 100, lost: 0, duplicated: 0 });
    await waitFor(async () => (await fleet.session('a')) === undefined, { timeoutMs: 20_000, what: 'its lease ends' });
    expect(await belongings()).toMatchObject({ reports: (before as { reports: unknown }).reports, version: '2' });
    expect(fleet.liveSockets()).toHaveLength(TEAMS);

    const owner = fleet.program('a', { RELAX_OWNER: OURS });
    await waitFor(async () => (await fleet.session('a'))?.owner === OURS, { timeoutMs: 20_000 });
    await waitFor(async () => (await reasonsOf(owner)).length === 0, { what: 'ready' });
    expect(await first.stop()).toBe(0);
  });

  it('gives way to the owner of the scope, whose name it took in its absence', async () => {
    await fleet.redis.set(keys.owner, OURS);
    const stranger = fleet.program('a', { RELAX_FLEET_KEY_FILE: join(folder, 'other-key') });
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    await waitFor(async () => (await fleet.reports('a'))['uid-1/0']?.reason === 'SealUnreadable', {
      timeoutMs: 15_000,
    });
    await asFirst(OURS);
    expect(await reasonsOf(first)).toEqual([]);
    await waitFor(async () => (await reasonsOf(stranger)).some((reason) => reason.includes('RELAX_POD')), {
      timeoutMs: 15_000,
    });
    await untilRenewed(2);
    await fleet.untilReported('a', 1, TEAMS);
  });
});
