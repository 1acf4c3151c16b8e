import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReportBoard } from '#connector/registry/report-board.ts';
import type { DesiredReport } from '#connector/registry/slot-registry.ts';
import { createLog } from '#core/process/log.ts';
import { clusterKeys } from '#core/protocol/keys.ts';
import type { SlotReport } from '#core/protocol/report.ts';
import { useRedis } from '#test/support/redis-fixture.ts';

import { waitFor } from '#test/support/wait.ts';

const keys = clusterKeys('c1');
const KEY = keys.report('c-0');
const report = (state: SlotReport['state']): DesiredReport => ({
  kind: 'report',
  report: {
    epoch: 1,
    incarnation: 'i1',
    state,
    reason: '',
    message: '',
    tokenDigest: 'd',
    teamName: '',
    botUserID: '',
  },
});

const server = useRedis({ lifetime: 'test' });
const redis = server.useClient();
const admin = server.useClient({ name: 'admin' });
let desired: Map<string, DesiredReport>;
let announced: number[];
let mayWrite: boolean;
/** Thrown by those who are asked for a report of this slot, or told of a write. */
let broken: string;
let logged: Record<string, unknown>[];
let board: ReportBoard;

beforeEach(() => {
  desired = new Map();
  announced = [];
  mayWrite = true;
  broken = '';
  logged = [];
  board = new ReportBoard({
    redis,
    key: KEY,
    nudge: keys.plannerNudge,
    ids: () => desired.keys(),
    report: (id) => {
      if (id === broken) throw new Error('of the slot');
      return desired.get(id) ?? { kind: 'none' };
    },
    mayWrite: () => mayWrite,
    announce: async () => {
      announced.push(board.version);
      if (broken === 'announce') throw new Error('of the session');
    },
    log: createLog({ program: 'test', level: 'info', to: { write: (line) => logged.push(JSON.parse(line)) } }),
  });
});
afterEach(async () => {
  await board.stop();
});

const change = (id: string, report: DesiredReport): void => {
  desired.set(id, report);
  board.changed(id);
};
const states = async (): Promise<Record<string, string>> =>
  Object.fromEntries(Object.entries(await admin.hgetall(KEY)).map(([id, json]) => [id, JSON.parse(json).state]));
const until = (expected: Record<string, string>): Promise<unknown> =>
  waitFor(async () => isDeepStrictEqual(await states(), expected), {
    what: JSON.stringify(expected),
    timeoutMs: 3_000,
  });

describe('reports', () => {
  it('start with a clean hash, then are written on change only, with a nudge to the planner for each write', async () => {
    const nudges: string[] = [];
    const planner = await server.connect({ name: 'planner' });
    await planner.subscribe(keys.plannerNudge);
    planner.on('message', (_channel, message) => nudges.push(message));
    await admin.hset(KEY, 'of-an-earlier-life/0', '{}');

    change('a/0', report('connecting'));
    change('b/0', report('connecting'));
    await until({ 'a/0': 'connecting', 'b/0': 'connecting' });
    change('a/0', report('live'));
    board.changed('b/0');
    await until({ 'a/0': 'live', 'b/0': 'connecting' });
    board.changed('b/0');
    change('b/0', report('live'));
    await until({ 'a/0': 'live', 'b/0': 'live' });
    await waitFor(() => nudges.length === 3);
    expect(announced).toEqual([1, 2, 3]);
    expect(await admin.pttl(KEY)).toBeGreaterThan(3_500_000);
  });

  it('go when the socket is gone, not while it closes', async () => {
    change('a/0', report('live'));
    change('b/0', report('live'));
    await until({ 'a/0': 'live', 'b/0': 'live' });
    change('a/0', { kind: 'keep' });
    change('b/0', report('paused'));
    await until({ 'a/0': 'live', 'b/0': 'paused' });
    board.rewrite();
    await waitFor(() => announced.length === 3);
    expect(await states()).toEqual({ 'a/0': 'live', 'b/0': 'paused' });
    change('a/0', { kind: 'none' });
    await until({ 'b/0': 'paused' });
  });

  it('are written when Redis is back', async () => {
    change('a/0', report('connecting'));
    await until({ 'a/0': 'connecting' });
    await server.kill();
    change('a/0', report('live'));
    await server.restart();
    await waitFor(() => admin.status === 'ready');
    await waitFor(async () => (await states())['a/0'] === 'live');
  });

  it('wait while another process holds the pod name, and are then written whole', async () => {
    change('a/0', report('live'));
    await until({ 'a/0': 'live' });
    mayWrite = false;
    await admin.del(KEY);
    change('b/0', report('live'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await states()).toEqual({});
    mayWrite = true;
    await until({ 'a/0': 'live', 'b/0': 'live' });
  });

  it('of other slots are written when one slot throws; its last one stays', async () => {
    change('a/0', report('live'));
    change('b/0', report('connecting'));
    await until({ 'a/0': 'live', 'b/0': 'connecting' });
    broken = 'a/0';
    change('a/0', report('paused'));
    change('b/0', report('live'));
    await until({ 'a/0': 'live', 'b/0': 'live' });
    broken = '';
    board.changed('a/0');
    await until({ 'a/0': 'paused', 'b/0': 'live' });
    expect(logged).toEqual([
      expect.objectContaining({ part: 'the report of a slot', slot: 'a/0', error: 'of the slot' }),
    ]);
  });

  it('are written once though the session throws, which is logged as a defect and not as a fault of Redis', async () => {
    broken = 'announce';
    change('a/0', report('live'));
    await until({ 'a/0': 'live' });
    change('a/0', report('paused'));
    await until({ 'a/0': 'paused' });
    await waitFor(() => announced.length === 2);
    expect(announced).toEqual([1, 2]);
    expect(logged).toEqual([expect.objectContaining({ part: 'what follows a write of reports' })]);
    expect(logged.every(({ msg }) => String(msg).includes('a defect of Relax'))).toBe(true);
  });
});
