import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectorConfig, operatorConfig, sendConfig, standaloneConfig, statusConfig } from '#core/config/config.ts';
import { ConfigError, type ConfigInput } from '#core/config/config-input.ts';
import type { Program } from '#core/config/setting.ts';
import type { Machine } from '#core/config/setting-kind.ts';
import { allSettings, settingsOf } from '#core/config/settings.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
const FILES: Record<string, string> = {
  '/etc/relax/fleet/keys': KEY,
  '/etc/relax/redis/password': 'hush\n',
  '/etc/relax/redis/ca.crt': '-----BEGIN CERTIFICATE-----\n',
  '/etc/relax/empty': ' \n',
  '/etc/relax/short-key': Buffer.alloc(16).toString('base64'),
};
const machine: Machine = {
  hostname: 'node-1',
  cwd: '/home/relax',
  readFile: (path) => {
    const content = FILES[path];
    if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return content;
  },
};
const PARSE: Record<Program, (input: ConfigInput) => { config: object; warnings: readonly string[] }> = {
  connector: connectorConfig,
  operator: operatorConfig,
  standalone: standaloneConfig,
  status: statusConfig,
  send: sendConfig,
};
const REDIS = { RELAX_REDIS_URL: 'redis://localhost:6379' };
const CONNECTOR = { ...REDIS, RELAX_FLEET_KEY_FILE: '/etc/relax/fleet/keys', RELAX_CLUSTER: 'c', RELAX_ZONE: 'a' };

const connector = (env: Record<string, string>, flags: Record<string, string> = {}) =>
  connectorConfig({ env: { ...CONNECTOR, ...env }, flags, machine });

