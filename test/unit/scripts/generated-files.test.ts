import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseYaml } from '#cli/standalone/manifests/yaml-documents.ts';
import { crdOf, KIND_DEFINITIONS } from '#scripts/crd.ts';
import { specFieldsOf, statusFieldsOf } from '#scripts/crd-reference.ts';
import { GENERATED_FILES } from '#scripts/generated-files.ts';

const root = join(import.meta.dirname, '../../..');

describe('a generated file', () => {
  it.each(GENERATED_FILES)('$path is what `npm run generate` writes', ({ path, content }) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(content());
  });
});

describe.each(KIND_DEFINITIONS)('the CRD of $kind', (kind) => {
  const fields = [...specFieldsOf(kind), ...statusFieldsOf(kind)];

  it.each(fields)('$path has a description', ({ schema }) => {
    expect(schema.description).toMatch(/\S.*[.]$/);
  });

  it.each(fields)('$path is bounded', ({ schema: { type, ...schema } }) => {
    if (type === 'string') expect(schema.enum ?? schema.maxLength).toBeDefined();
    if (type === 'array') expect(schema.maxItems).toBeDefined();
    if (schema.items?.type === 'string') expect(schema.items.maxLength).toBeDefined();
  });

  it('means the same to a reader of YAML 1.1, which kubectl and Helm are', () => {
    const text = readFileSync(join(root, `crds/${kind.plural}.yaml`), 'utf8');
    expect(parseYaml(text)).toEqual([{ value: JSON.parse(JSON.stringify(crdOf(kind))) }]);
  });
});
