import { spawnSync } from 'node:child_process';

const REMEDY = 'apt-get install python3-redis, or pip install redis (PYTHON chooses the interpreter)';

/** The first Python of this machine that has the package `redis`. Undefined if none has; then it says what to type. */
export function pythonWithRedis(): string | undefined {
  const candidates = [process.env.PYTHON ?? [], 'python3', '/usr/bin/python3'].flat();
  const found = candidates.find((python) => spawnSync(python, ['-c', 'import redis']).status === 0);
  if (found === undefined) process.stderr.write(`SKIPPED: the Python examples, which need ${REMEDY}\n`);
  return found;
}
