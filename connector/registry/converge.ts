import { isDeepStrictEqual } from 'node:util';
import type { Slot, SlotID, Slots } from '../../core/protocol/assignment.ts';

/** One slot as the registry has it. */
export interface SlotEntry {
  /** The assignment that was last applied, or that could not be applied. */
  slot: Slot;
  /** Undefined if it could not be started. */
  runner: unknown;
  /** Undefined if it runs as assigned. */
  failure: SlotFailure | undefined;
}

export interface SlotFailure {
  /** In a row. */
  times: number;
  /** Monotonic. */
  retryAtMs: number;
}

/** To be done in this order. A slot whose kind has changed is closed and opened: its socket is of another transport. */
export interface Convergence {
  close: SlotID[];
  open: [SlotID, Slot][];
  update: [SlotID, Slot][];
}

/**
 * What has to happen so that what runs equals what is held (design rule 9). It is derived again each time, so that nothing is
 * lost when a part of it fails. What failed is retried after a while, or at once if the assignment has changed.
 */
export function converge(held: Slots, entries: ReadonlyMap<SlotID, SlotEntry>, nowMs: number): Convergence {
  const todo: Convergence = { close: [], open: [], update: [] };
  for (const id of entries.keys()) if (!held.has(id)) todo.close.push(id);
  for (const [id, slot] of held) {
    const entry = entries.get(id);
    if (entry !== undefined && entry.slot.kind !== slot.kind) {
      todo.close.push(id);
      todo.open.push([id, slot]);
      continue;
    }
    if (entry !== undefined && isSame(entry.slot, slot) && !isDue(entry, nowMs)) continue;
    if (entry?.runner === undefined) todo.open.push([id, slot]);
    else todo.update.push([id, slot]);
  }
  return todo;
}

const isSame = (a: Slot, b: Slot): boolean => a === b || isDeepStrictEqual(a, b);
const isDue = ({ failure }: SlotEntry, nowMs: number): boolean => failure !== undefined && nowMs >= failure.retryAtMs;

/**
 * A retry only costs opening a seal and involves nobody else, so nothing has to be spread out: slots that failed together are
 * retried together. The cap is the longest time between two reads of the assignments.
 */
const RETRY = { baseMs: 1_000, capMs: 10_000 };

export function failedAgain(before: SlotFailure | undefined, nowMs: number): SlotFailure {
  const times = (before?.times ?? 0) + 1;
  return { times, retryAtMs: nowMs + Math.min(RETRY.capMs, RETRY.baseMs * 2 ** (times - 1)) };
}

/** Milliseconds until the first failed slot is due; Infinity if none has failed. */
export function nextRetryMs(entries: Iterable<SlotEntry>, nowMs: number): number {
  let atMs = Number.POSITIVE_INFINITY;
  for (const { failure } of entries) atMs = Math.min(atMs, failure?.retryAtMs ?? Number.POSITIVE_INFINITY);
  return Math.max(0, atMs - nowMs);
}
