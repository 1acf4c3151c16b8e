import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sendOptions } from '#cli/send/options.ts';
import { slackOptions } from '#cli/slack/options.ts';
import { parseManifests } from '#cli/standalone/manifests/manifest.ts';
import { PROGRAMS } from '#core/config/setting.ts';
import { allSettings } from '#core/config/settings.ts';
import {
  appBudgetKey,
  appSocketsKey,
  broughtKey,
  CLUSTERS_KEY,
  CONTRACT_KEY,
  clusterKeys,
  commandKeys,
  connectBudgetKey,
  queueKeys,
  replyFaultKey,
  rotationKey,
  rotationLockKey,
  rotationRefusalKey,
} from '#core/protocol/keys.ts';
import { REASONS } from '#operator/kinds/reasons.ts';
import { codeSpans, PAGES, page, ROOT, section, source, sources, tableRows } from './pages.ts';

const troubleshooting = page('docs/troubleshooting.md').text;

describe('environment variables', () => {
  const known = new Set(allSettings.flatMap(({ env }) => env ?? []));
  /** Of the Relax of 2015 and its Ruby client. */
  const OLD = [
    'RELAX_BOTS_KEY',
    'RELAX_BOTS_PUBSUB',
    'RELAX_EVENTS_QUEUE',
    'RELAX_MUTEX_KEY',
    'RELAX_SEND_BOT_REPLIES',
  ];

  /** Of the tests and the Makefile, not of a program. */
  const TOOLS = ['RELAX_MODEL', 'RELAX_KUBE_CACHE', 'RELAX_KUBE_GET', 'RELAX_TALLY_FILE'];

  it.each(PAGES)('that $path names are settings', ({ path, text }) => {
    const named = [...text.matchAll(/RELAX_[A-Z0-9_]*[A-Z0-9]\b/g)].map(([name]) => name);
    const allowed = path === 'docs/migration.md' ? [...known, ...OLD] : [...known, ...TOOLS];
    expect(named.filter((name) => !allowed.includes(name))).toEqual([]);
  });
});

describe('reasons', () => {
  const headings = [...troubleshooting.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading ?? '');

  it('of conditions have a section each, and no section is about anything else', () => {
    expect(headings.toSorted()).toEqual(REASONS.map(({ reason }) => reason).toSorted());
  });

  it('of readiness and of a failed start are what the programs say', () => {
    const code = sources('core', 'connector', 'operator', 'cli');
    const words = ['A program is not ready', 'A program does not start']
      .flatMap((title) => tableRows(section(troubleshooting, title)))
      .flatMap(([cell]) => codeSpans(cell ?? ''))
      .flatMap((span) => span.split('...'))
      .map((part) => part.trim())
      .filter((part) => part !== '');
    expect(words.length).toBeGreaterThan(15);
    expect(words.filter((part) => !code.includes(part))).toEqual([]);
  });
});

describe('metrics', () => {
  const METRIC = '(?:relax|workqueue|controller_runtime|rest_client|leader_election)_[a-z_]+';
  const declared = new Set(
    globSync('{core,connector,operator,cli}/**/{metrics,*-metrics}.ts', {
      cwd: ROOT,
    }).flatMap((path) => [...source(path).matchAll(new RegExp(`'(${METRIC})'`, 'g'))].map(([, name]) => name ?? '')),
  );
  const operations = page('docs/operations.md').text;

  /** `relax_bot_uid` is a field of queue items. */
  it('that the documentation names exist', () => {
    const named = PAGES.filter(({ path }) => path.startsWith('docs/') && path !== 'docs/migration.md')
      .flatMap(({ text }) => [...text.matchAll(new RegExp(`\\b${METRIC}\\b`, 'g'))])
      .map(([name]) => name);
    expect(named.filter((name) => !declared.has(name) && name !== 'relax_bot_uid')).toEqual([]);
  });

  it('that exist stand in docs/operations.md', () => {
    expect([...declared].filter((name) => !operations.includes(`\`${name}`))).toEqual([]);
  });
});

