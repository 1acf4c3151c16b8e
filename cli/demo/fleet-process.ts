import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RELAX } from '../launcher.ts';
import { OwnedProcess } from './owned-process.ts';

/** `relax standalone` on these manifests, and what its log says about its connectors. */
export class FleetProcess {
  readonly process: OwnedProcess;
  /** Incarnation of a connector -> where its metrics are. */
  readonly metricsUrls = new Map<string, string>();

  constructor(
    folder: string,
    manifests: ReadonlyMap<string, string>,
    env: Readonly<Record<string, string>>,
    fleet: { connectors: number; zones: readonly string[] },
  ) {
    const bots = join(folder, 'bots');
    mkdirSync(bots);
    for (const [file, yaml] of manifests) writeFileSync(join(bots, file), yaml, { mode: 0o600 });
    const flags = ['--bots', bots, '--connectors', String(fleet.connectors), '--zones', fleet.zones.join(',')];
    this.process = new OwnedProcess('relax standalone', [...RELAX, 'standalone', ...flags], {
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
