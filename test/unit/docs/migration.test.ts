import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseManifests } from '#cli/standalone/manifests/manifest.ts';
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

it('names a value that is not a bot without repeating it, and continues', () => {
  const { bots, stderr, status } = convert(['xoxb-secret', '{"team_id":"T2A","token":"xoxb-3-ghi"}']);
  expect(bots).toHaveLength(1);
  expect(status).toBe(1);
  expect(stderr).toContain('value 1 of the hash is no bot');
  expect(stderr).not.toContain('secret');
});

describe('what of the bots hash is no bot', () => {
  const good = '{"team_id":"T2A","token":"xoxb-3-ghij"}';
  it.each<[string, string, string, RegExp]>([
    ['no JSON', 'acme-T9X', '{"team_id":', /it is not JSON: it must be an object in one line/],
    ['no object', 'acme-T9X', '["T9X"]', /no object/],
    ['no team', 'acme-T9X', '{"token":"xoxb-1-abcd"}', /team_id is missing: add/],
    ['no id of a team', 'acme-T9X', '{"team_id":"acme","token":"xoxb-1-abcd"}', /team_id is "acme".*auth\.test tells/],
    ['a team that is a number', 'acme-T9X', '{"team_id":7,"token":"xoxb-1-abcd"}', /team_id is "7"/],
    ['no token', 'acme-T9X', '{"team_id":"T9X"}', /\(team T9X\).*token is missing or empty: put/],
    ['an app-level token', 'acme-T9X', '{"team_id":"T9X","token":"xapp-1-abcd"}', /an app-level one/],
    ['no token of Slack', 'acme-T9X', '{"team_id":"T9X","token":"hunter2hunter2"}', /does not look like one of Slack/],
    ['a namespace that is no text', 'acme-T9X', '{"team_id":"T9X","token":"xoxb-1-abcd","namespace":{}}', /is no text/],
    [
      'one with a space',
      'a-T9X',
      '{"team_id":"T9X","token":"xoxb-1-abcd","namespace":"a b"}',
      /"a b" can't be kept.*rename/,
    ],
    [
      'the same bot',
      'acme-T2A',
      '{"team_id":"T2A","token":"xoxb-3-ghij","namespace":"acme"}',
      /of field "T2A" of the hash/,
    ],
  ])('is named by its field with the remedy, and without its token: %s', (_, field, value, remedy) => {
    const { bots, stderr, status } = convert(['T2A', good, field, value]);
    expect(bots.map(({ spec }) => spec.teamID)).toEqual(['T2A']);
    expect(status).toBe(1);
    const [line = ''] = stderr.split('\n');
    expect(line).toContain(`field "${field}" of the hash`);
    expect(line).toMatch(remedy);
    expect(stderr).not.toMatch(/xoxb-\d|xapp-1|hunter2/);
  });

  it('is named by its number and its team where the fields did not come along', () => {
    const { stderr } = convert([good, '{"team_id":"T9X","namespace":"acme"}']);
    expect(stderr).toContain('value 2 of the hash (team T9X, namespace "acme") is no bot');
  });

  it('is not everything: an empty hash and a refusal of Redis are called so', () => {
    expect(convert([])).toMatchObject({ status: 1, stderr: /nothing came in: is \$RELAX_BOTS_KEY/ });
    expect(convert(['NOAUTH Authentication required.'])).toMatchObject({ status: 1, stderr: /Redis refused.*NOAUTH/ });
  });

  it('never has its token revealed, even where a token is in place of a name', () => {
    const { stderr } = convert(['T2A', good, 'xoxb-9-secret', '{"team_id":"xoxb-9-secret","token":"x"}']);
    expect(stderr).toMatch(/field 2 of the hash is no bot.*something like a token/);
    expect(stderr).not.toContain('secret');
  });
});
