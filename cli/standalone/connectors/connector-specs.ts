import type { StandaloneConfig } from '../../../core/config/config.ts';
import type { ConnectorSet } from '../../../core/protocol/connector-set.ts';
import type { ChildSpec } from './connector-children.ts';

const SET = 'connector';

/** The connectors that there should be, for the planner. */
export const connectorSetOf = ({ connectors }: Pick<StandaloneConfig, 'connectors'>): ConnectorSet => ({
  kind: 'sized',
  name: SET,
  first: 0,
  replicas: connectors,
});

/**
 * Name and environment of each connector: the settings given to us that apply to a connector, what makes it part of this
 * installation, and everything in our environment that is not Relax's.
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
