import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { kubeBinariesSuite } from '#test/support/kube/kube-suite.ts';
import { OperatorFleet } from '#test/support/kube/operator-fleet.ts';
import { waitFor } from '#test/support/wait.ts';

/** A suspended machine, a node that swaps: the whole process stands still and goes on. The Lease lasts for 15 s. */
kubeBinariesSuite('An operator process that is stopped and continued', () => {
  let fleet: OperatorFleet;
  const ports = new Map<string, number>();
  const programs = new Map<string, RelaxProgram>();

  async function start(name: string): Promise<RelaxProgram> {
    const program = fleet.operatorProgram(name);
    programs.set(name, program);
    ports.set(name, (await program.logged('starting operator')).port as number);
    await waitFor(async () => (await statusOf(program, '/readyz')) === 200, { timeoutMs: 30_000, what: 'ready' });
    return program;
  }

  beforeAll(async () => {
    fleet = await OperatorFleet.start();
    await fleet.connector('connector-0', 'a');
    await fleet.connector('connector-1', 'b');
    await fleet.addBot('acme', 'T0ACME');
    await start('operator-0');
    await start('operator-1');
    await fleet.until('acme', 'True Live 2/2', 60_000);
  });
  afterAll(() => fleet?.stop());

  /** HTTP status; undefined when there is no answer within a second. */
  async function statusOf(program: RelaxProgram, path: string): Promise<number | undefined> {
    const url = `http://127.0.0.1:${ports.get(program.name)}${path}`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
    await answer?.text();
    return answer?.status;
  }

  const memoryMiB = ({ pid }: RelaxProgram): number =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  /** Of user and system, in seconds. */
  const cpuSeconds = ({ pid }: RelaxProgram): number => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  };

  async function holder(): Promise<string> {
    const json = await fleet.kubectl.must(['get', 'lease', 'relax-operator', '-n', 'relax', '-o', 'json']);
    return (JSON.parse(json).spec.holderIdentity as string).split('_')[0] ?? '';
  }
  async function leader(): Promise<RelaxProgram> {
    const name = await waitFor(async () => (await holder()) || undefined, { timeoutMs: 40_000, what: 'a leader' });
    return programs.get(name) ?? Promise.reject(new Error(`${name} leads`));
  }
  async function standby(): Promise<RelaxProgram> {
    const leads = await leader();
    return [...programs.values()].find((each) => each !== leads && each.running) ?? start('operator-2');
  }

  async function standsStill(program: RelaxProgram, ms: number): Promise<void> {
    program.signal('SIGSTOP');
    await sleep(ms);
    program.signal('SIGCONT');
  }

  /**
   * It may end, since another can lead; if it does not, it answers its probes again. Either way it holds no more memory
   * and takes no more of the processor than a start does.
   */
  async function endsOrStandsAgain(program: RelaxProgram, beforeMiB: number): Promise<void> {
    const cpuBefore = cpuSeconds(program);
    const outcome = async () => {
      if (!program.running) return 'ended';
      const [alive, ready] = [await statusOf(program, '/healthz'), await statusOf(program, '/readyz')];
      return alive === 200 && ready === 200 && 'stands again';
    };
    await waitFor(outcome, { timeoutMs: 10_000, everyMs: 100, what: 'it ends or stands again' }).catch((cause) => {
      const [memory, cpu] = [memoryMiB(program).toFixed(), (cpuSeconds(program) - cpuBefore).toFixed(1)];
      const figures = `${memory} MiB (${beforeMiB.toFixed()} before), ${cpu} s of the processor`;
      throw new Error(`${program.name} neither ends nor stands again: ${figures}\n${program.tail(6)}`, { cause });
    });
    // A spin shows itself within seconds.
    const untilMs = performance.now() + 5_000;
    while (program.running && performance.now() < untilMs) {
      expect(memoryMiB(program)).toBeLessThan(beforeMiB + 100);
      await sleep(250);
    }
    if (!program.running) return;
    expect(await statusOf(program, '/healthz')).toBe(200);
    expect(cpuSeconds(program) - cpuBefore).toBeLessThan(4);
  }

  it('leads on after a stop that is shorter than its lease', async () => {
    const program = await leader();
    const beforeMiB = memoryMiB(program);
    await standsStill(program, 5_000);
    await endsOrStandsAgain(program, beforeMiB);
    expect(program.running).toBe(true);
    expect(await holder()).toBe(program.name);
  });

  it('remains a standby when it does not lead', async () => {
    const program = await standby();
    const beforeMiB = memoryMiB(program);
    await standsStill(program, 40_000);
    await endsOrStandsAgain(program, beforeMiB);
    expect(program.running).toBe(true);
  });

  it('exits or becomes a candidate again within 10 s, as the leader, while another leads', async () => {
    const program = await leader();
    const beforeMiB = memoryMiB(program);
    await standsStill(program, 40_000);
    expect(await holder()).not.toBe(program.name);
    await endsOrStandsAgain(program, beforeMiB);
  });

  it('exits or becomes a candidate again within 10 s, as the leader, while no other is there', async () => {
    const program = await leader();
    for (const other of programs.values()) if (other !== program) await other.stop();
    const beforeMiB = memoryMiB(program);
    await standsStill(program, 40_000);
    await endsOrStandsAgain(program, beforeMiB);
  });
});
