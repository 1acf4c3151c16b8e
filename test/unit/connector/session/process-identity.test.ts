import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { processState, thisProcess } from '#connector/session/process-identity.ts';

const us = thisProcess();
const children: ChildProcess[] = [];

/** A process that says who it is. */
async function another(): Promise<{ identity: typeof us; child: ChildProcess }> {
  const file = new URL('../../../../connector/session/process-identity.ts', import.meta.url);
  const code = `const { thisProcess } = await import(${JSON.stringify(file.href)});
    process.stdout.write(JSON.stringify(thisProcess())); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  if (child.stdout === null) throw new Error('no stdout');
  const [data] = (await once(child.stdout, 'data')) as [Buffer];
  return { identity: JSON.parse(String(data)) as typeof us, child };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

afterEach(async () => {
  await Promise.all(children.splice(0).map(end));
});

describe.runIf(process.platform === 'linux')('The process of another session', () => {
  it('is known on the machine that both run on, until it is gone', async () => {
    const { identity, child } = await another();
    expect(identity).toMatchObject({ machine: us.machine, pid: child.pid });
    expect(identity.startTicks).toMatch(/^\d+$/);
    expect(processState(identity, us)).toBe('lives');
    child.kill('SIGSTOP');
    expect(processState(identity, us)).toBe('lives');
    await end(child);
    expect(processState(identity, us)).toBe('gone');
  });

  it('is gone when its number is a younger process now, as process 1 of a container that started again', () => {
    expect(processState({ ...us, startTicks: '1' }, us)).toBe('gone');
    expect(processState(us, us)).toBe('lives');
  });

  it.each([
    ['of another machine or container', { machine: 'elsewhere/pid:[1]' }],
    ['of a system without /proc', { machine: '' }],
    ['of a session without a process number', { pid: 0 }],
  ])('is unknown %s', (_name, changes) => {
    expect(processState({ ...us, ...changes }, us)).toBe('unknown');
  });

  it('lives, as far as can be told, where only its number is known', () => {
    expect(processState({ ...us, startTicks: '' }, us)).toBe('lives');
  });
});
