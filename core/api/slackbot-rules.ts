/** The part of a SlackBot spec that the rules look at. (slackbot.ts includes the rules in its schema.) */
interface RuledSpec {
  teamID: string;
  transport: string;
  credentials?: object | undefined;
  appRef?: object | undefined;
  replicas?: number | undefined;
  events?: { include?: readonly string[] | undefined; exclude?: readonly string[] | undefined } | undefined;
}

/**
 * Rules over several fields of a SlackBot spec. One rule is one row: the API server evaluates `cel` (it goes into the CRD
 * as x-kubernetes-validations of `spec`), the manifest reader of standalone mode evaluates `check`. Both must agree:
 * test/kube/crd.test.ts feeds the same manifests to both.
 */
interface SpecRule {
  /** For docs and tests. */
  name: string;
  /** The field to blame, below `spec`. */
  field: keyof RuledSpec;
  /** CEL over `self`, and `oldSelf` if the rule is about a change: such a rule is judged on updates only. */
  cel: string;
  /** Names the field and the remedy. */
  message: string;
  /** The same as `cel`; `old` is absent when the bot is new. */
  check: (spec: RuledSpec, old?: RuledSpec) => boolean;
}

export const SPEC_RULES: readonly SpecRule[] = [
  {
    name: 'teamID is immutable',
    field: 'teamID',
    cel: 'self.teamID == oldSelf.teamID',
    message: 'teamID is immutable: for another team, delete this SlackBot and create a new one',
    check: (spec, old) => old === undefined || spec.teamID === old.teamID,
  },
  {
    name: 'credentials unless App',
    field: 'credentials',
    cel: "self.transport == 'App' || has(self.credentials)",
    message:
      'credentials is required with transport RTM and SocketMode: set credentials.secretRef.name to a Secret in the same namespace',
    check: (spec) => spec.transport === 'App' || spec.credentials !== undefined,
  },
  {
    name: 'appRef with App',
    field: 'appRef',
    cel: "self.transport != 'App' || has(self.appRef)",
    message: 'appRef is required with transport App: set appRef.name to a SlackApp',
    check: (spec) => spec.transport !== 'App' || spec.appRef !== undefined,
  },
  {
    name: 'appRef only with App',
    field: 'appRef',
    cel: "self.transport == 'App' || !has(self.appRef)",
    message: 'appRef goes only with transport App: remove appRef, or set transport to App',
    check: (spec) => spec.transport === 'App' || spec.appRef === undefined,
  },
  {
    name: 'no replicas with App',
    field: 'replicas',
    cel: "self.transport != 'App' || !has(self.replicas)",
    message: "replicas can't be set with transport App: remove it, the sockets are counted by the SlackApp's replicas",
    check: (spec) => spec.transport !== 'App' || spec.replicas === undefined,
  },
  {
    name: 'include and exclude apart',
    field: 'events',
    cel:
      '!has(self.events) || !has(self.events.include) || !has(self.events.exclude) || ' +
      '!self.events.include.exists(type, type in self.events.exclude)',
    message: 'events.include and events.exclude name the same event type: remove it from one of them',
    check: (spec) => {
      const exclude = spec.events?.exclude ?? [];
      return !(spec.events?.include ?? []).some((type) => exclude.includes(type));
    },
  },
];

/** The rules as the API server reads them: apiextensions.k8s.io/v1 ValidationRule. */
export const celValidations = SPEC_RULES.map(({ cel, message, field }) => ({
  rule: cel,
  message,
  fieldPath: `.${field}`,
}));

/** The rules that a spec breaks, in the order above. */
export function brokenRules(spec: RuledSpec, old?: RuledSpec): SpecRule[] {
  return SPEC_RULES.filter((rule) => !rule.check(spec, old));
}
