import { stringify } from 'yaml';
import { performanceFiles } from '../bench/performance/page.ts';
import { configurationReference } from '../core/config/settings-reference.ts';
import { crdOf, KIND_DEFINITIONS, type KindDefinition } from './crd.ts';
import { crdReference } from './crd-reference.ts';
import { eventReference } from './event-reference.ts';

/** A file that is made, never edited. `content` is pure: the same sources give the same bytes. */
export interface GeneratedFile {
  /** From the repository's root. */
  path: string;
  content: () => string;
}

/** In words that YAML 1.1 reads alike: kubectl and Helm would take a bare Off for false. */
const crdYaml = (kind: KindDefinition): string =>
  `# Made by \`npm run generate\` from ${kind.source}. Do not edit.\n` +
  stringify(crdOf(kind), { lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' });

export const GENERATED_FILES: readonly GeneratedFile[] = [
  ...KIND_DEFINITIONS.flatMap((kind): GeneratedFile[] => [
    { path: `crds/${kind.plural}.yaml`, content: () => crdYaml(kind) },
    // Helm never upgrades what lies in its own crds/ folder, so the chart renders this copy (templates/crds.yaml).
    { path: `helm/relax/files/crds/${kind.plural}.yaml`, content: () => crdYaml(kind) },
  ]),
  { path: 'docs/crd.md', content: crdReference },
  { path: 'docs/configuration.md', content: configurationReference },
  { path: 'docs/events.md', content: eventReference },
  ...performanceFiles(),
];
