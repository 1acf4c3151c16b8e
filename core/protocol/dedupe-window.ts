/**
 * Longest time from reading an event to queueing it: later, the mark of a copy that was queued elsewhere may be gone. The other
 * half of the window is for that copy's own delay (docs/design.md, rule 5).
 */
export const longestWaitMs = (windowMs: number): number => windowMs / 2;
