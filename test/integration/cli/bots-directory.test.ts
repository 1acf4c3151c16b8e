import { mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BotsDirectory, type DirectoryContent } from '#cli/standalone/manifests/bots-directory.ts';
import { systemClock } from '#core/process/clock.ts';
import { waitFor } from '#test/support/wait.ts';

const secret = (name: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'b' }, stringData: { token: name } });

describe('a directory of manifests', () => {
  let folder: string;
  let contents: DirectoryContent[];
  let stop: AbortController;
  let following: Promise<void>;

  const put = (file: string, ...names: string[]): void =>
    writeFileSync(join(folder, file), names.map(secret).join('\n---\n'));
  const names = (content = contents.at(-1)) => content?.secrets.map(({ metadata }) => metadata.name).sort();
  const until = (...wanted: string[]) =>
    waitFor(() => JSON.stringify(names()) === JSON.stringify(wanted), { what: `${wanted}, but it is ${names()}` });
  async function follow(): Promise<void> {
    const directory = new BotsDirectory(folder, systemClock);
    await directory.open();
    following = directory.follow(async (content) => {
      contents.push(content);
    }, stop.signal);
    await waitFor(() => contents.length > 0, { what: 'the first content' });
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'relax-directory-'));
    contents = [];
    stop = new AbortController();
    following = Promise.resolve();
  });
  afterEach(async () => {
    stop.abort();
    await following;
    rmSync(folder, { recursive: true, force: true });
  });

  it('is read completely at the start: YAML and JSON, no hidden files, no subdirectories', async () => {
    put('a.yaml', 'a');
    put('b.yml', 'b');
    put('c.json', 'c');
    put('.hidden.yaml', 'hidden');
    put('notes.txt', 'text');
    mkdirSync(join(folder, 'sub.yaml'));
    await follow();
    expect(names(contents[0])).toEqual(['a', 'b', 'c']);
    expect(contents[0]?.complete).toBe(false);
    expect(contents[0]?.problems).toEqual([expect.objectContaining({ file: 'sub.yaml' })]);
  });

  it('is followed: a file that comes, one that changes, one that goes', async () => {
    put('a.yaml', 'a');
    await follow();
    put('b.yaml', 'b');
    await until('a', 'b');
    put('a.yaml', 'a', 'a2');
    await until('a', 'a2', 'b');
    rmSync(join(folder, 'b.yaml'));
    await until('a', 'a2');
  });

  it('never shows half of a change: a file is moved away and back, emptied and written again', async () => {
    put('a.yaml', 'a');
    await follow();
    for (let round = 0; round < 3; round += 1) {
      renameSync(join(folder, 'a.yaml'), join(folder, 'a.yaml~'));
      await sleep(100);
      renameSync(join(folder, 'a.yaml~'), join(folder, 'a.yaml'));
      truncateSync(join(folder, 'a.yaml'));
      await sleep(100);
      put('a.yaml', 'a', `a${round}`);
      await until('a', `a${round}`);
    }
    expect(contents.every((content) => names(content)?.includes('a'))).toBe(true);
  });

  it('keeps what a file gave while it has problems, and says which', async () => {
    put('a.yaml', 'a');
    put('b.yaml', 'b');
    await follow();
    writeFileSync(join(folder, 'a.yaml'), 'kind: [');
    await waitFor(() => contents.at(-1)?.problems.length === 1);
    expect(names()).toEqual(['a', 'b']);
    expect(contents.at(-1)?.complete).toBe(true);
    expect(contents.at(-1)?.problems[0]).toMatchObject({ file: 'a.yaml', document: 1 });
    put('a.yaml', 'a9');
    await until('a9', 'b');
  });

  it('keeps everything while the directory is away, and says so', async () => {
    put('a.yaml', 'a');
    await follow();
    renameSync(folder, `${folder}-away`);
    await waitFor(() => contents.at(-1)?.problems.length === 1);
    expect(names()).toEqual(['a']);
    renameSync(`${folder}-away`, folder);
    await waitFor(() => contents.at(-1)?.problems.length === 0);
  });

  it('must be there at the start', async () => {
    const directory = new BotsDirectory(join(folder, 'nowhere'), systemClock);
    await expect(directory.open()).rejects.toThrow(/nowhere.*ENOENT.*--bots/);
  });
});
