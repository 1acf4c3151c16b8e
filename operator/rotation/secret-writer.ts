import type { TokenPair } from '../../core/protocol/rotation.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import type { KubeObject } from '../kube/object.ts';
import { rfc3339 } from '../kube/timestamp.ts';
import type { SecretHome } from './rotating-secret.ts';

/** RFC 3339: when the token in the Secret expires. Without it nobody knows, unless Redis has the pair. */
export const EXPIRES_AT_ANNOTATION = 'relax.dev/token-expires-at';

export type WriteOutcome =
  | 'written'
  /** Somebody else has written it since it was read, or it is gone: what to do must be decided again. */
  | 'changed';

const SECRETS = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' };

/**
 * Puts a pair into a Secret: its two keys and the annotation, and nothing else. It never creates a Secret, and never overwrites
 * another version than the one that was judged.
 * @throws KubeError otherwise
 */
export async function writeSecret(
  client: Pick<KubeClient, 'patch'>,
  home: SecretHome,
  pair: TokenPair,
  expiresAtMs: number | undefined,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const { namespace, name, resourceVersion, tokenKey, refreshTokenKey } = home;
  const annotations = { [EXPIRES_AT_ANNOTATION]: expiresAtMs === undefined ? null : rfc3339(expiresAtMs) };
  const data = { [tokenKey]: base64(pair.token), [refreshTokenKey]: base64(pair.refreshToken) };
  const body = { metadata: { resourceVersion, annotations }, data };
  try {
    await client.patch<KubeObject>({ ...SECRETS, namespace, name }, { type: 'merge', body }, { signal });
    return 'written';
  } catch (error) {
    if (isKubeError(error, 'conflict') || isKubeError(error, 'notFound')) return 'changed';
    throw error;
  }
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
