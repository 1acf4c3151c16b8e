import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseManifests } from '#cli/standalone/manifests/manifest.ts';
import { secretKeysOf } from '#core/api/slackbot.ts';

const examples = join(import.meta.dirname, '../../../examples');

it.each(['slackbot.yaml', 'many.yaml'])('examples/%s is taken whole, and each bot finds its token', (file) => {
  const { bots, secrets, problems } = parseManifests(readFileSync(join(examples, file), 'utf8'), file);
  expect(problems).toEqual([]);
  expect(bots.length).toBeGreaterThan(0);
  for (const { metadata, spec } of bots) {
    const secret = secrets.find(
      (each) =>
        each.metadata.namespace === metadata.namespace && each.metadata.name === spec.credentials?.secretRef.name,
    );
    expect(secret?.data[secretKeysOf(spec).token]).toMatch(/^xoxb-/);
  }
});
