import { PROGRAMS, type Program, setting } from './setting.ts';
import { file, integer, redisUrl, text } from './setting-kind.ts';

/** The settings of Redis, of the queue in it, and of what waits for it: part of the table in `core/settings.ts`. */

const ALL: readonly Program[] = PROGRAMS;
const EVENTS: readonly Program[] = ['connector', 'standalone'];
const FLEET: readonly Program[] = ['operator', 'connector', 'standalone'];

const filled = (content: string): string | undefined => (content.trim() === '' ? 'the file is empty' : undefined);
const certificate = (content: string): string | undefined =>
  content.includes('-----BEGIN CERTIFICATE-----') ? undefined : 'no PEM certificate in it';

export const redisSettings = {
  redisUrl: setting({
    env: 'RELAX_REDIS_URL',
    flag: 'redis-url',
    argument: 'url',
    kind: redisUrl,
    example: 'redis://localhost:6379',
    doc: 'Redis (6.2 or later) or Valkey (7.2 or later) that holds the queue, the marks and the assignments.',
    programs: ALL,
    requiredBy: ALL,
  }),
  redisUsername: setting({
    env: 'RELAX_REDIS_USERNAME',
    flag: 'redis-username',
    argument: 'name',
    kind: text(/^\S+$/, 'a name without spaces'),
    unset: 'the default user',
    example: 'relax',
    doc: 'Redis ACL user.',
    programs: ALL,
  }),
  redisPasswordFile: setting({
    env: 'RELAX_REDIS_PASSWORD_FILE',
    flag: 'redis-password-file',
    argument: 'path',
    kind: file('a readable file that holds the Redis password', filled),
    unset: 'no password',
    example: '/etc/relax/redis/password',
    doc: 'File with the Redis password, read again at each connect, so that a rotated password needs no restart.',
    programs: ALL,
  }),
  redisCaFile: setting({
    env: 'RELAX_REDIS_CA_FILE',
    flag: 'redis-ca-file',
    argument: 'path',
    kind: file('a readable PEM file with a CA certificate', certificate),
    unset: "the runtime's own authorities",
    example: '/etc/relax/redis/ca.crt',
    doc: 'Certificate authority that signed the certificate of a rediss:// server.',
    programs: ALL,
  }),
  queue: setting({
    env: 'RELAX_QUEUE',
    flag: 'queue',
    argument: 'key',
    kind: text(/^[^\s{}]{1,200}$/, 'a Redis key of 1 to 200 characters without spaces and braces'),
    fallback: 'relax:events',
    example: 'relax:events',
    doc: 'Redis list that events are pushed to and that your application reads.',
    programs: ALL,
  }),
  queueMax: setting({
    env: 'RELAX_QUEUE_MAX',
    flag: 'queue-max',
    argument: 'items',
    kind: integer(0, 1_000_000_000),
    fallback: '1000000',
    example: '1000000',
    doc: 'Items at which the queue counts as full: nothing more is pushed or acknowledged until consumers catch up. 0 means no limit.',
    programs: ['connector', 'standalone', 'status'],
  }),
  dedupeWindow: setting({
    env: 'RELAX_DEDUPE_WINDOW_SECONDS',
    flag: 'dedupe-window-seconds',
    argument: 'seconds',
    kind: integer(60, 604_800),
    fallback: '3600',
    example: '3600',
    doc: 'How long an event is remembered as queued. Part of the fleet contract: the same for every program of a Redis.',
    programs: FLEET,
  }),
  dedupeSubBuckets: setting({
    env: 'RELAX_DEDUPE_SUBBUCKETS',
    flag: 'dedupe-subbuckets',
    argument: 'count',
    kind: integer(1, 4096),
    fallback: '64',
    example: '64',
    doc: 'Hashes that the marks of one minute are spread over; about 100 events in each is best. Part of the fleet contract.',
    programs: FLEET,
  }),
  bufferBytes: setting({
    env: 'RELAX_BUFFER_BYTES',
    flag: 'buffer-bytes',
    argument: 'bytes',
    kind: integer(1_048_576, 17_179_869_184),
    fallback: '67108864',
    example: '67108864',
    doc: 'Memory for events of RTM sockets while Redis is away, for the whole connector; sockets are not read beyond it.',
    programs: EVENTS,
  }),
  bufferSeconds: setting({
    env: 'RELAX_BUFFER_SECONDS',
    flag: 'buffer-seconds',
    argument: 'seconds',
    kind: integer(1, 302_400),
    fallback: '120',
    example: '120',
    doc: 'Age of the oldest buffered event at which sockets are no longer read. At most half the dedupe window.',
    programs: EVENTS,
  }),
};
