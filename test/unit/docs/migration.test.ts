import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseManifests } from '../../../core/manifest.ts';
import { ROOT } from './pages.ts';

function convert(lines: readonly string[]) {
  const script = join(ROOT, 'examples/from-relax-2015.mjs');
  const { stdout, stderr, status } = spawnSync(process.execPath, [script], {
    input: lines.join('\n'),
    encoding: 'utf8',
  });
  return { stderr, status, ...parseManifests(stdout, 'bots.yaml') };
}

it('turns a bots hash of 2015 into manifests that are read without a problem', () => {
  const { bots, secrets, problems, status } = convert([
    '{"team_id":"TDEADBEEF","token":"xoxb-1-abc"}',
    '{"team_id":"TDEADBEEF","token":"xoxb-2-def","namespace":"Acme"}',
    '{"team_id":"TDEADBEEF","token":"xoxb-3-ghi","namespace":" acme ","provider":"slack"}',
  ]);
  expect({ problems, status }).toEqual({ problems: [], status: 0 });
  const read = bots.map(({ metadata, spec }) => {
    const secret = secrets.find((each) => each.metadata.name === spec.credentials?.secretRef.name);
    return [metadata.name, spec.teamID, spec.queueNamespace, secret?.data.token];
  });
  expect(read).toEqual([
    ['tdeadbeef', 'TDEADBEEF', undefined, 'xoxb-1-abc'],
    ['acme-tdeadbeef', 'TDEADBEEF', 'Acme', 'xoxb-2-def'],
    ['acme-tdeadbeef-2', 'TDEADBEEF', 'acme', 'xoxb-3-ghi'],
  ]);
});

it('names a value that is no bot without repeating it, and goes on', () => {
  const { bots, stderr, status } = convert(['xoxb-secret', '{"team_id":"T2A","token":"xoxb-3-ghi"}']);
  expect(bots).toHaveLength(1);
  expect(status).toBe(1);
  expect(stderr).toContain('value 1 of the hash is no bot');
  expect(stderr).not.toContain('secret');
});
