import { errorText } from '../../core/process/log.ts';
import { clusterKeys, queueKeys } from '../../core/protocol/keys.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { emptyDirectoryRemedy } from './console/startup-lines.ts';
import type { ControlPlane } from './control-plane.ts';
import type { BotsDirectory, DirectoryContent } from './manifests/bots-directory.ts';
import { GenerationReader } from './objects/generation-reader.ts';
import type { StateFolder } from './objects/state-folder.ts';
import type { Run } from './run.ts';

interface Followed {
  directory: BotsDirectory;
  state: StateFolder;
  controlPlane: ControlPlane;
  redis: Redis;
  /** The control plane has other objects. */
  taken(): void;
}

/** Takes what is in the directory, at once and whenever it changes, and remembers generations and ages in the state folder. */
export function followDirectory(
  { config, console, log, lifecycle }: Run,
  { directory, state, controlPlane, redis, taken }: Followed,
): void {
  const { cluster } = config;
  const { fence } = queueKeys(config.queue.name);
  const generations = new GenerationReader({ redis, keys: clusterKeys(cluster), fence, cluster, log });
  const onChange = async (content: DirectoryContent): Promise<void> => {
    const newProblems = controlPlane.take(content, await generations.read(lifecycle.signal));
    console.files(content.changes);
    for (const problem of newProblems) log.warn({ problem }, 'bots directory');
    if (controlPlane.empty) log.warn({ remedy: emptyDirectoryRemedy(config) }, 'no SlackBot and no SlackApp');
    log.info({ ...controlPlane.counts, problems: controlPlane.problems.length }, 'bots directory read');
    try {
      state.writeRegistry(controlPlane.registry);
    } catch (error) {
      log.warn(
        { error: errorText(error) },
        'could not write the state folder, generations will start over after a restart',
      );
    }
    taken();
  };
  lifecycle.background('bots directory', directory.follow(onChange, lifecycle.signal));
}
