import { describe, expect, it } from 'vitest';
import { connectionFault, isReadOnly, redisErrorText, redisFault } from '#core/redis/fault.ts';

describe('an error of Redis', () => {
  it.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", /maxmemory/],
    ["READONLY You can't write against a read only replica.", /RELAX_REDIS_URL/],
    ['WRONGPASS invalid username-password pair or user is disabled.', /RELAX_REDIS_PASSWORD_FILE/],
    ['NOAUTH Authentication required.', /RELAX_REDIS_USERNAME/],
  ])('names the remedy: %s', (message, words) => {
    expect(redisFault(new Error(message))).toMatch(words);
  });

  it.each([
    ["NOPERM User app has no permissions to run the 'evalsha' command", 'evalsha. Grant it: ACL SETUSER app +evalsha'],
    ["NOPERM this user has no permissions to run the 'config|get' command", 'ACL SETUSER <user> +config|get'],
    ["NOPERM this user has no permissions to run the 'set' command or its subcommand", 'ACL SETUSER <user> +set'],
    ['NOPERM No permissions to access a key', 'ACL SETUSER <user> ~relax:* ~{relax:*'],
    ["NOPERM No permissions to access the 'relax:contract' key", 'ACL SETUSER <user> ~relax:* ~{relax:*'],
    ['NOPERM this user has no permissions to access one of the keys used as arguments', 'ACL SETUSER <user> ~relax:*'],
    [
      'NOPERM this user has no permissions to access one of the channels used as arguments',
      'ACL SETUSER <user> &relax:*',
    ],
    ["ERR The user executing the script can't run this command or subcommand", "can't run this command"],
  ])('for want of a right names the line that grants it: %s', (message, line) => {
    expect(redisFault(new Error(message))).toContain(line);
    expect(redisErrorText(new Error(message))).toContain(line);
  });

  it.each([
    ["Stream isn't writeable and enableOfflineQueue options is false", 'no connection to Redis'],
    [
      'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest"',
      'no connection to Redis',
    ],
    ['Command timed out', 'no answer from Redis within 4 s'],
    ['connect ECONNREFUSED 127.0.0.1:6379', 'connect ECONNREFUSED 127.0.0.1:6379'],
  ])('is told without the client’s options: %s', (message, words) => {
    expect(redisFault(new Error(message))).toBeUndefined();
    expect(redisErrorText(new Error(message))).toBe(words);
  });
});

describe('a call without an answer of Redis', () => {
  it.each([
    ["Stream isn't writeable and enableOfflineQueue options is false", 'noConnection'],
    ['Command timed out', 'noAnswer'],
    ['Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest"', 'cutOff'],
    ['ERR Protocol error: invalid bulk length', 'cutOff'],
    ['OOM command not allowed', undefined],
    ['connect ECONNREFUSED 127.0.0.1:6379', undefined],
  ])('is told from others: %s', (message, kind) => {
    expect(connectionFault(new Error(message))).toBe(kind);
  });

  it('is reported in the words of Redis where there are any', () => {
    const words = 'ERR Protocol error: invalid bulk length';
    expect(redisErrorText(new Error(words))).toBe(words);
  });
});

it.each([
  ["READONLY You can't write against a read only replica.", true],
  ['UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)', true],
  ['LOADING Redis is loading the dataset in memory', false],
])('%s: the server has become a replica: %s', (message, isReplica) => {
  expect(isReadOnly({ message })).toBe(isReplica);
});
