import { describe, expect, it } from 'vitest';
import { heldAfterRead } from '#connector/assignment/held-slots.ts';
import { planFences } from '#operator/fleet/fences.ts';
import { plan } from '#operator/plan/plan.ts';
import type { Plan, PlanInput } from '#operator/plan/types.ts';
import { assignmentModel, type Disturbance, type ModelOptions } from '#test/model/assignment-model.ts';
import { explore, type Verdict } from '#test/model/checker.ts';

/**
 * Every state that assignment and handover can get into, with the real planner, the real memory of the planner and the
 * real rule of the connector (docs/adr/0002-assignment-and-handover.md). `RELAX_MODEL=deep` visits more, in minutes.
 */
const MAX_STATES = 1_000_000;
const TIMEOUT_MS = 600_000;
const DEEP = process.env.RELAX_MODEL === 'deep';

const ALL: Disturbance[] = [
  ...([
    'kill',
    'sigterm',
    'cut',
    'flush',
    'rewind',
    'planner',
    'suspend',
    'resume',
    'token',
    'revoke',
    'drop',
  ] as const),
];

interface Case extends ModelOptions {
  name: string;
}

const CASES: Case[] = [
  { name: 'a fleet that starts', pods: ['p-0', 'p-1'], replicas: 1, from: 'nothing', disturbances: [], most: 0 },
  { name: 'one socket on two pods', pods: ['p-0', 'p-1'], replicas: 1, from: 'whole', disturbances: ALL, most: 2 },
  {
    name: 'two sockets on three pods',
    pods: ['p-0', 'p-1', 'p-2'],
    replicas: 2,
    from: 'whole',
    disturbances: ALL,
    most: 1,
  },
  {
    name: 'a set that shrinks to one of two',
    pods: ['p-0', 'p-1'],
    replicas: 1,
    from: 'whole',
    most: 2,
    disturbances: ['shrink', 'kill', 'cut', 'planner', 'drop'],
  },
  {
    name: 'a set that shrinks to two of three',
    pods: ['p-0', 'p-1', 'p-2'],
    replicas: 2,
    from: 'whole',
    most: 2,
    disturbances: ['shrink', 'kill'],
  },
  {
    name: 'a planner that remembers nothing of a pod',
    pods: ['p-0', 'p-1'],
    replicas: 1,
    from: 'whole',
    most: 3,
    disturbances: ['flush', 'planner', 'cut'],
  },
];
const DEEP_CASES: Case[] = [
  {
    name: 'a set that shrinks to two of three',
    pods: ['p-0', 'p-1', 'p-2'],
    replicas: 2,
    from: 'whole',
    most: 2,
    disturbances: [...ALL, 'shrink'],
  },
  {
    name: 'two sockets on three pods',
    pods: ['p-0', 'p-1', 'p-2'],
    replicas: 2,
    from: 'whole',
    disturbances: ALL,
    most: 2,
  },
  {
    name: 'one socket on two pods, three faults',
    pods: ['p-0', 'p-1'],
    replicas: 1,
    from: 'whole',
    most: 3,
    disturbances: ['kill', 'cut', 'flush', 'planner', 'suspend', 'resume', 'token'],
  },
];

const told = ({ violation }: Verdict): string =>
  violation === undefined ? 'no violation' : `${violation.what}\n  ${violation.trace.join('\n  ')}`;

const ONE_SOCKET = { pods: ['p-0', 'p-1'], replicas: 1, from: 'whole' as const };

describe('in every state that can be reached', () => {
  it.each(DEEP ? DEEP_CASES : CASES)(
    '$name, up to $most disturbances: owned or pending, closed only after a hello, no fence in the way, and the way back is open',
    (options) => {
      const verdict = explore(assignmentModel(options), MAX_STATES);
      console.log(`${options.name}, ${options.most} disturbances: ${verdict.states} states, ${verdict.steps} steps`);
      expect(told(verdict)).toBe('no violation');
      expect(verdict.states).toBeGreaterThan(100);
    },
    TIMEOUT_MS,
  );
});

describe('the checker finds', () => {
  it('a connector that believes a Redis that forgot', () => {
    const verdict = explore(
      assignmentModel({
        ...ONE_SOCKET,
        disturbances: ['flush'],
        most: 1,
        hold: (held, read) => heldAfterRead({ ...held, version: 0 }, { ...read, version: read.version ?? 1 }),
      }),
      MAX_STATES,
    );
    expect(told(verdict)).toBe(
      [
        'p-1 closes the live socket u/0 before another said hello',
        '! Redis loses everything',
        'p-1 renews its session and reads version none',
      ]
        .join('\n  ')
        .replaceAll('p-1', ownerIn(told(verdict))),
    );
  });

  it('a planner that removes the old entry together with writing the new one', () => {
    const hasty = (input: PlanInput, budget: number): Plan => withoutSources(input, plan(input, budget));
    const verdict = explore(
      assignmentModel({ ...ONE_SOCKET, disturbances: ['sigterm'], most: 1, makePlan: hasty }),
      MAX_STATES,
    );
    expect(told(verdict)).toMatch(
      /closes the live socket u\/0 before another said hello\n(.*\n)+.*incoming epoch 2\n.*u\/0 removed/,
    );
  });

  it('a planner that does not wait for the fleet to report after Redis lost all', () => {
    const rash = (input: PlanInput, budget: number): Plan => plan({ ...input, settled: true }, budget);
    const verdict = explore(
      assignmentModel({ ...ONE_SOCKET, disturbances: ['flush', 'planner'], most: 2, makePlan: rash }),
      MAX_STATES,
    );
    expect(told(verdict)).toContain('closes the live socket');
  });

  it('a planner that leaves the slots of a dead pod where they are', () => {
    const lazy = (input: PlanInput, budget: number): Plan => {
      const made = plan(input, budget);
      return made.deadPods.length === 0 ? made : { ...made, writes: [] };
    };
    const verdict = explore(
      assignmentModel({ ...ONE_SOCKET, disturbances: ['kill'], most: 1, makePlan: lazy }),
      MAX_STATES,
    );
    expect(told(verdict)).toContain('u has 0 of 1 slots placed or pending');
  });

  it('a fence that stays when a bot is resumed', () => {
    const sticky: typeof planFences = (...input) => ({ ...planFences(...input), remove: [] });
    const verdict = explore(
      assignmentModel({ ...ONE_SOCKET, disturbances: ['suspend', 'resume'], most: 2, fences: sticky }),
      MAX_STATES,
    );
    expect(told(verdict)).toMatch(
      /the fence at 2 blocks u\/0 on p-\d of generation 1, though its bot is wanted|out of reach/,
    );
  });
});

const ownerIn = (text: string): string => /^p-\d/.exec(text)?.[0] ?? '';

function withoutSources(input: PlanInput, made: Plan): Plan {
  const incoming = new Set(
    made.writes.flatMap(({ set }) => [...set].filter(([, { role }]) => role === 'incoming').map(([id]) => id)),
  );
  const taken = [...input.assignments].flatMap(([pod, slots]) => {
    const remove = [...slots.keys()].filter((id) => incoming.has(id));
    return remove.length === 0 ? [] : [{ pod, set: new Map(), remove }];
  });
  return { ...made, writes: [...made.writes, ...taken] };
}