function mistakesOf(program: Program, env: Record<string, string>, flags: Record<string, string> = {}) {
  try {
    PARSE[program]({ env, flags, machine });
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

describe('a configuration with mistakes', () => {
  const wrong = {
    RELAX_REDIS_URL: 'localhost:6379',
    RELAX_QUEUE: 'has space',
    RELAX_QUEUE_MAX: '-1',
    RELAX_CAPACITY: '1e3',
    RELAX_GRACE_SECONDS: '5',
    RELAX_LOG_LEVEL: 'loud',
    RELAX_METRICS_PORT: '70000',
    RELAX_SLACK_API_URL: 'ftp://slack.com',
    RELAX_FLEET_KEY_FILE: '/nowhere',
    RELAX_QUEUE_KIND: 'stream',
    RELAX_CLUSTER: '',
  };

  it('is refused with all of them at once, a line each, by exit code 2', () => {
    const names = Object.keys(wrong);
    const mistakes = mistakesOf('connector', wrong);
    expect(mistakes.map((line) => line.split(' ')[0])).toEqual(expect.arrayContaining(names));
    expect(mistakes).toHaveLength(names.length);
    const error = new ConfigError('connector', mistakes);
    expect(error.exitCode).toBe(2);
    expect(error.message.split('\n')).toHaveLength(names.length + 1);
    expect(error.message).toContain(`${names.length} mistakes`);
  });

  it('names what is missing, by program', () => {
    const names = (program: Program) => mistakesOf(program, {}).map((line) => line.split(' ')[0]);
    expect(names('connector')).toEqual(['RELAX_REDIS_URL', 'RELAX_FLEET_KEY_FILE', 'RELAX_CLUSTER']);
    expect(names('operator')).toEqual(['RELAX_REDIS_URL', 'RELAX_FLEET_KEY_FILE']);
    expect(names('standalone')).toEqual(['RELAX_REDIS_URL', '--bots']);
    expect(names('status')).toEqual(['RELAX_REDIS_URL']);
    expect(names('send')).toEqual(['RELAX_REDIS_URL']);
  });

  it('names a proxy that cannot be used, to the programs that call Slack', () => {
    const proxied = (program: Program) => mistakesOf(program, { ...CONNECTOR, HTTPS_PROXY: 'proxy:3128' });
    expect(proxied('connector')).toEqual([expect.stringMatching(/^HTTPS_PROXY .*http:\/\/proxy\.example:3128/)]);
    expect(proxied('operator')).toHaveLength(1);
    expect(proxied('status')).toEqual([]);
    expect(proxied('send')).toEqual([]);
  });

  it('says how to set what is missing, as a variable and as a flag', () => {
    expect(mistakesOf('status', {})[0]).toContain(
      'Set for example RELAX_REDIS_URL=redis://localhost:6379 (or --redis-url redis://localhost:6379)',
    );
  });

  it.each([
    ['RELAX_REDIS_URL', 'http://localhost', 'redis://host:port'],
    ['RELAX_REDIS_URL', 'redis://localhost/one', 'the database is a number'],
    ['RELAX_REDIS_URL', 'redis://localhost?tls=true', 'a query or fragment is not supported'],
    ['RELAX_REDIS_USERNAME', 'a b', 'a name without spaces'],
    ['RELAX_REDIS_PASSWORD_FILE', '/etc/relax/empty', 'the file is empty'],
    ['RELAX_REDIS_PASSWORD_FILE', '/nowhere', "it can't be read (ENOENT)"],
    ['RELAX_REDIS_CA_FILE', '/etc/relax/empty', 'no PEM certificate in it'],
    ['RELAX_QUEUE', 'q{1}', 'without spaces and braces'],
    ['RELAX_QUEUE_URGENT', 'urgent', 'of the form {<RELAX_QUEUE>}:name'],
    ['RELAX_COMMANDS', '{relax}:commands', 'without spaces and braces'],
    ['RELAX_QUEUE_MAX', '1.5', 'digits only'],
    ['RELAX_QUEUE_MAX', '0x10', 'digits only'],
    ['RELAX_DEDUPE_WINDOW_SECONDS', '59', 'from 60 to 604800'],
    ['RELAX_DEDUPE_SUBBUCKETS', '0', 'from 1 to 4096'],
    ['RELAX_BUFFER_BYTES', '1024', 'from 1048576'],
    ['RELAX_CAPACITY', '100001', 'from 1 to 100000'],
    ['RELAX_GRACE_SECONDS', '9', 'from 10 to 3600'],
    ['RELAX_SLACK_API_URL', 'https://slack.com/api/?x=1', 'without query'],
    ['RELAX_FLEET_KEY_FILE', '/etc/relax/short-key', 'line 1 is not base64 of 32 bytes'],
    ['RELAX_CLUSTER', 'a/b', 'letters, digits, dot'],
    ['RELAX_ZONE', '-a', 'letters, digits, dot'],
    ['RELAX_POD', 'a b', 'letters, digits, dot'],
    ['RELAX_METRICS_PORT', '65536', 'from 0 to 65535'],
    ['RELAX_METRICS_HOST', 'a b', 'an address of this machine'],
    ['RELAX_LOG_LEVEL', 'INFO', 'one of trace, debug, info'],
  ])('%s=%s is refused with what is expected', (name, value, words) => {
    const mistakes = mistakesOf('connector', { ...CONNECTOR, [name]: value });
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(new RegExp(`^${name} `));
    expect(mistakes[0]).toContain(words);
    expect(mistakes[0]).toContain(`Set for example ${name}=`);
  });

  it.each([
    ['--connectors', { connectors: '0' }],
    ['--connectors', { connectors: '65' }],
    ['--zones', { zones: 'a,,b' }],
    ['--zones', { zones: 'a,b,a' }],
  ])('%s is refused under its own name: %o', (name, flags) => {
    expect(mistakesOf('standalone', REDIS, { bots: 'bots', ...flags })).toEqual([expect.stringMatching(`^${name} `)]);
  });

  it.each([
    [{ RELAX_REDIS_CA_FILE: '/etc/relax/redis/ca.crt' }, 'write rediss://'],
    [
      { RELAX_REDIS_URL: 'redis://:pw@host', RELAX_REDIS_PASSWORD_FILE: '/etc/relax/redis/password' },
      'both give a password',
    ],
    [{ RELAX_REDIS_URL: 'redis://me:pw@host', RELAX_REDIS_USERNAME: 'you' }, 'both give a user name'],
    [{ RELAX_QUEUE: 'q', RELAX_COMMANDS: 'q' }, 'is the queue of events, RELAX_QUEUE'],
    [{ RELAX_COMMANDS: 'relax:contract' }, 'is a key that Relax uses for something else'],
    [{ RELAX_QUEUE_URGENT: '{other}:urgent' }, 'set for example RELAX_QUEUE_URGENT={relax:events}:urgent'],
    [{ RELAX_QUEUE: 'q', RELAX_QUEUE_URGENT: '{relax:events}:urgent' }, 'must begin with {q}:'],
    [{ RELAX_QUEUE_URGENT: '{relax:events}:fence' }, 'keys of Relax begin with {relax:events}:fence'],
    [{ RELAX_QUEUE_URGENT: '{relax:events}:dd26:x' }, 'keys of Relax begin with {relax:events}:dd26'],
    [{ RELAX_QUEUE_URGENT: '{relax:events}:processing:a' }, 'keys of Relax begin with {relax:events}:processing'],
    [{ RELAX_BUFFER_SECONDS: '100', RELAX_DEDUPE_WINDOW_SECONDS: '120' }, 'Set at most 60'],
  ])('is refused when values contradict each other: %o', (env, words) => {
    expect(mistakesOf('connector', { ...CONNECTOR, ...env })).toEqual([expect.stringContaining(words)]);
  });

  it.each([
    [{ RELAX_REDIS_URL: 'http://user:hunter2@host' }],
    [{ RELAX_REDIS_URL: 'redis//user:hunter2@host' }],
    [{ RELAX_SLACK_API_URL: 'https://user:hunter2@slack.com/' }],
    [{ RELAX_REDIS_PASSWORD_FILE: 'hunter2' }],
    [{ RELAX_FLEET_KEY_FILE: Buffer.from('hunter2hunter2hunter2hunter2hunt').toString('base64') }],
    [{ RELAX_POD: 'xoxb-12345-hunter2 ' }],
  ])('never tells a secret: %o', (env) => {
    const text = mistakesOf('connector', { ...CONNECTOR, ...env }).join('\n');
    for (const value of Object.values(env)) expect(text).not.toContain(value.trim());
    expect(text).not.toContain('hunter2');
  });

  it.each(allSettings.filter((row) => row.later === true).map((row) => [row.env ?? '', row.fallback ?? '']))(
    '%s is accepted only as "%s" in this version',
    (name, present) => {
      expect(mistakesOf('connector', { ...CONNECTOR, [name]: 'other' })).toEqual([
        expect.stringContaining('not in this version yet'),
      ]);
      expect(mistakesOf('connector', { ...CONNECTOR, [name]: present })).toEqual([]);
    },
  );
});

describe('a good configuration', () => {
  it('has the documented defaults', () => {
    const { config, warnings } = connector({});
    expect(warnings).toEqual([]);
    expect(config).toEqual({
      program: 'connector',
      redis: { url: 'redis://localhost:6379', username: undefined, passwordFile: undefined, caFile: undefined },
      logLevel: 'info',
      queue: { name: 'relax:events', urgent: undefined, max: 1_000_000 },
      commands: 'relax:commands',
      dedupe: { windowMs: 3_600_000, subBuckets: 64 },
      buffer: { bytes: 67_108_864, ageMs: 120_000 },
      capacity: 5_000,
      graceMs: 120_000,
      slackApiUrl: 'https://slack.com/api/',
      fleetKeyFile: '/etc/relax/fleet/keys',
      cluster: 'c',
      pod: 'node-1',
      zone: 'a',
      http: { port: 9464, host: '::' },
    });
  });

  it('takes the flag where both are given, and an empty text as none', () => {
    expect(connector({ RELAX_QUEUE: 'by-env' }, { queue: 'by-flag' }).config.queue.name).toBe('by-flag');
    expect(connector({ RELAX_QUEUE: 'by-env' }, { queue: ' ' }).config.queue.name).toBe('by-env');
    expect(connector({ RELAX_QUEUE: '', RELAX_QUEUE_URGENT: '' }).config.queue).toMatchObject({
      name: 'relax:events',
      urgent: undefined,
    });
    const urgent = '{by-flag}:urgent';
    const both = connector({ RELAX_QUEUE_URGENT: urgent }, { queue: 'by-flag' });
    expect(both.config.queue).toMatchObject({ name: 'by-flag', urgent });
  });

  it('sends no messages where the list of commands is empty, by environment or flag', () => {
    expect(connector({ RELAX_COMMANDS: '' }).config.commands).toBeUndefined();
    expect(connector({ RELAX_COMMANDS: 'mine' }, { commands: '' }).config.commands).toBeUndefined();
    expect(connector({ RELAX_COMMANDS: 'mine' }).config.commands).toBe('mine');
    const { config } = standaloneConfig({ env: { ...REDIS, RELAX_COMMANDS: '' }, flags: { bots: 'bots' }, machine });
    expect(config).toMatchObject({ commands: undefined, connectorEnv: { RELAX_COMMANDS: '' } });
  });

  it('is frozen to its last field', () => {
    expect(() => Object.assign(connector({}).config.redis, { url: 'x' })).toThrow(TypeError);
  });

  it('makes paths absolute, and the Slack URL end in a slash', () => {
    const env = { ...REDIS, RELAX_SLACK_API_URL: 'https://proxy.example/slack' };
    const { config } = standaloneConfig({ env, flags: { bots: 'bots' }, machine });
    expect(config).toMatchObject({ botsDirectory: '/home/relax/bots', slackApiUrl: 'https://proxy.example/slack/' });
  });

  it('makes a pod without a zone a zone of its own, with a warning', () => {
    const { config, warnings } = connector({ RELAX_ZONE: '', RELAX_POD: 'p1' });
    expect(config).toMatchObject({ zone: 'unknown-p1' });
    expect(warnings).toEqual([expect.stringContaining('RELAX_ZONE is not set')]);
  });

  it('gives two directories, and two machines, clusters of their own in standalone mode', () => {
    const cluster = (bots: string, hostname: string) =>
      standaloneConfig({ env: REDIS, flags: { bots }, machine: { ...machine, hostname } }).config.cluster;
    expect(cluster('a', 'h')).toBe(cluster('./a', 'h'));
    expect(new Set([cluster('a', 'h'), cluster('b', 'h'), cluster('a', 'i')]).size).toBe(3);
    expect(cluster('a', '-odd host!')).toMatch(/^odd-host--[0-9a-f]{8}$/);
  });

  it('passes to connectors what was given to standalone mode, and nothing else', () => {
    const queues = { RELAX_QUEUE: 'q', RELAX_QUEUE_URGENT: '{q}:urgent' };
    const env = { ...REDIS, ...queues, RELAX_ZONE: 'z', OTHER: 'x' };
    const { config } = standaloneConfig({ env, flags: { bots: 'b', capacity: '10' }, machine });
    expect(config.connectorEnv).toEqual({ ...REDIS, ...queues, RELAX_CAPACITY: '10' });
  });

  it('warns of a plain Slack URL that leaves this machine', () => {
    expect(connector({ RELAX_SLACK_API_URL: 'http://127.0.0.1:8080' }).warnings).toEqual([]);
    expect(connector({ RELAX_SLACK_API_URL: 'http://slack.internal' }).warnings).toEqual([
      expect.stringContaining('unencrypted'),
    ]);
  });

  it('keeps namespaces only where the others are to be released', () => {
    const flags = { 'keep-namespaces': 'bots,more-bots' };
    const operator = (more: Record<string, string>) =>
      operatorConfig({ env: CONNECTOR, flags: { ...flags, ...more }, machine });
    const released = operator({ 'release-finalizers': 'true' });
    expect(released.config.keepNamespaces).toEqual(['bots', 'more-bots']);
    expect(released.warnings).toEqual([]);
    expect(operator({}).warnings).toEqual(['--keep-namespaces means nothing without --release-finalizers']);
  });

  it('warns of a name that is nearly a setting, and keeps still about what Kubernetes sets', () => {
    expect(connector({ RELAX_ZONES: 'a' }).warnings).toEqual([expect.stringContaining('did you mean RELAX_ZONE?')]);
    const links = { RELAX_REDIS_SERVICE_HOST: '10.0.0.1', RELAX_REDIS_PORT: 'tcp://10.0.0.1:6379' };
    expect(connector(links).warnings).toEqual([]);
    expect(connector({ RELAX_METRICS_PORT: 'tcp://10.0.0.1:80' })).toMatchObject({
      config: { http: { port: 9464 } },
      warnings: [expect.stringContaining('Kubernetes set it for a Service')],
    });
  });
});

describe('the settings table', () => {
  it.each(allSettings.map((row) => [row.env ?? `--${row.flag}`, row] as const))(
    '%s takes its own example',
    (_, row) => {
      expect(row.kind.read(row.example, machine)).toHaveProperty('value');
    },
  );

  it.each(
    allSettings.flatMap((row) =>
      Object.values({ own: row.fallback, ...row.fallbackOf }).flatMap((text) =>
        text === undefined ? [] : [[row.env ?? `--${row.flag}`, row, text] as const],
      ),
    ),
  )('%s takes its own default', (_, row, text) => {
    expect(row.kind.read(text, machine)).toHaveProperty('value');
  });

  it('has each variable and each flag once', () => {
    const names = allSettings.flatMap((row) => [...(row.env === undefined ? [] : [row.env]), `--${row.flag}`]);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(['operator', 'connector', 'standalone', 'status', 'send'] as const)(
    'lets no text at all crash %s: it is taken, or refused by name',
    (program) => {
      const names = settingsOf(program).flatMap((row) => row.env ?? []);
      const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.webUrl(), fc.integer().map(String));
      fc.assert(
        fc.property(fc.dictionary(fc.constantFrom(...names), text), (env) => {
          for (const line of mistakesOf(program, env)) expect(line).toMatch(/^(RELAX_|KUBECONFIG|--)/);
        }),
      );
    },
  );
});