describe('Redis keys', () => {
  const keysOf = (keys: object): string[] =>
    Object.values(keys).map((key: unknown) => (typeof key === 'function' ? String(key(7, 7)) : String(key)));
  const built = [
    ...keysOf(queueKeys('q', '{q}:urgent')),
    ...keysOf(clusterKeys('c')),
    ...keysOf(commandKeys('relax:commands')),
    connectBudgetKey('T1', 'd'),
    appSocketsKey('A1'),
    appBudgetKey('A1'),
    broughtKey(7),
    replyFaultKey('e1'),
    rotationKey('T1', 'd'),
    rotationLockKey('T1', 'd'),
    rotationRefusalKey('T1', 'd'),
    CONTRACT_KEY,
    CLUSTERS_KEY,
  ];
  /** Placeholders in angle brackets stand for anything without a colon. */
  const patterns = tableRows(section(page('docs/redis.md').text, 'Keys'))
    .flatMap(([cell]) => codeSpans(cell ?? '').slice(0, 1))
    .filter((key) => !key.includes('processing'))
    .map((key) => ({
      key,
      pattern: new RegExp(
        `^${key
          .split(/<[^>]+>/)
          .map((part) => part.replaceAll(/[{}]/g, '\\$&'))
          .join('(?!own)[^:{}]+')}$`,
      ),
    }));

  it.each(built)('%s has exactly one row in docs/redis.md', (key) => {
    expect(patterns.filter(({ pattern }) => pattern.test(key))).toHaveLength(1);
  });

  it.each(patterns)('$key of docs/redis.md is built in core/protocol/keys.ts', ({ pattern }) => {
    expect(built.filter((key) => pattern.test(key))).toHaveLength(1);
  });
});

describe('what people type', () => {
  const flags = new Set([
    ...allSettings.map(({ flag }) => `--${flag}`),
    ...[...slackOptions(), ...sendOptions()].map(({ long }) => long),
  ]);

  it.each(PAGES)('commands and flags of relax in $path exist', ({ text }) => {
    const lines = [...text.matchAll(/\bnode bin\/relax\.mjs +([a-z]+)([^\n`|)]*)/g)];
    const wrong = lines.flatMap(([, command = '', rest = '']) => {
      const program = [...PROGRAMS, 'demo', 'slack', '...'].some((known) => known === command);
      const unknown = [...rest.replace(/#.*/, '').matchAll(/--[a-z-]+/g)].filter(([flag]) => !flags.has(flag));
      return [...(program ? [] : [command]), ...unknown.map(([flag]) => flag)];
    });
    expect(wrong).toEqual([]);
  });

  /** `npx NAME` asks a registry for what it does not find here, and `relax` is somebody else's package there. */
  it("runs this program and nobody else's, from a clone and without a registry", () => {
    const npx = /\bnp(?:x|m exec)\b[^\n]*\brelax\b/;
    const texts = [
      ...PAGES,
      ...globSync('{cli,helm,core}/**/*.{ts,txt,md,yaml}', { cwd: ROOT }).map((path) => ({ path, text: source(path) })),
    ];
    expect(
      texts.filter(({ path, text }) => !path.startsWith('docs/adr/') && npx.test(text)).map(({ path }) => path),
    ).toEqual([]);
    const offline = { PATH: '', npm_config_registry: 'http://127.0.0.1:1' };
    const help = execFileSync(process.execPath, ['bin/relax.mjs', 'status', '--help'], { cwd: ROOT, env: offline });
    expect(String(help)).toContain('Usage: relax status');
  });

  it("is not the name of a stranger's package: ours is scoped, in both files that say it", () => {
    const names = ['package.json', 'package-lock.json'].map(
      (path) => (JSON.parse(source(path)) as { name: string }).name,
    );
    expect(names).toEqual(['@relax-slack/relax', '@relax-slack/relax']);
  });

  it.each(PAGES)('manifests in $path are good ones', ({ path, text }) => {
    for (const [, yaml = ''] of text.matchAll(/<<YAML\n(.*?)\nYAML/gs)) {
      expect(parseManifests(yaml, path).problems).toEqual([]);
    }
  });
});
