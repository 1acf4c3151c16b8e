/** Tokens and names of the subjects. A token says whose it is, so that the stand-in needs no table. */

export type SubjectKind = 'rtm' | 'socketMode';

/** @param n other than those of all other subjects of a run */
export const tokenOf = (kind: SubjectKind, n: number): string =>
  kind === 'rtm' ? `xoxb-1-${teamID(n)}-hostile` : `xapp-1-${appID(n)}-1-hostile`;

export const teamID = (n: number): string => `T${String(n).padStart(6, '0')}`;
const appID = (n: number): string => `A${String(n).padStart(6, '0')}`;

export const isAppToken = (token: string): boolean => token.startsWith('xapp-');
export const teamIDOf = (token: string): string => token.split('-')[2] ?? '';
export const appIDOf = teamIDOf;
