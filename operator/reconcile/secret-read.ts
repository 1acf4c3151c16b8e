/** What is known of a Secret that an object names. */
export type SecretRead =
  | {
      kind: 'found';
      /** Plain values by key. */
      data: Readonly<Record<string, string>>;
      /** Changes are seen at once. If false, within 5 minutes, and the verdict's note says so. */
      watched: boolean;
      /** Where it comes from Kubernetes. */
      metadata?: { resourceVersion: string; annotations: Readonly<Record<string, string>> };
    }
  /** `remedy`: where Secrets do not come from Kubernetes. */
  | { kind: 'missing'; remedy?: string }
  /** Not known: the API server is unreachable or refuses. */
  | { kind: 'unreadable'; why: string };
