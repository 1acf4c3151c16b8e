/** An object of one of Relax's kinds as the API server stores it. */
export interface ApiObject<Kind extends string, Spec, Status> {
  apiVersion: string;
  kind: Kind;
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    generation: number;
    resourceVersion?: string;
    creationTimestamp: string;
    deletionTimestamp?: string;
    finalizers?: string[];
  };
  spec: Spec;
  status?: Status;
}
