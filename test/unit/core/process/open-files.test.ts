import { describe, expect, it } from 'vitest';
import { fileShortage, openFilesLimit } from '../../../../core/process/open-files.ts';

const limits = (soft: string): string => `Limit                     Soft Limit           Hard Limit           Units
Max core file size        0                    unlimited            bytes
Max open files            ${soft.padEnd(20)} 524288               files
Max locked memory         8388608              8388608              bytes
`;

describe('the limit of open files', () => {
  it.each([
    ['1024', 1_024],
    ['unlimited', Number.POSITIVE_INFINITY],
  ])('is what Linux says of this process: %s', (soft, limit) => {
    expect(openFilesLimit(limits(soft))).toBe(limit);
  });

  it('is unknown where the list has none', () => {
    expect(openFilesLimit('')).toBeUndefined();
  });

  it.each([
    { limit: undefined, capacity: 5_000 },
    { limit: Number.POSITIVE_INFINITY, capacity: 5_000 },
    { limit: 5_150, capacity: 5_000 },
  ])('is enough with $limit files for $capacity sockets', ({ limit, capacity }) => {
    expect(fileShortage(limit, capacity)).toBeUndefined();
  });

  it('names both numbers and the remedy when it is too low', () => {
    const words = fileShortage(1_024, 5_000);
    expect(words).toContain('may open 1024 files and needs 5150 for RELAX_CAPACITY=5000');
    expect(words).toContain('ulimit -Hn');
  });
});
