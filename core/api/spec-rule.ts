/**
 * A rule over several fields of a spec. One rule is one row: the API server evaluates `cel` (it goes into the CRD as
 * x-kubernetes-validations of `spec`), the manifest reader of standalone mode evaluates `check`. Both must agree:
 * test/kube/crd.test.ts feeds the same manifests to both.
 */
export interface SpecRule<Spec> {
  /** For docs and tests. */
  name: string;
  /** The field to blame, below `spec`. */
  field: string;
  /** CEL over `self`, and `oldSelf` if the rule is about a change: such a rule is judged on updates only. */
  cel: string;
  /** Names the field and the remedy. */
  message: string;
  /** The same as `cel`; `old` is absent when the object is new. */
  check: (spec: Spec, old?: Spec) => boolean;
}

/** As the API server reads rules: apiextensions.k8s.io/v1 ValidationRule. */
export const celValidationsOf = (rules: readonly Pick<SpecRule<never>, 'cel' | 'message' | 'field'>[]) =>
  rules.map(({ cel, message, field }) => ({ rule: cel, message, fieldPath: `.${field}` }));

/** The rules that a spec breaks, in their order. */
export const brokenRules = <Spec>(rules: readonly SpecRule<Spec>[], spec: Spec, old?: Spec): SpecRule<Spec>[] =>
  rules.filter((rule) => !rule.check(spec, old));
