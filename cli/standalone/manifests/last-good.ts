import type { Manifests } from './manifest.ts';

type Named = { metadata: { namespace: string; name: string } };

const nameOf = ({ metadata }: Named): string => `${metadata.namespace}/${metadata.name}`;

/**
 * What a file provides from now on. A problem makes an object unknown, not absent, and it may not even be known which object.
 * So while a file has problems, objects that it lacks stay as they were, and objects that are valid apply.
 */
export function keepLastGood(before: Manifests | undefined, now: Manifests): Manifests {
  if (before === undefined || now.problems.length === 0) return now;
  const kept = <T extends Named>(old: readonly T[], fresh: readonly T[]): T[] => {
    const names = new Set(fresh.map(nameOf));
    return [...fresh, ...old.filter((object) => !names.has(nameOf(object)))];
  };
  return {
    bots: kept(before.bots, now.bots),
    secrets: kept(before.secrets, now.secrets),
    problems: now.problems,
  };
}
