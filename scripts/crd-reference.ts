import { API_VERSION } from '../core/api/api-group.ts';
import { SPEC_RULES } from '../core/api/slackbot-rules.ts';
import { CRD_DESCRIPTION, CRD_NAME, PRINTER_COLUMNS, type Schema, specSchema, statusSchema } from './crd.ts';

/** docs/crd.md, made from the same definition as the CRD. Pure. */

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

export const specFields = fields(specSchema, 'spec');
export const statusFields = fields(statusSchema, 'status');

const specTable = table(
  ['Field', 'Type', 'Bounds', 'Default', 'Meaning'],
  specFields.map(({ path, schema, required }) => [
    code(path) + (required ? ' (required)' : ''),
    typeName(schema),
    bounds(schema),
    defaultOf(schema),
    cell(schema.description ?? ''),
  ]),
);

const statusTable = table(
  ['Field', 'Type', 'Meaning'],
  statusFields.map(({ path, schema }) => [code(path), typeName(schema), cell(schema.description ?? '')]),
);

const ruleTable = table(
  ['Rule', 'Message', 'CEL over `spec`'],
  SPEC_RULES.map(({ name, message, cel }) => [cell(name), cell(message), code(cel)]),
);

const columnTable = table(
  ['Column', 'From', 'Meaning'],
  PRINTER_COLUMNS.map(({ name, jsonPath, description, priority }) => [
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
  ['CredentialsValid', 'The token is there, looks like a Slack token, and Slack accepts it for this team.'],
];

const conditionTable = table(
  ['Condition', 'True means'],
  CONDITIONS.map(([type, meaning]) => [code(type), cell(meaning)]),
);

export const crdReference = (): string => `<!-- Made by \`npm run generate\` from core/api/slackbot.ts. Do not edit. -->
# SlackBot

${CRD_DESCRIPTION} Resource \`${CRD_NAME}\`, \`${API_VERSION}\`, namespaced, short name \`sb\`, category \`relax\`.
The same manifests are read by \`kubectl apply\` and by \`relax standalone --bots DIR\`; both validate them as described here.
\`kubectl explain slackbot.spec\` prints the same text. \`kubectl get sb --field-selector spec.teamID=T024BE7LH\` finds
the bots of a team.

## spec

${specTable}

Unknown fields are refused by \`kubectl\` and by standalone mode.

## Rules over several fields

${ruleTable}

Problems that these rules can't detect are reported as conditions: a missing Secret or key, the same bot twice, a token of
another team or of the wrong kind.

## status

${statusTable}

## Conditions

${conditionTable}

Each has a reason (one word) and a message that names the remedy. \`lastTransitionTime\` changes only when the
condition's status changes; nothing in the status is a heartbeat.

## kubectl get slackbots

${columnTable}
`;
