import { qualifiedName } from '../../../core/api/object-name.ts';
import type { Manifests } from './manifest.ts';

type Named = Parameters<typeof qualifiedName>[0];

/**
 * What a file provides from now on. A problem makes an object unknown, not absent, and it may not even be known which object.
 * So while a file has problems, objects that it lacks stay as they were, and objects that are valid apply.
 */
export function keepLastGood(before: Manifests | undefined, now: Manifests): Manifests {
  if (before === undefined || now.problems.length === 0) return now;
  const kept = <T extends Named>(old: readonly T[], fresh: readonly T[]): T[] => {
    const names = new Set(fresh.map(qualifiedName));
    return [...fresh, ...old.filter((object) => !names.has(qualifiedName(object)))];
  };
  return {
    bots: kept(before.bots, now.bots),
    apps: kept(before.apps, now.apps),
    secrets: kept(before.secrets, now.secrets),
    problems: now.problems,
  };
}
