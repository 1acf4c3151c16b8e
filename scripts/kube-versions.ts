/** What `make kube` and `make test` get where nothing is found; as in `../shared/kube`. */
export const KUBERNETES = '1.36.3';
export const ETCD = '3.6.8';
export const HELM = '3.22.0';

/** What is missing. */
export interface KubeNeeds {
  /** kube-apiserver, etcd and kubectl. */
  server: boolean;
  helm: boolean;
}

/** A way to get it. */
export interface KubeSource {
  name: 'go' | 'download';
  /** Of the cache folder, for the API server and what belongs to it. */
  folder: string;
  /** What it does, how long that takes and what it fills; said before it begins. */
  announcement(needs: KubeNeeds): string;
  /** @param to empty folders @throws Error with the reason in words */
  fill(needs: KubeNeeds, to: { server: string; helm: string }): Promise<void>;
}

export const needsInWords = ({ server, helm }: KubeNeeds): string =>
  [...(server ? ['an API server'] : []), ...(helm ? ['helm'] : [])].join(', ');
