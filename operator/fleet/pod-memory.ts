/** What the planner remembers about one pod: session, version, slots, reports (design rules 7 and 10). */

import { decodeSlot, type Slot, type SlotID } from '../../core/protocol/assignment.ts';
import { type Presence, presenceOf } from '../../core/protocol/presence.ts';
import { decodeReport, type SlotReport } from '../../core/protocol/report.ts';
import { DRAIN_RETURN_MS, decodeSession, type Session } from '../../core/protocol/session.ts';

/** What is read about each pod in every round. */
export interface PodHead {
  /** JSON of the session lease, if there is one. */
  session: string | undefined;
  /** Redis time of the last renewal, which outlives the session; undefined if Redis has none. */
  renewedMs: number | undefined;
  /** The version key; undefined when it is missing or no number. */
  version: number | undefined;
  /** Fields of the assignment hash. */
  fields: number;
}

/** What is read only when the head shows that it has changed. Undefined: not read. */
export interface PodBody {
  assign: Readonly<Record<string, string>> | undefined;
  reports: Readonly<Record<string, string>> | undefined;
}

/** Everything the planner knows about a pod: what Redis holds, and what it held before losing it. */
export interface PodMemory {
  /** As of the last reading. */
  session: Session | undefined;
  /** The last one seen, for the zone and the incarnation of a pod that has none now. */
  lastSession: Session | undefined;
  /** Planner's monotonic time of the first and the last reading that had a session. */
  firstSeenMs: number | undefined;
  lastSeenMs: number | undefined;
  /** When its session was last renewed: by Redis time as read, and monotonic as of the reading that first had it. */
  renewed: { redisMs: number; atMs: number } | undefined;
  /** Until then (monotonic) a pod that drained may come back under its name; 0 if it did not drain. */
  returnUntilMs: number;
  /** The version key as last read or written. */
  stored: number | undefined;
  /** Highest version ever seen: stored, held by its session, or written. */
  version: number;
  /** Fields that the hash has if `slots` is what Redis holds. */
  fields: number;
  slots: ReadonlyMap<SlotID, Slot>;
  /** `slots` has been read completely at least once, so a slot that it lacks was not assigned. */
  known: boolean;
  /** Missing, short or unreadable in Redis, so it must be written whole. */
  lost: boolean;
  /** A write whose outcome is unknown: read again, whatever the version. */
  doubted: boolean;
  /** Of the last incarnation seen. */
  reports: ReadonlyMap<SlotID, SlotReport>;
  reportsRead: ReportsRead | undefined;
}

interface ReportsRead {
  incarnation: string;
  reportVersion: number;
  /** As read, so that a report that did not change is not decoded again. */
  json: Readonly<Record<string, string>>;
}

const NEW: PodMemory = {
  session: undefined,
  lastSession: undefined,
  firstSeenMs: undefined,
  lastSeenMs: undefined,
  renewed: undefined,
  returnUntilMs: 0,
  stored: undefined,
  version: 0,
  fields: 0,
  slots: new Map(),
  known: false,
  lost: false,
  doubted: true,
  reports: new Map(),
  reportsRead: undefined,
};

/** What must be read of a pod besides its head. */
export function readsNeeded(memory: PodMemory | undefined, head: PodHead): { assign: boolean; reports: boolean } {
  const before = memory ?? NEW;
  const session = head.session === undefined ? undefined : decodeSession(head.session);
  return {
    assign: before.doubted || before.lost || head.version !== before.stored || head.fields !== before.fields,
    reports:
      session !== undefined &&
      (session.incarnation !== before.reportsRead?.incarnation ||
        session.reportVersion !== before.reportsRead.reportVersion),
  };
}

/** The memory after a reading. Whatever can't be read is unknown, and stays as it was. */
export function remember(
  memory: PodMemory | undefined,
  head: PodHead,
  body: PodBody,
  time: { nowMs: number; redisNowMs: number },
): PodMemory {
  const before = memory ?? NEW;
  const seen = withSession(before, head, time);
  const reported = body.reports === undefined ? seen : withReports(seen, body.reports);
  return body.assign === undefined ? reported : withAssignments(reported, head, body.assign);
}

