import { stringify } from 'yaml';
import { configurationReference } from '../core/config/settings-reference.ts';
import { slackBotCrd } from './crd.ts';
import { crdReference } from './crd-reference.ts';
import { eventReference } from './event-reference.ts';

/** A file that is made, never edited. `content` is pure: the same sources give the same bytes. */
export interface GeneratedFile {
  /** From the repository's root. */
  path: string;
  content: () => string;
}

const HEAD = '# Made by `npm run generate` from core/api/slackbot.ts. Do not edit.\n';
const crdYaml = (): string => HEAD + stringify(slackBotCrd(), { lineWidth: 0, aliasDuplicateObjects: false });

export const GENERATED_FILES: readonly GeneratedFile[] = [
  { path: 'crds/slackbots.yaml', content: crdYaml },
  // Helm never upgrades what lies in its own crds/ folder, so the chart renders this copy (templates/crds.yaml).
  { path: 'helm/relax/files/crds/slackbots.yaml', content: crdYaml },
  { path: 'docs/crd.md', content: crdReference },
  { path: 'docs/configuration.md', content: configurationReference },
  { path: 'docs/events.md', content: eventReference },
];
