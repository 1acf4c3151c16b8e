import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCommand } from '#test/support/command.ts';

const root = join(import.meta.dirname, '..', '..', '..', '..');
const bun = join(root, 'node_modules', '.bin', 'bun');

it('the socket by ws keeps its contract under Bun, too', async () => {
  expect(existsSync(bun), `${bun} is missing: npm ci installs it (--ignore-scripts leaves it out)`).toBe(true);
  // Bun gives a test file its own vitest, so that no part of the suite runs under Node.
  const file = `./${join('test', 'integration', 'connector', 'socket', 'contract.test.ts')}`;
  const { code, stdout, stderr } = await runCommand(bun, ['test', '--cwd', root, '--timeout', '20000', file]);
  const output = `${stdout}${stderr}`;
  console.log(output);
  const [, passed = '0'] = /^ *(\d+) pass$/m.exec(output) ?? [];
  expect({ code, failed: /^ *(\d+) fail$/m.exec(output)?.[1] }, output).toEqual({ code: 0, failed: '0' });
  // Nothing was left out without a word.
  expect(Number(passed), output).toBeGreaterThan(30);
});
