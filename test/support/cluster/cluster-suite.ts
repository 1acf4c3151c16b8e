import { describe, it } from 'vitest';
import { missingForCluster } from './requirements.ts';

/**
 * A `describe` that needs nodes, and therefore the namespaces of namespace.sh. Without them it is skipped, which the
 * report shows with the remedy, or fails if REQUIRE_CLUSTER=1; it never passes unseen.
 * @param body gets a folder for the cluster, which is removed in the end
 */
export function clusterSuite(name: string, body: (folder: string) => void): void {
  const folder = process.env.RELAX_CLUSTER_DIR;
  if (folder !== undefined) {
    describe(name, () => body(folder));
    return;
  }
  const missing = missingForCluster();
  const remedy = missing.length === 0 ? 'run `make cluster`' : `missing: ${missing.join('; ')}`;
  if (process.env.REQUIRE_CLUSTER === '1') {
    it(`${name}: needs nodes`, () => {
      throw new Error(`REQUIRE_CLUSTER=1 and this runs on no cluster: ${remedy}`);
    });
    return;
  }
  process.stderr.write(`\nSKIPPED: ${name}. ${remedy}\n\n`);
  it.skip(`${name} (${remedy})`);
}
