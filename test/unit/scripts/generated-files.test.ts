import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { specFields, statusFields } from '#scripts/crd-reference.ts';
import { GENERATED_FILES } from '#scripts/generated-files.ts';

const root = join(import.meta.dirname, '../../..');

describe('a generated file', () => {
  it.each(GENERATED_FILES)('$path is what `npm run generate` writes', ({ path, content }) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(content());
  });
});

describe('the CRD', () => {
  it.each([...specFields, ...statusFields])('$path has a description', ({ schema }) => {
    expect(schema.description).toMatch(/\S.*[.]$/);
  });

  it.each([...specFields, ...statusFields])('$path is bounded', ({ schema: { type, ...schema } }) => {
    if (type === 'string') expect(schema.enum ?? schema.maxLength).toBeDefined();
    if (type === 'array') expect(schema.maxItems).toBeDefined();
    if (schema.items?.type === 'string') expect(schema.items.maxLength).toBeDefined();
  });
});
