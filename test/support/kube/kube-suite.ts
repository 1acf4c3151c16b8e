import { KubeConfig } from '@kubernetes/client-node';
import { describe, inject, it } from 'vitest';
import { Command } from '#test/support/command.ts';
import { findKubeBinaries, KUBE_REMEDY, type KubeBinaries } from './binaries.ts';

/** What the files of the kube suite share; see global-setup.ts, which starts it. */
export interface SharedKube {
  kubeconfigPath: string;
  url: string;
  token: string;
  binaries: KubeBinaries;
}

declare module 'vitest' {
  interface ProvidedContext {
    kube: SharedKube | { missing: true };
  }
}

/**
 * A `describe` that needs a real API server. Without one it is skipped, which the report shows with the remedy, or fails
 * if REQUIRE_KUBE=1; it never passes unseen.
 */
export function kubeSuite(name: string, body: (kube: SharedKube) => void): void {
  const kube = inject('kube');
  if (kube === undefined) throw new Error('test/support/kube/global-setup.ts is not the globalSetup of this suite');
  if ('missing' in kube) reportMissing(name, 'an API server', KUBE_REMEDY);
  else describe(name, () => body(kube));
}

/** As kubeSuite, for what needs Helm as well. */
export function kubeHelmSuite(name: string, body: (kube: SharedKube, helm: Command) => void): void {
  kubeSuite(name, (kube) => {
    const path = kube.binaries.helm;
    if (path === undefined) reportMissing(name, 'helm', `put helm beside ${kube.binaries.kubectl}, or into PATH`);
    else body(kube, new Command(path));
  });
}

/** The server is shared by all files, so a namespace may be there already. */
export async function ensureNamespaces(kube: SharedKube, names: readonly string[]): Promise<void> {
  const namespaces = names.map((name) => JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  await kubectl(kube).must(['apply', '-f', '-'], namespaces.join('\n---\n'));
}

/** As kubeSuite, for files that start control planes of their own, to pause or kill them. */
export function kubeBinariesSuite(name: string, body: (binaries: KubeBinaries) => void): void {
  const binaries = findKubeBinaries();
  if (binaries === undefined) reportMissing(name, 'an API server', KUBE_REMEDY);
  else describe(name, () => body(binaries));
}

/** kubectl as the administrator of the shared API server. */
export function kubectl(kube: Pick<SharedKube, 'kubeconfigPath' | 'binaries'>): Command {
  return new Command(kube.binaries.kubectl, ['--kubeconfig', kube.kubeconfigPath]);
}

export function kubeConfigFrom(path: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(path);
  return config;
}

function reportMissing(name: string, what: string, remedy: string): void {
  if (process.env.REQUIRE_KUBE === '1') {
    it(`${name}: needs ${what}`, () => {
      throw new Error(`REQUIRE_KUBE=1 and ${what} was not found: ${remedy}`);
    });
    return;
  }
  describe.skip(`${name} [SKIPPED: no ${what.replace(/^an? /, '')}; ${remedy}]`, () => {
    it(`needs ${what}`, () => undefined);
  });
}
