import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAUNCHER } from '../launcher.ts';
import { OwnedProcess } from './owned-process.ts';

/** `relax standalone` with a bot for each team, and what its log says about its connectors. */
export class FleetProcess {
  readonly process: OwnedProcess;
  /** Incarnation of a connector -> where its metrics are. */
  readonly metricsUrls = new Map<string, string>();

  constructor(
    folder: string,
    teams: readonly { teamID: string; token: string }[],
    env: Readonly<Record<string, string>>,
    fleet: { connectors: number; zones: readonly string[] },
  ) {
    const bots = join(folder, 'bots');
    mkdirSync(bots);
    for (const [index, { teamID, token }] of teams.entries()) {
      writeFileSync(join(bots, `team-${index + 1}.yaml`), manifest(`team-${index + 1}`, teamID, token), {
        mode: 0o600,
      });
    }
    const flags = ['--bots', bots, '--connectors', String(fleet.connectors), '--zones', fleet.zones.join(',')];
    this.process = new OwnedProcess('relax standalone', [process.execPath, LAUNCHER, 'standalone', ...flags], {
      env,
      tie: 'channel',
      onLine: (line) => this.#read(line),
    });
  }

  #read(line: string): void {
    if (!line.includes('"starting connector"')) return;
    const { incarnation, port } = JSON.parse(line) as { incarnation: string; port: number };
    this.metricsUrls.set(incarnation, `http://127.0.0.1:${port}/metrics`);
  }
}

const manifest = (name: string, teamID: string, token: string): string => `apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: demo }
stringData: { token: ${token} }
---
apiVersion: relax.dev/v1alpha1
kind: SlackBot
metadata: { name: ${name}, namespace: demo }
spec:
  teamID: ${teamID}
  credentials: { secretRef: { name: ${name} } }
`;
