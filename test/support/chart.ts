import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Command, CommandResult } from './command.ts';

export const CHART = join(import.meta.dirname, '../../helm/relax');
/** For helm, which knows no cluster in `helm template`. */
export const KUBE_VERSION = '1.36.3';

/** The chart's own. */
export const EXAMPLES = ['least', 'production'].map((name) => join(CHART, `examples/${name}.yaml`));

/** The least that must be said. */
export const LEAST = parse(readFileSync(join(CHART, 'examples/least.yaml'), 'utf8')) as {
  image: { repository: string };
  redis: { url: string };
  fleetKey: { existingSecret: string };
};

/** What `helm install RELEASE helm/relax -n relax` with these values would apply. */
export const render = (helm: Command, values: object, release = 'relax'): Promise<CommandResult> =>
  helm.run(['template', release, CHART, '-n', 'relax', '--kube-version', KUBE_VERSION, '-f', '-'], stringify(values));
