import type { StandaloneConfig } from '../../core/config/config.ts';
import type { Lifecycle } from '../../core/process/lifecycle.ts';
import type { Log } from '../../core/process/log.ts';
import type { Console } from './console/console.ts';

/** What every part of a run of `relax standalone` is given. */
export interface Run {
  config: StandaloneConfig;
  console: Console;
  log: Log;
  lifecycle: Lifecycle;
  signal: AbortSignal;
}
