import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';

const IN_CLUSTER_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Where the API server is and who we are: the named kubeconfig files, else the pod's service account, else the user's
 * own kubeconfig. client-node's own default falls back to http://localhost:8080 in silence; this one says what to do.
 *
 * @param path one file, or several as in KUBECONFIG: the first that says something counts
 * @throws Error that names the remedy if there is no usable configuration
 */
export function loadKubeConfig(path?: string): KubeConfig {
  const config = new KubeConfig();
  if (path !== undefined && path !== '') {
    loadFiles(config, path.split(delimiter));
  } else if (existsSync(IN_CLUSTER_TOKEN)) {
    config.loadFromCluster();
  } else {
    config.loadFromDefault();
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const context = config.getCurrentContext() || '(none)';
    throw new Error(`kubeconfig ${path ?? ''} names no cluster for its current context ${context}`);
  }
  if (path === undefined && cluster.server === 'http://localhost:8080') {
    throw new Error('no Kubernetes configuration: run in a pod with a service account, or give --kubeconfig FILE');
  }
  return config;
}

function loadFiles(config: KubeConfig, paths: readonly string[]): void {
  const there = paths.filter((path) => path !== '' && existsSync(path));
  const [first, ...more] = there;
  if (first === undefined) throw new Error(`kubeconfig ${paths.join(delimiter)} does not exist: check --kubeconfig`);
  config.loadFromFile(first);
  for (const path of more) {
    const other = new KubeConfig();
    other.loadFromFile(path);
    config.mergeConfig(other, true);
  }
}
