/**
 * An explicit-state model checker: visits every state that can be reached, breadth first, so that the trace of a
 * violation is a shortest one. States are immutable plain data.
 */
export interface Step<S> {
  /** What happens, for people. */
  name: string;
  to: S;
  /** Something that need not happen (a crash, a change of the spec): the way to the goal must not depend on it. */
  disturbance: boolean;
  /** What this step breaks, in words; undefined if nothing. */
  violation?: string | undefined;
}

export interface Model<S> {
  initial: S;
  steps(state: S): Step<S>[];
  /** Equal for states that are the same. */
  key(state: S): string;
  /** What is wrong in this state, in words; undefined if nothing. */
  wrong(state: S): string | undefined;
  /** From every state such a state must be reachable without disturbances. */
  goal(state: S): boolean;
}

export interface Verdict {
  states: number;
  steps: number;
  /** Undefined when every invariant holds in every state. */
  violation: { what: string; trace: string[] } | undefined;
}

interface Node<S> {
  state: S;
  /** How it was reached first. */
  by: { name: string; from: number } | undefined;
  /** States from which a step that is no disturbance leads here. */
  before: number[];
}

export class TooManyStatesError extends Error {
  override name = 'TooManyStatesError';
}

/** @throws TooManyStatesError */
export function explore<S>(model: Model<S>, maxStates: number): Verdict {
  const nodes: Node<S>[] = [{ state: model.initial, by: undefined, before: [] }];
  const known = new Map<string, number>([[model.key(model.initial), 0]]);
  let steps = 0;
  const verdict = (violation: Verdict['violation']): Verdict => ({ states: nodes.length, steps, violation });

  const visit = ({ name, to, disturbance }: Step<S>, from: number): void => {
    const key = model.key(to);
    const index = known.get(key) ?? nodes.length;
    if (index === nodes.length) {
      if (index >= maxStates) throw new TooManyStatesError(`more than ${maxStates} states`);
      known.set(key, index);
      nodes.push({ state: to, by: { name, from }, before: [] });
    }
    if (!disturbance && index !== from) nodes[index]?.before.push(from);
  };

  // The list grows while it is walked: breadth first.
  for (const [at, { state }] of nodes.entries()) {
    const wrong = model.wrong(state);
    if (wrong !== undefined) return verdict({ what: wrong, trace: traceTo(nodes, at) });
    for (const step of model.steps(state)) {
      steps++;
      if (step.violation !== undefined) {
        return verdict({ what: step.violation, trace: [...traceTo(nodes, at), step.name] });
      }
      visit(step, at);
    }
  }
  const stuck = firstStuck(nodes, model);
  if (stuck === undefined) return verdict(undefined);
  return verdict({ what: 'from here the goal is out of reach, whatever happens', trace: traceTo(nodes, stuck) });
}

/** The nearest state that is as asked, found without disturbances. */
export function reach<S>(model: Model<S>, isAsked: (state: S) => boolean): S {
  const seen = new Set<string>();
  const queue = [model.initial];
  for (const state of queue) {
    if (isAsked(state)) return state;
    for (const { to, disturbance } of model.steps(state)) {
      const key = model.key(to);
      if (disturbance || seen.has(key)) continue;
      seen.add(key);
      queue.push(to);
    }
  }
  throw new Error(`no such state among ${seen.size}`);
}

/** Walks back from all goals; what is not met on the way can't get to any. */
function firstStuck<S>(nodes: readonly Node<S>[], model: Model<S>): number | undefined {
  const reaches = new Set<number>();
  for (const [at, { state }] of nodes.entries()) if (model.goal(state)) reaches.add(at);
  const queue = [...reaches];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const from of nodes[at]?.before ?? []) {
      if (reaches.has(from)) continue;
      reaches.add(from);
      queue.push(from);
    }
  }
  const stuck = nodes.findIndex((_, at) => !reaches.has(at));
  return stuck === -1 ? undefined : stuck;
}

function traceTo<S>(nodes: readonly Node<S>[], at: number): string[] {
  const trace: string[] = [];
  for (let by = nodes[at]?.by; by !== undefined; by = nodes[by.from]?.by) trace.unshift(by.name);
  return trace;
}
