/** As much of a Dockerfile as ours needs, so that the tests run what the Dockerfile says and not a copy of it. */
export interface Stage {
  name: string;
  instructions: { name: string; rest: string }[];
}

export interface Copy {
  /** The stage that it copies from; undefined: from the repository. */
  from: string | undefined;
  sources: string[];
  target: string;
}

export function stagesOf(dockerfile: string): Stage[] {
  const stages: Stage[] = [];
  const lines = dockerfile.replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n/g, ' ');
  for (const line of lines.split('\n').map((each) => each.trim())) {
    const [name = '', rest = ''] = line.split(/\s+(.*)/s);
    if (name === '') continue;
    if (name === 'FROM') stages.push({ name: / as (\S+)$/i.exec(rest)?.[1] ?? '', instructions: [] });
    else stages.at(-1)?.instructions.push({ name, rest });
  }
  return stages;
}

export function copiesOf(stage: Stage): Copy[] {
  return valuesOf(stage, 'COPY').map((rest) => {
    const words = rest.split(/\s+/);
    const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
    const target = words.pop();
    if (target === undefined || words.length === 0) throw new Error(`COPY ${rest}: what goes where?`);
    return { from, sources: words, target };
  });
}

export const valuesOf = (stage: Stage, name: string): string[] =>
  stage.instructions.filter((each) => each.name === name).map(({ rest }) => rest);

/** @throws Error unless the instruction is there once */
export function onlyValueOf(stage: Stage, name: string): string {
  const [value, ...more] = valuesOf(stage, name);
  if (value === undefined || more.length > 0) throw new Error(`Dockerfile: one ${name} in each stage, please`);
  return value;
}
