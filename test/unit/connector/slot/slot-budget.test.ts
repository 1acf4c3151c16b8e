import { beforeEach, describe, expect, it } from 'vitest';
import type { Bucket } from '#connector/budget/connect-budget.ts';
import { SlotBudget } from '#connector/slot/slot-budget.ts';
import type { Input } from '#connector/slot/state.ts';
import type { SocketModeSpec } from '#connector/transport/socket-mode/socket-mode-spec.ts';
import { openBudget } from '#test/integration/connector/slot/test-slot.ts';
import { settle } from '#test/support/fake-timers.ts';
import { socketModeSpec } from './socket-mode-sample.ts';

const spec: SocketModeSpec = { ...socketModeSpec, tokenDigest: 'd2' };

let fed: Input[];
let away: unknown[];
let marked: unknown[];
let known: number | undefined;
const budgetOf = (changes: Partial<typeof openBudget> = {}) =>
  new SlotBudget<SocketModeSpec>(
    { bucket: ({ teamID }, tokenDigest) => ({ key: `${teamID} ${tokenDigest}` }) },
    {
      ...openBudget,
      markLive: async ({ key }: Bucket, slotID: string, slackCounts?: number) => {
        marked.push([key, slotID, slackCounts]);
        return known;
      },
      ...changes,
    },
    { spec: () => spec, isTrying: () => true, feed: (input) => fed.push(input), away: (error) => away.push(error) },
  );

beforeEach(() => {
  [fed, away, marked, known] = [[], [], [], 2];
});

describe('a live socket', () => {
  it('is marked with what Slack counts, and the slot hears how many are known', async () => {
    budgetOf().markLive({ do: 'markLive', tokenDigest: 'd1', counted: { id: 4, sockets: 3 } });
    await settle();
    expect(marked).toEqual([['T1 d1', 'uid-1/0', 3]]);
    expect(fed).toEqual([{ type: 'known', id: 4, known: 2 }]);
  });

  it('is marked again without a count, which is old by then', async () => {
    budgetOf().markLive({ do: 'markLive', tokenDigest: 'd1' });
    await settle();
    expect([marked, fed]).toEqual([[['T1 d1', 'uid-1/0', undefined]], []]);
  });

  it('of a bucket without a limit tells the slot nothing', async () => {
    known = undefined;
    budgetOf().markLive({ do: 'markLive', tokenDigest: 'd1', counted: { id: 4, sockets: 3 } });
    await settle();
    expect(fed).toEqual([]);
  });
});

it('without Redis, whoever asks for a connect hears so, and whoever tells something goes on; the mark of a live socket is owed', async () => {
  const gone = () => Promise.reject(new Error('Redis is away'));
  const budget = budgetOf({ take: gone, markLive: gone, release: gone, giveBack: gone });
  await budget.take({ do: 'takeBudget', id: 1, purpose: 'needed', unspaced: false, sparing: false });
  budget.markLive({ do: 'markLive', tokenDigest: 'd1', counted: { id: 1, sockets: 3 } });
  budget.giveBack();
  budget.release();
  await settle();
  expect(fed).toEqual([{ type: 'budget', id: 1, answer: 'away' }, { type: 'unmarked' }]);
  expect(away).toHaveLength(4);
});
