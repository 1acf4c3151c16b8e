import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const SOURCES = globSync('{core,connector,operator,cli}/**/*.ts', { cwd: ROOT });
/** It knows nothing of Relax, so it has a clock of its own. */
const SIMULATOR = globSync('slack-simulator/**/*.ts', { cwd: ROOT });
/** Static, dynamic and re-exporting imports; `import type` loads nothing. */
const IMPORT = /(?:^|\n)\s*(?:import|export)\s+(?!type\b)(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/g;
const TYPE_IMPORT = /(?:^|\n)\s*(?:import|export)\s+type\s[^'";]*?\sfrom\s+'([^']+)'/g;

/** What a file imports: paths from the root for our own, names for packages. */
function importsOf(file: string, pattern: RegExp): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(pattern)].map(([, one, other]) => {
    const target = one ?? other ?? '';
    return target.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), target)) : target;
  });
}

/** Everything that is loaded when a program starts. */
function loadedBy(entry: string): string[] {
  const seen = new Set([entry]);
  for (const file of seen) {
    if (!file.endsWith('.ts')) continue;
    for (const target of importsOf(file, IMPORT)) seen.add(target);
  }
  return [...seen];
}

describe('what a file may import, types included', () => {
  const forbidden: Record<string, RegExp> = {
    core: /^(connector|operator|cli|slack-simulator|test|scripts)\//,
    connector: /^(operator|cli|slack-simulator|test|scripts)\/|^@kubernetes\//,
    operator: /^(connector|cli|slack-simulator|test|scripts)\/|^ws$/,
    cli: /^(test|scripts)\//,
    'slack-simulator': /^(core|connector|operator|cli|test|scripts)\//,
  };

  it.each(Object.keys(forbidden))('%s keeps to its side', (folder) => {
    const files = [...SOURCES, ...SIMULATOR].filter((file) => file.startsWith(`${folder}/`));
    expect(files.length).toBeGreaterThan(5);
    const wrong = files.flatMap((file) =>
      [...importsOf(file, IMPORT), ...importsOf(file, TYPE_IMPORT)]
        .filter((target) => forbidden[folder]?.test(target))
        .map((target) => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('a slot and the transports', () => {
  const imports = (pattern: string): [file: string, target: string][] =>
    SOURCES.filter((file) => file.startsWith(pattern)).flatMap((file) =>
      [...importsOf(file, IMPORT), ...importsOf(file, TYPE_IMPORT)].map((target): [string, string] => [file, target]),
    );

  it('the slot imports none of them, only what a transport is', () => {
    const found = imports('connector/slot/').filter(([, target]) => target.startsWith('connector/transport/'));
    expect(found.length).toBeGreaterThan(3);
    const allowed = /^connector\/transport\/(transport|slot-spec)\.ts$/;
    expect(found.filter(([, target]) => !allowed.test(target))).toEqual([]);
  });

  it('they import neither each other nor the slot, and only the registration imports them', () => {
    const transportOf = (path: string): string | undefined => /^connector\/transport\/([^/]+)\//.exec(path)?.[1];
    const all = imports('connector/');
    expect(all.some(([file]) => transportOf(file) === 'rtm')).toBe(true);
    const wrong = all.filter(([file, target]) => {
      const [from, to] = [transportOf(file), transportOf(target)];
      if (from !== undefined && target.startsWith('connector/slot/')) return true;
      return to !== undefined && to !== from && file !== 'connector/transport/transports.ts';
    });
    expect(wrong).toEqual([]);
  });
});

describe('what only one file knows', () => {
  const filesWith = (pattern: RegExp): string[] =>
    SOURCES.filter((file) => pattern.test(readFileSync(join(ROOT, file), 'utf8'))).sort();

  it('the Redis client: all others know the interface', () => {
    expect(filesWith(/from 'ioredis'/)).toEqual(['core/redis/ioredis-client.ts']);
  });

  it('its error texts', () => {
    expect(
      filesWith(/Stream isn't writeable|Command timed out|max retries per request|Reached the max retries/),
    ).toEqual(['core/redis/fault.ts']);
  });

  it('the clock of this machine', () => {
    expect(filesWith(/\b(?:Date\.now|performance\.now|process\.hrtime)\b|new Date\(\)/)).toEqual([
      'core/process/clock.ts',
    ]);
  });

  it('the clock of Redis, outside of scripts', () => {
    expect(filesWith(/\.time\(\)/)).toEqual(['core/redis/redis-clock.ts']);
  });
});

describe('the rooms of the operator', () => {
  /** Room -> what it may import of the others: no circle, and nothing below `kinds` knows a kind. */
  const below: Record<string, readonly string[]> = {
    kube: [],
    plan: [],
    leadership: ['kube'],
    status: ['kube'],
    fleet: ['plan'],
    rotation: ['fleet', 'kube'],
    reconcile: ['fleet', 'kube', 'leadership', 'rotation', 'status'],
    kinds: ['fleet', 'kube', 'plan', 'reconcile', 'rotation', 'status'],
  };
  const importsOfRoom = (room: string): { file: string; target: string }[] =>
    SOURCES.filter((file) => file.startsWith(`operator/${room}/`)).flatMap((file) =>
      [...importsOf(file, IMPORT), ...importsOf(file, TYPE_IMPORT)].map((target) => ({ file, target })),
    );

  it('are all named here', () => {
    const rooms = SOURCES.flatMap((file) => /^operator\/([^/]+)\//.exec(file)?.[1] ?? []);
    expect([...new Set(rooms)].sort()).toEqual(Object.keys(below).sort());
  });

  it.each(Object.keys(below))('%s looks only down', (room) => {
    const allowed = [room, ...(below[room] ?? [])];
    const wrong = importsOfRoom(room).filter(
      ({ target }) => target.startsWith('operator/') && !allowed.includes(target.split('/')[1] ?? ''),
    );
    expect(wrong).toEqual([]);
  });

  it.each(Object.keys(below).filter((room) => room !== 'kinds'))('%s knows no kind of the API', (room) => {
    expect(importsOfRoom(room).filter(({ target }) => /^core\/api\/slack(bot|app)/.test(target))).toEqual([]);
  });

  it('keep kinds apart from each other, and what they share from all of them', () => {
    const kindOf = (file: string): string | undefined => /^operator\/kinds\/([^/]+)\//.exec(file)?.[1];
    const wrong = importsOfRoom('kinds').filter(({ file, target }) => {
      const [own, other] = [kindOf(file), kindOf(target)];
      return other !== undefined && own !== other && file !== 'operator/kinds/registered-kinds.ts';
    });
    expect(wrong).toEqual([]);
  });
});

describe('what a program loads when it starts', () => {
  it.each(['connector/main.ts', 'cli/standalone/standalone.ts', 'cli/status/status.ts', 'cli/demo/demo.ts'])(
    '%s does without a Kubernetes client',
    (entry) => {
      const loaded = loadedBy(entry);
      expect(loaded).toContain('core/redis/ioredis-client.ts');
      expect(loaded.filter((target) => target.startsWith('@kubernetes/'))).toEqual([]);
    },
  );

  it('operator/main.ts does without a websocket', () => {
    expect(loadedBy('operator/main.ts')).not.toContain('ws');
  });
});
