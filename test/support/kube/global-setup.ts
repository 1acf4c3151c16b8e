import type { TestProject } from 'vitest/node';
import { startApiServer } from './api-server.ts';
import { findKubeBinaries, KUBE_REMEDY } from './binaries.ts';
import type { SharedKube } from './kube-suite.ts';

/** One API server for all files of the suite. Files that pause or kill one start their own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const binaries = findKubeBinaries();
  if (binaries === undefined) {
    process.stderr.write(
      `\nSKIPPED: tests on a real API server, since none was found. To run them: ${KUBE_REMEDY}\n\n`,
    );
    project.provide('kube', { missing: true });
    return async () => undefined;
  }
  const server = await startApiServer();
  const shared: SharedKube = { kubeconfigPath: server.kubeconfigPath, url: server.url, token: server.token, binaries };
  project.provide('kube', shared);
  return () => server.stop();
}
