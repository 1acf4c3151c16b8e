import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { programOnPath } from '#cli/demo/redis-binary.ts';
import { findKubeBinaries, KUBE_REMEDY, NODE_PROGRAMS } from '#test/support/kube/binaries.ts';
import { CNI_FOLDER } from './node.ts';

export const NAMESPACE_SCRIPT = join(import.meta.dirname, 'namespace.sh');
export const CLUSTER_PACKAGES = 'apt-get install runc containernetworking-plugins iptables conntrack iproute2';

/** What keeps the cluster suite from running on this machine, in words; nothing: it can. */
export function missingForCluster(): string[] {
  if (process.platform !== 'linux') return ['Linux'];
  if (process.getuid?.() !== 0) return ['root'];
  const missing: string[] = [];
  const tools = ['runc', 'iptables', 'conntrack', 'ip', 'unshare', 'ldd', 'tar', 'openssl'];
  // As in namespace.sh: a root that came by sudo or su may not have them in its PATH.
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  const absent = tools.filter((tool) => programOnPath(tool, path) === undefined);
  if (!existsSync(join(CNI_FOLDER, 'ptp'))) absent.push(`${CNI_FOLDER}/ptp`);
  if (absent.length > 0) missing.push(`${absent.join(', ')} (${CLUSTER_PACKAGES})`);
  missing.push(...missingPrograms());
  if (missing.length > 0) return missing;
  const probe = spawnSync(NAMESPACE_SCRIPT, ['iptables', '-L', '-n'], { encoding: 'utf8' });
  return probe.status === 0 ? [] : [`the right to make namespaces (${probe.stderr.trim()})`];
}

function missingPrograms(): string[] {
  const binaries = findKubeBinaries();
  if (binaries === undefined) return [`an API server (${KUBE_REMEDY})`];
  const needed = ['helm', 'kube-controller-manager', 'kube-scheduler', ...NODE_PROGRAMS] as const;
  const absent = needed.filter((name) => binaries[name] === undefined);
  return absent.length === 0 ? [] : [`${absent.join(', ')} beside ${binaries['kube-apiserver']}`];
}
