import { describe, expect, it } from 'vitest';
import { parseResult, passingFault, refusal } from '../../../../connector/queue/redis-answer.ts';

describe('an answer of the script', () => {
  it.each<[unknown, unknown]>([
    ['queued', { kind: 'queued' }],
    ['duplicate', { kind: 'duplicate' }],
    ['fenced', { kind: 'fenced' }],
    ['full', { kind: 'full' }],
    ['error:queue:OOM command not allowed', { kind: 'error', key: 'queue', error: 'OOM command not allowed' }],
    [
      "error:queue:@user_script: 44: -OOM command not allowed when used memory > 'maxmemory'.\r\n",
      { kind: 'error', key: 'queue', error: "OOM command not allowed when used memory > 'maxmemory'." },
    ],
    ['error:mark:WRONGTYPE Operation', { kind: 'error', key: 'mark', error: 'WRONGTYPE Operation' }],
    ['unmarked:NOPERM no hsetnx', { kind: 'unmarked', error: 'NOPERM no hsetnx' }],
    ['error:other:x', undefined],
    ['', undefined],
    [1, undefined],
    [null, undefined],
  ])('%j', (answer, result) => {
    expect(parseResult(answer)).toEqual(result);
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

  it('is given up for an error that will not pass', () => {
    expect(refusal('queue', 'ERR string exceeds maximum allowed size')).toEqual({
      retry: false,
      words: 'Redis refuses an event: ERR string exceeds maximum allowed size',
    });
  });

  it('is given up when its own mark can not be read, and waits when the fence can not', () => {
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
