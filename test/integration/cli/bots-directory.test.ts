import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BotsDirectory, type DirectoryContent } from '#cli/standalone/manifests/bots-directory.ts';
import { systemClock } from '#core/process/clock.ts';
import { waitFor } from '#test/support/wait.ts';

/** So that the calls can be counted; they are made. */
vi.mock('node:fs/promises', { spy: true });

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
  async function follow(lookBehindWatchMs?: number): Promise<void> {
    const directory = new BotsDirectory(folder, systemClock, lookBehindWatchMs);
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

  it('costs nothing while nothing changes, and one file when one does', async () => {
    const files = Array.from({ length: 50 }, (_, n) => `${n}`.padStart(2, '0'));
    for (const file of files) put(`${file}.yaml`, file);
    await follow();
    vi.mocked(stat).mockClear();
    // Longer than files were looked at without a watch.
    await sleep(1_500);
    expect(stat).not.toHaveBeenCalled();
    put('07.yaml', '07', 'z');
    await until(...files, 'z');
    expect(new Set(vi.mocked(stat).mock.calls.map(([path]) => String(path)))).toEqual(
      new Set([join(folder, '07.yaml')]),
    );
  });

  it('is looked at now and then all the same, and more often once a change was not reported', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'relax-elsewhere-'));
    try {
      writeFileSync(join(elsewhere, 'a.yaml'), secret('a'));
      symlinkSync(join(elsewhere, 'a.yaml'), join(folder, 'a.yaml'));
      const lookBehindWatchMs = 5_000;
      await follow(lookBehindWatchMs);
      writeFileSync(join(elsewhere, 'a.yaml'), secret('a1'));
      await until('a1');
      vi.mocked(stat).mockClear();
      const startMs = systemClock.monotonicMs();
      await waitFor(() => vi.mocked(stat).mock.calls.length > 1);
      expect(systemClock.monotonicMs() - startMs).toBeLessThan(lookBehindWatchMs);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  it('may be a mounted ConfigMap, in which one link takes every file to its next state', async () => {
    const version = (name: string, of: string): void => {
      mkdirSync(join(folder, `..${name}`));
      writeFileSync(join(folder, `..${name}`, 'a.yaml'), secret(of));
      symlinkSync(`..${name}`, join(folder, '..new'));
      renameSync(join(folder, '..new'), join(folder, '..data'));
    };
    version('1', 'a');
    symlinkSync('..data/a.yaml', join(folder, 'a.yaml'));
    await follow();
    version('2', 'b');
    await until('b');
  });

  it('may be replaced by another, which is followed from then on', async () => {
    put('a.yaml', 'a');
    await follow();
    renameSync(folder, `${folder}-old`);
    mkdirSync(folder);
    put('b.yaml', 'b');
    await until('b');
    put('c.yaml', 'c');
    await until('b', 'c');
    rmSync(`${folder}-old`, { recursive: true });
  });

  it('must be there at the start', async () => {
    const directory = new BotsDirectory(join(folder, 'nowhere'), systemClock);
    await expect(directory.open()).rejects.toThrow(/nowhere.*ENOENT.*--bots/);
  });
});
