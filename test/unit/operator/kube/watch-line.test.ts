import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWatchLine, splitLines } from '#operator/kube/watch-line.ts';

async function linesOf(chunks: string[]): Promise<string[]> {
  async function* stream(): AsyncGenerator<string> {
    yield* chunks;
  }
  const lines: string[] = [];
  for await (const line of splitLines(stream())) lines.push(line);
  return lines;
}

describe('lines of a watch', () => {
  it('are the same however the stream is cut into chunks', async () => {
    const line = fc.string({ minLength: 1 }).filter((text) => !text.includes('\n'));
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat(20)), async (lines, cuts) => {
        const text = lines.map((one) => `${one}\n`).join('');
        const chunks: string[] = [];
        let rest = text;
        for (const cut of cuts) {
          chunks.push(rest.slice(0, cut));
          rest = rest.slice(cut);
        }
        chunks.push(rest);
        expect(await linesOf(chunks)).toEqual(lines);
      }),
    );
  });

  it('a stream that ends within a line is broken', async () => {
    await expect(linesOf(['{"a":1}\n{"b"'])).rejects.toMatchObject({ kind: 'transient', reason: 'BadWatchLine' });
  });

  it('a line that does not end is broken before it fills the memory', async () => {
    const chunk = 'x'.repeat(1024 * 1024);
    await expect(linesOf(Array.from({ length: 20 }, () => chunk))).rejects.toMatchObject({ reason: 'BadWatchLine' });
  });
});

describe('a watch event', () => {
  it.each([
    ['not JSON', '<html>'],
    ['null', 'null'],
    ['no object', '{"type":"ADDED"}'],
    ['no version', '{"type":"ADDED","object":{"metadata":{"name":"a"}}}'],
    ['no name', '{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}'],
    ['unknown type', '{"type":"MOVED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}'],
  ])('%s is a bad line', (_name, line) => {
    expect(() => parseWatchLine('watch', line)).toThrow(expect.objectContaining({ reason: 'BadWatchLine' }));
  });

  it('a bookmark needs no name', () => {
    const line = '{"type":"BOOKMARK","object":{"kind":"Thing","metadata":{"resourceVersion":"9"}}}';
    expect(parseWatchLine('watch', line)).toEqual({ type: 'BOOKMARK', resourceVersion: '9' });
  });

  it('an ERROR event is what its Status says', () => {
    const line = '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}';
    expect(() => parseWatchLine('watch', line)).toThrow(expect.objectContaining({ kind: 'gone' }));
  });
});
