import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take longest, by what they promise and not by their size, which is all that Vitest knows on a fresh clone:
 * one of them begun last would keep a run waiting while the other workers are idle. From longest, in seconds of a run.
 */
export const LONGEST: readonly string[] = [
  'kube/uninstall.test.ts', // 191
  'e2e/status-truth.test.ts', // 169
  'kube/stopped-operator.test.ts', // 159
  'e2e/kubernetes.test.ts', // 155
  'e2e/operator-faults.test.ts', // 124
  'integration/connector/program/pod-name.test.ts', // 120
  'e2e/two-installations.test.ts', // 113
  'kube/slackapp.test.ts', // 110
  'e2e/socket-mode.test.ts', // 106
  'kube/two-operators.test.ts', // 89
  'e2e/kubernetes-chaos.test.ts', // 85
  'kube/narrowed-namespaces.test.ts', // 81
  'kube/operator.test.ts', // 80
  'kube/rotation.test.ts', // 76
  'integration/operator/fleet/real-connectors.test.ts', // 61
  'kube/namespaces.test.ts', // 53
  'integration/connector/program/outage.test.ts', // 51
  'integration/connector/program/deaf-sockets.test.ts', // 48
  'integration/core/process/forced-end.test.ts', // 48
  'integration/cli/standalone.test.ts', // 43
  'integration/operator/fleet/scale-in.test.ts', // 42
  'integration/operator/fleet/planner.test.ts', // 41
  'integration/connector/program/connector.test.ts', // 41
  'integration/connector/program/faults.test.ts', // 38
  'integration/core/redis/cluster.test.ts', // 35
  'integration/connector/slot/deadlines.test.ts', // 32
  'integration/connector/hostile/getting-a-socket.test.ts', // 30
  'integration/connector/program/clock.test.ts', // 28
  'integration/cli/standalone-apps.test.ts', // 27
  'integration/connector/program/socket-mode.test.ts', // 26
  'integration/connector/hostile/live-sockets.test.ts', // 25
];

const rank = ({ moduleId }: TestSpecification): number => {
  const at = LONGEST.findIndex((file) => moduleId.endsWith(`/test/${file}`));
  return at < 0 ? LONGEST.length : at;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const byProject = Map.groupBy(await super.sort(files), ({ project }) => project.name);
    return [...byProject.values()].flatMap((each) => each.toSorted((one, other) => rank(one) - rank(other)));
  }
}
