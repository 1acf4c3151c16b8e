import {
  type Configured,
  connectorConfig,
  operatorConfig,
  standaloneConfig,
  statusConfig,
} from '../core/config/config.ts';
import { ConfigError, type ConfigInput } from '../core/config/config-input.ts';
import type { Program } from '../core/config/setting.ts';
import { createLog, type Log, type LogLevel } from '../core/process/log.ts';
import { RUNTIME, runtimeHas } from '../core/process/runtime.ts';

const NEEDS_NODE =
  'this is Bun, which does not check the API server of Kubernetes by its CA: run the operator with Node 24 or later, by the ' +
  'image or by "node bin/relax.mjs operator". The single executable is Bun as well';

/**
 * Runs one program until its end. Each program is loaded only when it is needed: a connector has no use for a Kubernetes
 * client and starts without loading one.
 * @throws ConfigError with all mistakes, and whatever ended the program
 */
export async function runProgram(
  program: Exclude<Program, 'send'>,
  input: ConfigInput,
  signal: AbortSignal,
): Promise<number> {
  switch (program) {
    case 'operator': {
      if (!runtimeHas.undiciTrust) throw new ConfigError(program, [NEEDS_NODE]);
      const { config, log } = begin(program, operatorConfig(input));
      const { runOperator } = await import('../operator/main.ts');
      await runOperator(config, log, signal);
      return 0;
    }
    case 'connector': {
      const { config, log } = begin(program, connectorConfig(input));
      const { runtime = RUNTIME.name } = config;
      if (runtime !== RUNTIME.name) {
        const warning = 'only the image and relax standalone start connectors by RELAX_CONNECTOR_RUNTIME';
        log.warn({ wanted: runtime, runtime: RUNTIME.name, warning }, 'connector was started on another runtime');
      }
      const { runConnector } = await import('../connector/main.ts');
      const { tellParent } = await import('../connector/parent-report.ts');
      await runConnector(config, log.child({ pod: config.pod }), signal, tellParent);
      return 0;
    }
    case 'standalone': {
      const { config, log } = begin(program, standaloneConfig(input));
      const { runStandalone } = await import('./standalone/standalone.ts');
      await runStandalone(config, log, signal);
      return 0;
    }
    case 'status': {
      const { config } = begin(program, statusConfig(input), { toStderr: true });
      const { runStatus } = await import('./status/status.ts');
      return runStatus(config);
    }
  }
  return program satisfies never;
}

function begin<C extends { logLevel: LogLevel }>(
  program: Program,
  { config, warnings }: Configured<C>,
  options: { toStderr?: boolean } = {},
): { config: Readonly<C>; log: Log } {
  const log = createLog({ program, level: config.logLevel, ...options });
  for (const warning of warnings) log.warn({ warning }, 'configuration');
  return { config, log };
}
