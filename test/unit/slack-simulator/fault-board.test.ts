import { describe, expect, it } from 'vitest';
import { FaultBoard } from '#slack-simulator/fault.ts';

const nowMs = 1000;
const connect = { at: 'method', method: 'rtm.connect' } as const;
const error = (name: string) => ({ kind: 'error', error: name }) as const;

describe('a standing fault', () => {
  it('affects every team unless it names one', () => {
    const board = new FaultBoard();
    board.set({ ...connect, answer: error('fatal_error') }, nowMs);
    board.set({ ...connect, teamID: 'T1', answer: error('migration_in_progress') }, nowMs);
    expect(board.methodAnswer('slack', 'rtm.connect', { teamID: 'T1' }, nowMs)).toEqual(error('migration_in_progress'));
    expect(board.methodAnswer('slack', 'rtm.connect', { teamID: 'T2' }, nowMs)).toEqual(error('fatal_error'));
    expect(board.methodAnswer('slack', 'auth.test', { teamID: 'T1' }, nowMs)).toBeUndefined();
  });

  it('applies as often as it says', () => {
    const board = new FaultBoard();
    board.set({ at: 'upgrade', times: 2, answer: { kind: 'http', status: 503 } }, nowMs);
    const struck = [1, 2, 3].map(() => board.upgradeAnswer({ teamID: 'T1' }, nowMs)?.kind);
    expect(struck).toEqual(['http', 'http', undefined]);
    expect(board.list(nowMs)).toEqual([]);
  });

  it('ends when its time is over', () => {
    const board = new FaultBoard();
    board.set({ at: 'hello', forMs: 100, answer: { kind: 'never' } }, nowMs);
    expect(board.helloAnswer({ teamID: 'T1' }, nowMs + 99)).toEqual({ kind: 'never' });
    expect(board.helloAnswer({ teamID: 'T1' }, nowMs + 100)).toBeUndefined();
  });

  it('is cleared by its id, once', () => {
    const board = new FaultBoard();
    const id = board.set({ at: 'hello', answer: { kind: 'never' } }, nowMs);
    expect(board.list(nowMs).map((entry) => entry.id)).toEqual([id]);
    expect(board.clear(id)).toBe(true);
    expect(board.clear(id)).toBe(false);
    expect(board.helloAnswer({ teamID: 'T1' }, nowMs)).toBeUndefined();
  });

  it('of the transport is not spent when Slack itself is asked', () => {
    const board = new FaultBoard();
    board.set({ ...connect, times: 1, answer: { kind: 'hang' } }, nowMs);
    expect(board.methodAnswer('slack', 'rtm.connect', { teamID: 'T1' }, nowMs)).toBeUndefined();
    expect(board.methodAnswer('transport', 'rtm.connect', { teamID: 'T1' }, nowMs)).toEqual({ kind: 'hang' });
  });
});
