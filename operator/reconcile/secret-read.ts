/** What is known of a Secret that an object names. */
export type SecretRead =
  | {
      kind: 'found';
      /** Plain values by key. */
      data: Readonly<Record<string, string>>;
      /** A change of it is seen at once; if not, within 5 minutes, and the verdict's note says so. */
      watched: boolean;
    }
  /** `remedy`: where Secrets come from elsewhere than Kubernetes. */
  | { kind: 'missing'; remedy?: string }
  /** Neither there nor missing: the API server is away or refuses. */
  | { kind: 'unreadable'; why: string };
