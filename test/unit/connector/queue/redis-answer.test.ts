import { describe, expect, it } from 'vitest';
import { parseAnswer, passingFault, refusal } from '#connector/queue/redis-answer.ts';

describe('an answer of the script', () => {
  it.each<[unknown, number, unknown]>([
    ['qdxf', 4, [{ kind: 'queued' }, { kind: 'duplicate' }, { kind: 'fenced' }, { kind: 'full' }]],
    [
      ['queq', 'NOPERM no hset', 'queue:rpush:OOM command'],
      4,
      [
        { kind: 'queued' },
        { kind: 'unmarked', error: 'NOPERM no hset' },
        { kind: 'error', key: 'queue', command: 'rpush', error: 'OOM command' },
        { kind: 'queued' },
      ],
    ],
    [
      ['e', "queue:rpush:@user_script: 44: -OOM command not allowed when used memory > 'maxmemory'.\r\n"],
      1,
      [
        {
          kind: 'error',
          key: 'queue',
          command: 'rpush',
          error: "OOM command not allowed when used memory > 'maxmemory'.",
        },
      ],
    ],
    [['e', 'urgent:llen:WRONGTYPE x'], 1, [{ kind: 'error', key: 'urgent', command: 'llen', error: 'WRONGTYPE x' }]],
    [
      ['e', "mark:hset:@user_script: 9: The user executing the script can't run this command or subcommand"],
      1,
      [
        {
          kind: 'error',
          key: 'mark',
          command: 'hset',
          error: "The user executing the script can't run this command or subcommand",
        },
      ],
    ],
    [['e', 'other:get:x'], 1, undefined],
    [['ee', 'mark:hset:x'], 2, undefined],
    ['e', 1, undefined],
    ['q', 2, undefined],
    ['z', 1, undefined],
    ['', 1, undefined],
    [1, 1, undefined],
    [null, 1, undefined],
  ])('%j', (answer, events, results) => {
    expect(parseAnswer(answer, events)).toEqual(results);
  });
});

describe('a refused event', () => {
  it.each(['OOM', 'READONLY', 'MISCONF', 'WRONGTYPE', 'NOREPLICAS', 'NOPERM', 'LOADING', 'MOVED'])(
    'waits while Redis says %s',
    (code) => {
      const { retry, words } = refusal('queue', `${code} something`);
      expect(retry).toBe(true);
      expect(words).not.toMatch(/refuses an event/);
    },
  );

  it('is kept for an error that Relax does not know, since it may pass', () => {
    const { retry, words } = refusal('queue', 'ERR Unknown Redis command called from script');
    expect(retry).toBe(true);
    expect(words).toContain('ERR Unknown Redis command called from script');
  });

  it.each([
    ["NOPERM ACL failure in script: User app has no permissions to run the 'rpush' command", 'app +rpush'],
    ["ERR The user executing the script can't run this command or subcommand", 'me +rpush'],
    ["The user executing the script can't run this command or subcommand", 'me +rpush'],
    [
      "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments",
      'me ~relax:events',
    ],
    ['NOPERM ACL failure in script: No permissions to access a key', 'me ~relax:events'],
  ])('for want of a right waits and names the line that grants it: %s', (error, line) => {
    const { retry, words } = refusal('queue', error, 'rpush', { user: 'me', queue: 'relax:events' });
    expect(retry).toBe(true);
    expect(words).toContain(`ACL SETUSER ${line}`);
    expect(words).toContain('rpush');
  });

  it('waits for a list of urgent events that is none, and says which setting names it', () => {
    const { retry, words } = refusal('urgent', 'WRONGTYPE Operation against a key');
    expect(retry).toBe(true);
    expect(words).toContain('RELAX_QUEUE_URGENT');
  });

  it('names the keys of marks and fence by their pattern', () => {
    const { words } = refusal('mark', 'NOPERM No permissions to access a key', 'hexists', { queue: 'q' });
    expect(words).toBe('Redis ACL refuses a key to hexists. Grant it: ACL SETUSER <user> ~{q}:*');
  });

  it('waits for whatever Redis says of a push, which is for all events of a batch', () => {
    const { retry, words } = refusal('queue', 'ERR string exceeds maximum allowed size', 'rpush');
    expect(retry).toBe(true);
    expect(words).toContain('ERR string exceeds maximum allowed size');
  });

  it('is given up when its own mark cannot be read, and waits when the fence cannot', () => {
    expect(refusal('mark', 'WRONGTYPE x').retry).toBe(false);
    expect(refusal('fence', 'WRONGTYPE x').retry).toBe(true);
    expect(refusal('fence', 'WRONGTYPE x').words).toContain('fence');
  });
});

describe('an error for the whole batch', () => {
  it('is in Redis own words, or a lost connection', () => {
    expect(passingFault(new Error('LOADING Redis is loading the dataset in memory'))).toContain('loading');
    expect(passingFault(new Error('NOAUTH Authentication required.'))).toContain('password');
    expect(passingFault(new Error('Command timed out'))).toBeUndefined();
    expect(passingFault(new Error('ASKED for trouble'))).toBeUndefined();
  });
});
