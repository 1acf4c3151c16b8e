import { existsSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';

const IN_CLUSTER_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Where the API server is and who we are: the named kubeconfig file, else the pod's service account, else the user's
 * own kubeconfig. client-node's own default falls back to http://localhost:8080 in silence; this one says what to do.
 *
 * @throws Error that names the remedy if there is no usable configuration
 */
export function loadKubeConfig(path?: string): KubeConfig {
  const config = new KubeConfig();
  if (path !== undefined && path !== '') {
    if (!existsSync(path)) throw new Error(`kubeconfig ${path} does not exist: check --kubeconfig`);
    config.loadFromFile(path);
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
