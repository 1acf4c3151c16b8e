import { describe, expect, it } from 'vitest';
import { aclFault, namedRefusal } from '#core/redis/acl.ts';

const LUA = "local a = redis.call('GET', KEYS[1])\nreturn { redis.call('HLEN', a), redis.pcall('TTL', a) }";

describe('a right that is missing inside a script', () => {
  it.each([
    ["ERR The user executing the script can't run this command or subcommand script: 1f, on @user_script:1.", '+get'],
    [
      "ERR Error running script (call to f_1f): @user_script:1: @user_script: 1: The user executing the script can't run this command or subcommand",
      '+get',
    ],
    [
      "NOPERM ACL failure in script: User app has no permissions to run the 'get' command script: 1f, on @user_script:1.",
      '+get',
    ],
    [
      "ERR The user executing the script can't run this command or subcommand script: 1f, on @user_script:2.",
      '+hlen +ttl',
    ],
    [
      "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments script: 1f, on @user_script:1.",
      '~relax:*',
    ],
  ])('is named by the line where it was met: %s', (message, grant) => {
    const named = namedRefusal(new Error(message), LUA);
    expect(aclFault(named?.message ?? '')).toContain(`ACL SETUSER <user> ${grant}`);
  });

  it.each([
    'ERR value is not an integer script: 1f, on @user_script:1.',
    "NOPERM User app has no permissions to run the 'evalsha' command",
    "ERR The user executing the script can't run this command or subcommand script: 1f, on @user_script:9.",
    'Command timed out',
  ])('is not to be seen in: %s', (message) => {
    expect(namedRefusal(new Error(message), LUA)).toBeUndefined();
  });
});
