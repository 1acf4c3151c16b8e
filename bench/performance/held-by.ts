/** Row of the table -> what keeps it from its target, in a sentence. Shown only while the target is missed. */
export const HELD_BY: Readonly<Record<string, string>> = {};
