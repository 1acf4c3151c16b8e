import { type Kind, notYet } from './setting-kind.ts';

/** One row of the table in `core/config/settings.ts`. */

export const PROGRAMS = ['operator', 'connector', 'standalone', 'status', 'send'] as const;
export type Program = (typeof PROGRAMS)[number];

/** Which programs a setting is for. */
export const ALL: readonly Program[] = PROGRAMS;
/** The programs that bring events to the queue. */
export const EVENTS: readonly Program[] = ['connector', 'standalone'];
/** The long-running programs, unlike `relax status` and `relax send`. */
export const FLEET: readonly Program[] = ['operator', 'connector', 'standalone'];

export interface Setting<T> {
  /** Environment variable; undefined for what only makes sense on a command line. */
  env: string | undefined;
  /** Long flag without dashes. */
  flag: string;
  /** One letter, where there is a convention for it. */
  short?: string;
  /** Placeholder in help; undefined for a switch. */
  argument: string | undefined;
  kind: Kind<T>;
  /** Text that stands for an unset value; undefined when unset is a value of its own or `requiredBy` names the program. */
  fallback: string | undefined;
  fallbackOf?: Partial<Record<Program, string>>;
  /** Says what an unset value means where `fallback` can't. */
  unset?: string;
  /** A good value: ends up in error messages and in the reference. */
  example: string;
  doc: string;
  programs: readonly Program[];
  requiredBy: readonly Program[];
  /** An empty text is a value of its own; otherwise it counts as unset. */
  takesEmpty?: true;
  /** Planned for a later version, refused by this one. */
  later?: true;
}

export function setting<T>(
  row: Omit<Setting<T>, 'fallback' | 'requiredBy'> & Partial<Pick<Setting<T>, 'fallback' | 'requiredBy'>>,
): Setting<T> {
  return { fallback: undefined, requiredBy: [], ...row };
}

/** A setting planned for a later version. This version refuses it unless it has its present value. */
export function later(env: string, present: string, doc: string): Setting<string> {
  return setting({
    env,
    flag: env
      .replace(/^RELAX_/, '')
      .replaceAll('_', '-')
      .toLowerCase(),
    argument: 'value',
    kind: notYet(present),
    fallback: present,
    example: present,
    doc,
    programs: ['operator', 'connector', 'standalone'],
    later: true,
  });
}
