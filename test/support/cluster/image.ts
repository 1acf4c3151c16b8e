import { createHash } from 'node:crypto';
import {
  cpSync,
  createReadStream,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Command } from '#test/support/command.ts';
import { type Copy, copiesOf, onlyValueOf, type Stage, stagesOf, valuesOf } from './dockerfile.ts';

const ROOT = join(import.meta.dirname, '../../..');

interface ImageConfig {
  Entrypoint: string[];
  Env?: string[];
  User?: string;
  WorkingDir?: string;
}

/**
 * The image that the Dockerfile describes, as a file for `ctr images import`, without a container engine: the Node that
 * runs this with the libraries that it names, and a shell, stand for node:24-slim, the packages that are installed here for
 * `npm ci`.
 * @param folder for what is made on the way; must exist
 */
export async function buildRelaxImage(folder: string, reference: string): Promise<string> {
  const [build, final, ...more] = stagesOf(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
  if (build === undefined || final === undefined || more.length > 0) throw new Error('Dockerfile: two stages, please');
  const built = join(folder, 'build');
  await runBuildStage(build, built);

  const root = join(folder, 'root');
  await addProgram(root, process.execPath, '/usr/local/bin/node');
  for (const program of ['/bin/sh', '/usr/bin/dirname']) await addProgram(root, program, program);
  const workdir = onlyValueOf(final, 'WORKDIR');
  for (const { from, sources, target } of copiesOf(final)) {
    for (const source of sources) {
      const path = from === undefined ? join(ROOT, source) : join(built, source);
      copy(path, join(root, resolve(workdir, target)), target);
    }
  }
  const config: ImageConfig = {
    Entrypoint: JSON.parse(onlyValueOf(final, 'ENTRYPOINT')),
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...valuesOf(final, 'ENV')],
    User: onlyValueOf(final, 'USER'),
    WorkingDir: workdir,
  };
  const image = await pack(folder, root, reference, config);
  rmSync(built, { recursive: true });
  return image;
}

/** What a pod's sandbox runs: a program that does nothing. */
export async function buildPauseImage(folder: string, reference: string): Promise<string> {
  const root = join(folder, 'root');
  await addProgram(root, '/bin/sleep', '/bin/sleep');
  return pack(folder, root, reference, { Entrypoint: ['/bin/sleep', 'infinity'] });
}

/** The build stage's folder in the end: sources as COPY says, the packages that are installed here, what the build made. */
async function runBuildStage(stage: Stage, to: string): Promise<void> {
  const app = join(to, onlyValueOf(stage, 'WORKDIR'));
  mkdirSync(app, { recursive: true });
  for (const { sources, target } of copiesOf(stage)) {
    for (const source of sources) copy(join(ROOT, source), join(app, target), target);
  }
  symlinkSync(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  for (const command of valuesOf(stage, 'RUN').flatMap((line) => line.split('&&'))) {
    const [program = '', ...args] = command.trim().split(/\s+/);
    if (basename(program) === 'node') await new Command(process.execPath).must([join(app, args[0] ?? '')]);
    else if (program !== 'npm') throw new Error(`Dockerfile: RUN ${command} is unknown here`);
  }
}

/** As COPY does: into a folder if the target ends with a slash, else as the target. */
function copy(source: string, path: string, target: Copy['target']): void {
  const into = target.endsWith('/') ? join(path, basename(source)) : path;
  mkdirSync(dirname(into), { recursive: true });
  cpSync(source, into, { recursive: true });
}

async function addProgram(root: string, program: string, path: string): Promise<void> {
  const libraries = await new Command('ldd').must([program]);
  const files = [...libraries.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
  for (const [source, target] of [[realpathSync(program), path], ...files.map((file) => [realpathSync(file), file])]) {
    const to = join(root, target ?? '');
    mkdirSync(dirname(to), { recursive: true });
    cpSync(source ?? '', to);
  }
  for (const empty of ['tmp', 'proc', 'sys', 'dev', 'etc']) mkdirSync(join(root, empty), { recursive: true });
}

/** One layer, in the format of `docker save`. */
async function pack(folder: string, root: string, reference: string, config: ImageConfig): Promise<string> {
  const tar = new Command('tar', ['--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--mode=a+rX']);
  await tar.must(['-cf', join(folder, 'layer.tar'), '-C', root, '.']);
  const digest = createHash('sha256');
  await pipeline(createReadStream(join(folder, 'layer.tar')), digest);
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const rootfs = { type: 'layers', diff_ids: [`sha256:${digest.digest('hex')}`] };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ architecture, os: 'linux', config, rootfs }));
  const manifest = [{ Config: 'config.json', RepoTags: [reference], Layers: ['layer.tar'] }];
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const image = join(folder, 'image.tar');
  await tar.must(['-cf', image, '-C', folder, 'config.json', 'layer.tar', 'manifest.json']);
  rmSync(root, { recursive: true });
  rmSync(join(folder, 'layer.tar'));
  return image;
}