/** The memory after a write that Redis confirmed. */
export function wrote(memory: PodMemory, version: number, slots: ReadonlyMap<SlotID, Slot>): PodMemory {
  return {
    ...memory,
    stored: version,
    version: Math.max(version, memory.version),
    fields: slots.size,
    slots,
    known: true,
    lost: false,
    doubted: false,
  };
}

/** Whether the process of this pod runs, for judging its sockets. When to give its slots away is up to the plan. */
export function podPresence({ session, lastSession, renewed, returnUntilMs }: PodMemory, nowMs: number): Presence {
  return presenceOf({
    session: session ?? lastSession,
    held: session !== undefined,
    renewedAgoMs: renewed === undefined ? undefined : nowMs - renewed.atMs,
    mayReturnMs: returnUntilMs - nowMs,
  });
}

/**
 * A time that was seen before is not computed again: after a failover, the new Redis's clock may differ by more than the
 * duration of a lease.
 */
function renewedOf(
  before: PodMemory,
  head: PodHead,
  time: { nowMs: number; redisNowMs: number },
): PodMemory['renewed'] {
  const redisMs = head.renewedMs;
  if (redisMs === undefined || redisMs === before.renewed?.redisMs) return before.renewed;
  return { redisMs, atMs: time.nowMs - Math.max(0, time.redisNowMs - redisMs) };
}

function withSession(seen: PodMemory, head: PodHead, time: { nowMs: number; redisNowMs: number }): PodMemory {
  const before = { ...seen, renewed: renewedOf(seen, head, time) };
  // A lease that this version can't read is still a lease.
  const session = head.session === undefined ? undefined : (decodeSession(head.session) ?? before.lastSession);
  if (session === undefined) return { ...before, session };
  const returnUntilMs =
    session.state === 'draining'
      ? time.nowMs + session.drainingSinceMs + DRAIN_RETURN_MS - time.redisNowMs
      : before.returnUntilMs;
  return {
    ...before,
    session,
    lastSession: session,
    firstSeenMs: before.firstSeenMs ?? time.nowMs,
    lastSeenMs: time.nowMs,
    returnUntilMs,
    version: Math.max(before.version, session.version),
    // It holds something newer than anything we ever read, so what we know is not what it runs.
    known: before.known && session.version <= before.version,
  };
}

function withReports(before: PodMemory, json: Readonly<Record<string, string>>): PodMemory {
  const { session, reportsRead } = before;
  if (session === undefined) return before;
  const same = reportsRead?.incarnation === session.incarnation;
  const read = { incarnation: session.incarnation, reportVersion: session.reportVersion, json };
  const reports = new Map<SlotID, SlotReport>();
  for (const [slot, text] of Object.entries(json)) {
    const old = same && reportsRead.json[slot] === text ? before.reports.get(slot) : undefined;
    const report = old ?? decodeReport(text);
    // A report of an earlier incarnation says nothing about the present.
    if (report !== undefined && report.incarnation === session.incarnation) reports.set(slot, report);
  }
  return { ...before, reports, reportsRead: read };
}

function withAssignments(before: PodMemory, head: PodHead, hash: Readonly<Record<string, string>>): PodMemory {
  const entries = Object.entries(hash);
  const slots = new Map<SlotID, Slot>();
  for (const [id, json] of entries) {
    const slot = decodeSlot(json);
    if (slot !== undefined) slots.set(id, slot);
  }
  const version = Math.max(before.version, head.version ?? 0);
  const short = before.known && head.version === before.stored && slots.size < before.slots.size;
  const emptied = !before.known && entries.length === 0 && before.reports.size > 0;
  const missing = head.version === undefined && (version > 0 || entries.length > 0);
  const unreadable = slots.size < entries.length || entries.length !== head.fields;
  const lost = missing || (head.version ?? 0) < version || unreadable || short || emptied;
  return {
    ...before,
    stored: head.version,
    version,
    fields: entries.length,
    slots: lost ? newest(before.slots, slots) : slots,
    known: before.known || !lost,
    lost,
    doubted: false,
  };
}

/** Of each slot the entry with the higher epoch. */
export function newest(a: ReadonlyMap<SlotID, Slot>, b: ReadonlyMap<SlotID, Slot>): ReadonlyMap<SlotID, Slot> {
  const merged = new Map(a);
  for (const [id, slot] of b) {
    const other = merged.get(id);
    if (other === undefined || other.epoch <= slot.epoch) merged.set(id, slot);
  }
  return merged;
}
