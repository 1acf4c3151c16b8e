export interface ListQuery {
  limit?: number;
  /** From the page before. */
  continueToken?: string;
  labelSelector?: string;
  fieldSelector?: string;
  metadataOnly?: boolean;
}

export interface WatchQuery {
  resourceVersion: string;
  timeoutSeconds: number;
  labelSelector?: string;
  fieldSelector?: string;
  metadataOnly?: boolean;
}

/**
 * `merge` is RFC 7386, `json` RFC 6902 (an array of operations), `apply` server-side apply, which needs a field manager
 * and in the body apiVersion, kind and metadata.name. Strategic merge is left out: custom resources don't have it.
 */
export type Patch =
  | { type: 'merge'; body: unknown; fieldManager?: string }
  | { type: 'json'; body: readonly unknown[]; fieldManager?: string }
  | { type: 'apply'; body: unknown; fieldManager: string; force?: boolean };

const METADATA_ACCEPT = {
  object: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  list: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
};

/** No `application/json` as a second choice: a server that can't strip Secrets must refuse, not send them. */
export function acceptHeader(what: 'object' | 'list', metadataOnly: boolean): string {
  return metadataOnly ? METADATA_ACCEPT[what] : 'application/json';
}

/**
 * resourceVersion stays unset ("most recent"): with resourceVersion=0 the server ignores `limit` and sends everything at
 * once from its cache.
 */
export function listQuery(query: ListQuery): string {
  return encode({
    limit: query.limit,
    continue: query.continueToken,
    labelSelector: query.labelSelector,
    fieldSelector: query.fieldSelector,
  });
}

export function watchQuery(query: WatchQuery): string {
  return encode({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: query.resourceVersion,
    timeoutSeconds: query.timeoutSeconds,
    labelSelector: query.labelSelector,
    fieldSelector: query.fieldSelector,
  });
}

const PATCH_CONTENT_TYPE = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml', // JSON is YAML
};

export function patchRequest(patch: Patch): { query: string; body: unknown; contentType: string } {
  const query = encode({
    fieldManager: patch.fieldManager,
    force: patch.type === 'apply' && patch.force ? 'true' : undefined,
  });
  return { query: query === '' ? '' : `?${query}`, body: patch.body, contentType: PATCH_CONTENT_TYPE[patch.type] };
}

function encode(values: Record<string, string | number | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== '') params.set(name, String(value));
  }
  return params.toString();
}
