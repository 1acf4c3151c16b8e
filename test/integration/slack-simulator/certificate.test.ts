import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { localCertificate } from '#slack-simulator/certificate.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'relax-certificate-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

it('programs that start at the same time agree on one CA, the one in the file', async () => {
  const folder = join(base, 'kept');
  const made = await Promise.all([1, 2, 3].map(() => localCertificate(folder)));
  const file = await readFile(join(folder, 'ca.pem'), 'utf8');
  for (const { ca, caFile } of made) expect([ca.toString(), caFile]).toEqual([file, join(folder, 'ca.pem')]);
  expect(await readdir(base)).toEqual(['kept']);
  expect(await readdir(folder)).not.toContain('ca.key');
});

it('is made once, and again when the existing one is unusable', async () => {
  const folder = join(base, 'kept');
  const first = await localCertificate(folder);
  expect((await localCertificate(folder)).cert).toEqual(first.cert);
  await writeFile(join(folder, 'server.pem'), 'not a certificate');
  const second = await localCertificate(folder);
  expect(second.cert).not.toEqual(first.cert);
  expect(await readdir(base)).toEqual(['kept']);
});
