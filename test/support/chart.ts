import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Command, CommandResult } from './command.ts';

export const CHART = join(import.meta.dirname, '../../helm/relax');
/** For helm, which knows no cluster in `helm template`. */
export const KUBE_VERSION = '1.36.3';

/** The least that must be said. */
export const LEAST = {
  image: { repository: 'registry.example/relax' },
  redis: { url: 'redis://redis:6379/0' },
  fleetKey: { existingSecret: 'relax-fleet-key' },
};

/** What `helm install RELEASE helm/relax -n relax` with these values would apply. */
export const render = (helm: Command, values: object, release = 'relax'): Promise<CommandResult> =>
  helm.run(['template', release, CHART, '-n', 'relax', '--kube-version', KUBE_VERSION, '-f', '-'], stringify(values));
