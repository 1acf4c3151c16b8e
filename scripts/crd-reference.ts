import { API_VERSION } from '../core/api/api-group.ts';
import { crdName, KIND_DEFINITIONS, type KindDefinition, type Schema } from './crd.ts';

/** docs/crd.md, made from the same definitions as the CRDs. Pure. */

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const code = (text: string): string => `\`${cell(text)}\``;
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

function typeName({ type, items, enum: values }: Schema): string {
  if (values !== undefined) return values.map(code).join(', ');
  return type === 'array' ? `list of ${items?.type ?? 'object'}` : (type ?? 'object');
}

function bounds(schema: Schema): string {
  const { minimum, maximum, minLength, maxLength, maxItems, pattern, format, items } = schema;
  return [
    minimum !== undefined && maximum !== undefined && `${minimum} to ${maximum}`,
    maxItems !== undefined && `at most ${maxItems} items`,
    maxLength !== undefined &&
      (minLength === undefined ? `at most ${maxLength} chars` : `${minLength} to ${maxLength} chars`),
    pattern !== undefined && code(pattern),
    format === 'date-time' && 'RFC 3339',
    items?.type === 'string' && `each: ${bounds(items)}`,
  ]
    .filter((part) => typeof part === 'string')
    .join('; ');
}

function defaultOf({ default: inSchema, codeDefault }: Schema): string {
  const value = inSchema ?? codeDefault;
  return value === undefined ? '' : code(String(value));
}

interface Field {
  path: string;
  schema: Schema;
  required: boolean;
}

/** Every field below `path`, parents first. */
function fields(schema: Schema, path: string): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const at = `${path}.${name}`;
    const below = property.items?.type === 'object' ? fields(property.items, `${at}[]`) : fields(property, at);
    return [{ path: at, schema: property, required: schema.required?.includes(name) ?? false }, ...below];
  });
}

export const specFieldsOf = ({ spec }: KindDefinition): Field[] => fields(spec, 'spec');
export const statusFieldsOf = ({ status }: KindDefinition): Field[] => fields(status, 'status');

const specTable = (kind: KindDefinition): string =>
  table(
    ['Field', 'Type', 'Bounds', 'Default', 'Meaning'],
    specFieldsOf(kind).map(({ path, schema, required }) => [
      code(path) + (required ? ' (required)' : ''),
      typeName(schema),
      bounds(schema),
      defaultOf(schema),
      cell(schema.description ?? ''),
    ]),
  );

const statusTable = (kind: KindDefinition): string =>
  table(
    ['Field', 'Type', 'Meaning'],
    statusFieldsOf(kind).map(({ path, schema }) => [code(path), typeName(schema), cell(schema.description ?? '')]),
  );

const ruleTable = ({ rules }: KindDefinition): string =>
  table(
    ['Rule', 'Message', 'CEL over `spec`'],
    rules.map(({ name, message, cel }) => [cell(name), cell(message), code(cel)]),
  );

const columnTable = ({ columns }: KindDefinition): string =>
  table(
    ['Column', 'From', 'Meaning'],
    columns.map(({ name, jsonPath, description, priority }) => [
      name + (priority === 1 ? ' (`-o wide`)' : ''),
      code(jsonPath),
      cell(description),
    ]),
  );

const CONDITIONS: readonly [type: string, meaning: string][] = [
  [
    'Ready',
    'The summary: credentials valid and at least one live socket. False with reason Suspended while suspended.',
  ],
  ['Redundant', 'All replicas live, in two zones or more if the fleet has them (one zone: True, reason SingleZone).'],
  ['Assigned', 'Every wanted socket has a connector pod.'],
  ['Connected', 'At least one socket is live.'],
  ['CredentialsValid', 'The token is there, looks like a Slack token, and Slack accepts it for this team or app.'],
];

const conditionTable = table(
  ['Condition', 'True means'],
  CONDITIONS.map(([type, meaning]) => [code(type), cell(meaning)]),
);

const SCALE_NOTE = `
The definition has the scale subresource: \`kubectl scale slackapp/NAME --replicas=3\` changes the number of sockets.
`;

const section = (kind: KindDefinition): string => `## ${kind.kind}

${kind.description} Resource \`${crdName(kind)}\`, \`${API_VERSION}\`, namespaced, short name \`${kind.shortName}\`, category
\`relax\`. Defined in \`${kind.source}\`; \`kubectl explain ${kind.singular}.spec\` prints the same text.
\`kubectl get ${kind.shortName} --field-selector ${kind.selectableField.slice(1)}=ID\` finds objects by Slack's id.
${kind.scale ? SCALE_NOTE : ''}
### ${kind.kind}: spec

${specTable(kind)}

### ${kind.kind}: rules over several fields

${ruleTable(kind)}

### ${kind.kind}: status

${statusTable(kind)}

### kubectl get ${kind.plural}

${columnTable(kind)}
`;

export const crdReference = (): string => `<!-- Made by \`npm run generate\` from core/api. Do not edit. -->
# SlackBot and SlackApp

Both kinds are read by \`kubectl apply\` and, from the same manifests, by \`relax standalone --bots DIR\`; both validate them as
described here, and both refuse unknown fields. \`kubectl get relax\` lists the objects of all kinds.
[Concepts](concepts.md) says which kind is for what.

${KIND_DEFINITIONS.map(section).join('\n')}
## Conditions

${conditionTable}

Each has a reason (one word) and a message that names the remedy. \`lastTransitionTime\` changes only when the
condition's status changes; nothing in the status is a heartbeat. The conditions of a SlackBot with transport \`App\` are about
the sockets of its SlackApp.

Problems that the rules above can't detect are reported as conditions: a missing Secret or key, the same bot twice, a token of
another team or app or of the wrong kind, a SlackApp that does not exist or does not allow the namespace.
`;
