import type { StandaloneConfig } from '../../../core/config/config.ts';
import type { ConnectorSet } from '../../../core/protocol/connector-set.ts';
import type { ChildSpec } from './connector-children.ts';

const SET = 'connector';

/** Which of them there are to be, for the planner. */
export const connectorSetOf = ({ connectors }: Pick<StandaloneConfig, 'connectors'>): ConnectorSet => ({
  kind: 'sized',
  name: SET,
  first: 0,
  replicas: connectors,
});

/**
 * Name and environment of each connector: what was set for us and means something to a connector, and what makes it one
 * of ours. Of the rest of our environment, everything that is not Relax's.
 */
export function connectorSpecs(
  config: StandaloneConfig,
  keyFile: string,
  owner: string,
  env: NodeJS.ProcessEnv,
): ChildSpec[] {
  const others = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    name.startsWith('RELAX_') || value === undefined ? [] : [[name, value]],
  );
  return Array.from({ length: config.connectors }, (_, n) => {
    const pod = `${SET}-${n}`;
    return {
      pod,
      env: {
        ...Object.fromEntries(others),
        ...config.connectorEnv,
        RELAX_POD: pod,
        RELAX_ZONE: config.zones[n % config.zones.length] ?? '',
        RELAX_CLUSTER: config.cluster,
        RELAX_OWNER: owner,
        RELAX_FLEET_KEY_FILE: keyFile,
        RELAX_GRACE_SECONDS: String(config.graceMs / 1000),
        // Several on one machine.
        RELAX_METRICS_PORT: '0',
        RELAX_METRICS_HOST: config.http.host,
      },
    };
  });
}
