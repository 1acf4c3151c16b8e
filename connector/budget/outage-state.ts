/** What a process knows of an outage of Slack as a whole, and when it probes next (design rule 11, ADR 0023). Pure. */

import type { RetryReason } from '../../core/protocol/report.ts';

export interface OutageState {
  /** The newest failures in a row, of different teams or apps, oldest first. A hello ends the row. */
  row: readonly { streamID: string; atMs: number }[];
  /** Undefined while there is no outage. */
  declared: DeclaredOutage | undefined;
}

export interface DeclaredOutage {
  sinceMs: number;
  /** Probes that were allowed so far. */
  probes: number;
  nextProbeAtMs: number;
  /** When an attempt last failed, or a probe could use what its team can't spare. */
  knownAtMs: number;
  /** Losing some sockets is not an outage yet: it is told only once a probe has failed too. */
  isAnnounced: boolean;
  /** Teams and apps that made a connect as a probe. */
  probed: ReadonlySet<string>;
}

export const NO_OUTAGE: OutageState = { row: [], declared: undefined };

/** What may be Slack's fault as a whole. What Slack says of one team (`MigrationInProgress`, a 429) is not. */
const SYMPTOMS: ReadonlySet<RetryReason> = new Set<RetryReason>([
  ...(['SlackUnavailable', 'SlackAnswerUnreadable', 'ConnectionRefused', 'ConnectionLost', 'HelloTimeout'] as const),
]);
/** So many different teams, or apps, in a row, without a healthy one in between, and within so short a time. */
const TEAMS_IN_A_ROW = 3;
const ROW_MS = 30_000;
/** Time between probes; the last value applies to all later ones. Some probes hang, so none is waited for. */
const PROBE_GAPS_MS = [1_000, 2_000, 3_000];
/** After one that had no connect left, or left it to another slot of its team, the next comes soon. */
const UNUSED_GAP_MS = 100;
/** Probes leave each team its last connect, unless no team had more than one for this long. */
const SPARING_MS = 6_000;

export const probeGapMs = (probes: number): number => PROBE_GAPS_MS[Math.min(probes, PROBE_GAPS_MS.length - 1)] ?? 0;

/** An attempt of this team or app failed. */
export function onFailure(state: OutageState, streamID: string, reason: RetryReason, nowMs: number): OutageState {
  if (!SYMPTOMS.has(reason)) return state;
  const others = state.row.filter((failure) => failure.streamID !== streamID && nowMs - failure.atMs < ROW_MS);
  const row = [...others, { streamID, atMs: nowMs }].slice(-TEAMS_IN_A_ROW);
  const { declared } = state;
  if (declared !== undefined) {
    const isAnnounced = declared.isAnnounced || declared.probes > 0;
    return { row, declared: { ...declared, knownAtMs: nowMs, isAnnounced } };
  }
  if (row.length < TEAMS_IN_A_ROW) return { row, declared };
  return { row, declared: { sinceMs: nowMs, probes: 0, nextProbeAtMs: nowMs, knownAtMs: nowMs, ...UNPROBED } };
}

const UNPROBED = { isAnnounced: false, probed: new Set<string>() };

/** Whom to let go as a probe now, and what is known then. @param waiting the team or app of each attempt, in order */
export function nextProbe(
  declared: DeclaredOutage,
  waiting: readonly string[],
  nowMs: number,
): { index: number; sparing: boolean; declared: DeclaredOutage } | undefined {
  if (waiting.length === 0) return undefined;
  // Teams that were not asked yet come first: it may be that only the others fail, each for a reason of its own.
  const index = Math.max(
    0,
    waiting.findIndex((streamID) => !declared.probed.has(streamID)),
  );
  const sparing = nowMs - declared.knownAtMs < SPARING_MS;
  const next: DeclaredOutage = {
    ...declared,
    probed: new Set([...declared.probed, waiting[index] ?? '']),
    knownAtMs: sparing ? declared.knownAtMs : nowMs,
    nextProbeAtMs: nowMs + probeGapMs(declared.probes),
    probes: declared.probes + 1,
  };
  return { index, sparing, declared: next };
}

/** A probe of this team or app made no connect. */
export function onUnused(declared: DeclaredOutage, streamID: string, nowMs: number): DeclaredOutage {
  const probed = new Set(declared.probed);
  probed.delete(streamID);
  return { ...declared, probed, nextProbeAtMs: Math.min(declared.nextProbeAtMs, nowMs + UNUSED_GAP_MS) };
}
