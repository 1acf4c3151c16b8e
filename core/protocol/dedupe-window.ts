/**
 * Longest time from reading an event to queueing it: later, the mark of a copy that was queued elsewhere may be gone. The other
 * half of the window is for that copy's own delay (docs/design.md, rule 5).
 */
export const longestWaitMs = (windowMs: number): number => windowMs / 2;

/** Slack sends a delayed event again hourly for 24 hours; the rest is for its last copy's way to us. */
const DELAYED_WINDOW_MS = 26 * 3_600_000;

/** How long the mark of an event of an app with Delayed Events lives: its window is fixed, so it is no part of the contract. */
export const delayedWindowMs = (windowMs: number): number => Math.max(windowMs, DELAYED_WINDOW_MS);
