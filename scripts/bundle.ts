import { copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ROOT } from './step.ts';

/** What `scripts/build.ts` makes. Run by Bun, whose bundler takes plugins only in this form. */
declare const Bun: { build(options: BuildOptions): Promise<unknown> };

/** The part of Bun's types that is used here. */
interface BuildOptions {
  entrypoints: string[];
  target: 'node' | 'bun';
  splitting: boolean;
  plugins: Plugin[];
  outdir?: string;
  format?: 'esm';
  bytecode?: boolean;
  compile?: {
    outfile: string;
    target?: string;
    /** Relative to the working directory, and so read beside the bundle. */
    assets: string[];
    autoloadDotenv: boolean;
    autoloadBunfig: boolean;
  };
}
interface Plugin {
  name: string;
  setup(build: {
    onResolve(at: { filter: RegExp }, answer: () => { path: string; namespace: string }): void;
    onLoad(at: { filter: RegExp; namespace: string }, answer: () => { contents: string; loader: 'js' }): void;
  }): void;
}

/**
 * prom-client loads all of OpenTelemetry to give one metric the id of a trace, where exemplars are switched on. Ours has
 * none: the two functions that it calls say that there is no trace.
 */
const withoutTelemetry: Plugin = {
  name: 'without OpenTelemetry',
  setup(build) {
    const namespace = 'without-telemetry';
    build.onResolve({ filter: /^@opentelemetry\/api$/ }, () => ({ path: 'api', namespace }));
    build.onLoad({ filter: /^api$/, namespace }, () => ({
      contents: 'exports.trace = { getSpan() {} }; exports.context = { active() {} };',
      loader: 'js',
    }));
  },
};

/** What only one command needs is a chunk that the others don't load: a connector loads no Kubernetes client. */
const PROGRAM = {
  entrypoints: [join(ROOT, 'cli/main.ts')],
  splitting: true,
  plugins: [withoutTelemetry],
};
const DIST = resolve(process.argv[2] ?? join(ROOT, 'dist'));

/** All chunks of a bundle are in one folder, and look for their scripts beside them: two of one name would be one. */
function copyScripts(folder: string): string[] {
  const paths = globSync('{core,connector,operator}/**/*.lua', { cwd: ROOT }).sort();
  const names = paths.map((path) => basename(path));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two scripts are named ${twice}: a bundle needs different names`);
  for (const path of paths) copyFileSync(join(ROOT, path), join(folder, basename(path)));
  return names;
}

/** The licences of all packages that a bundle may hold ask for their text to go with it. */
function writeLicenses(file: string): void {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  const texts = Object.entries(packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
    .map(([path]) => {
      const name = path.slice('node_modules/'.length);
      const [text] = globSync('{LICENSE,LICENCE}*', { cwd: join(ROOT, path), exclude: (file) => file.endsWith('.js') });
      const { license = '' } = JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8')) as {
        license?: string;
      };
      return `== ${name}: ${license}\n\n${text === undefined ? '' : readFileSync(join(ROOT, path, text), 'utf8').trim()}\n`;
    });
  writeFileSync(file, texts.join('\n'));
}

rmSync(DIST, { recursive: true, force: true });
let scripts: string[] = [];
// What Bun has packages of its own for (`ws`, `undici`) stays an import in its bundle.
for (const target of ['node', 'bun'] as const) {
  const outdir = join(DIST, target);
  await Bun.build({ ...PROGRAM, target, outdir });
  scripts = copyScripts(outdir);
}
writeLicenses(join(DIST, 'LICENSES.txt'));

process.chdir(join(DIST, 'bun'));
const { TARGET: target = '' } = process.env;
await Bun.build({
  ...PROGRAM,
  target: 'bun',
  // Its functions are compiled now, not at each start.
  format: 'esm',
  bytecode: true,
  compile: {
    outfile: join(DIST, target === '' ? 'relax' : `relax-${target.replace(/^bun-/, '')}`),
    ...(target === '' ? {} : { target }),
    assets: scripts,
    // It runs in any folder: files that lie there must not change what it does.
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
});
