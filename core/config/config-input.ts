import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { redactTokens } from '../process/redact.ts';
import { nearestName } from './edit-distance.ts';
import type { Program, Setting } from './setting.ts';
import type { Machine } from './setting-kind.ts';
import { allSettings, settingsOf } from './settings.ts';

/** Where settings come from: the environment, and flags, which win. */
export interface ConfigInput {
  env: Readonly<Record<string, string | undefined>>;
  /** Flag name without dashes -> text; a switch that is on has the text "true". */
  flags?: Readonly<Record<string, string>>;
  machine?: Machine;
}

export const thisMachine = (): Machine => ({
  hostname: hostname(),
  cwd: process.cwd(),
  readFile: (path) => readFileSync(path, 'utf8'),
});

/** All mistakes of a configuration at once. The message is for people: one line for each, and no secrets. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly exitCode = 2;
  readonly mistakes: readonly string[];

  constructor(program: Program, mistakes: readonly string[]) {
    const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
    super(`relax ${program}: ${count} in the configuration\n${mistakes.map((line) => `  - ${line}`).join('\n')}`);
    this.mistakes = mistakes;
  }
}

export interface Values {
  /** The value of a setting that has a fallback or is required by this program. */
  get<T>(row: Setting<T>): T;
  /** The value of a setting that may be unset. */
  find<T>(row: Setting<T>): T | undefined;
  /** The texts that were given rather than defaulted, by variable name: a child process needs them to see the same values. */
  given: ReadonlyMap<string, string>;
}

interface SettingsRead {
  values: Values;
  mistakes: string[];
  warnings: string[];
}

export function readSettings(program: Program, input: ConfigInput): SettingsRead {
  const machine = input.machine ?? thisMachine();
  const found = new Map<Setting<unknown>, unknown>();
  const given = new Map<string, string>();
  const mistakes: string[] = [];
  const warnings = unknownNameWarnings(input.env);

  for (const row of settingsOf(program)) {
    const source = sourceOf(row, input, warnings);
    const text = source?.text ?? row.fallbackOf?.[program] ?? row.fallback;
    if (text === undefined) {
      if (row.requiredBy.includes(program)) mistakes.push(missing(row));
      continue;
    }
    const name = source?.name ?? labelOf(row);
    if (source !== undefined && row.env !== undefined) given.set(row.env, text);
    const verdict = row.kind.read(text, machine);
    if ('mistake' in verdict) mistakes.push(refused(row, name, text, verdict.mistake));
    else found.set(row, verdict.value);
    if ('warning' in verdict) warnings.push(`${name}: ${verdict.warning}`);
  }

  const find = <T>(row: Setting<T>): T | undefined => found.get(row) as T | undefined;
  const get = <T>(row: Setting<T>): T => {
    if (!found.has(row))
      throw new Error(`setting ${labelOf(row)} has no value for ${program}: fix core/config/settings.ts`);
    return found.get(row) as T;
  };
  return { values: { get, find, given }, mistakes, warnings };
}

interface Source {
  name: string;
  text: string;
}

/** An empty text counts as unset, because charts and the downward API fill in empty strings; but for a row that takes it. */
function sourceOf(row: Setting<unknown>, input: ConfigInput, warnings: string[]): Source | undefined {
  const flag = input.flags?.[row.flag]?.trim();
  const takesEmpty = row.takesEmpty === true;
  if (flag !== undefined && (flag !== '' || takesEmpty)) return { name: `--${row.flag}`, text: flag };
  const value = row.env === undefined ? undefined : input.env[row.env]?.trim();
  if (row.env === undefined || value === undefined || (value === '' && !takesEmpty)) return undefined;
  if (isServiceLink(row.env, value)) {
    warnings.push(`${row.env} is ignored: Kubernetes set it for a Service of that name (enableServiceLinks: false)`);
    return undefined;
  }
  return { name: row.env, text: value };
}

const labelOf = (row: Setting<unknown>): string => row.env ?? `--${row.flag}`;

function missing(row: Setting<unknown>): string {
  const flag = `--${row.flag} ${row.example}`;
  const how = row.env === undefined ? flag : `${row.env}=${row.example} (or ${flag})`;
  return `${labelOf(row)} is missing: expected ${row.kind.expects}. Set for example ${how}`;
}

function refused(row: Setting<unknown>, name: string, text: string, reason: string | undefined): string {
  const seen = row.kind.show === undefined ? text : row.kind.show(text);
  const value = seen === undefined ? '(value hidden, it may be a secret)' : JSON.stringify(shorten(redactTokens(seen)));
  const because = reason === undefined ? '' : ` is refused: ${reason}`;
  const remedy = row.later
    ? `Remove it`
    : `Set for example ${name.startsWith('--') ? `${name} ${row.example}` : `${name}=${row.example}`}`;
  return `${name} ${value}${because}: expected ${row.kind.expects}. ${remedy}`;
}

const shorten = (text: string): string => (text.length > 120 ? `${text.slice(0, 117)}...` : text);

/** Variables that the kubelet sets for each Service of the namespace (Kubernetes docs, "Accessing the Service"). */
const isServiceLink = (name: string, value: string): boolean =>
  /_SERVICE_(HOST|PORT(_.*)?)$/.test(name) ||
  /_PORT_\d+_(TCP|UDP|SCTP)(_.*)?$/.test(name) ||
  (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value));

/** Unknown names are not mistakes, since Kubernetes creates some; one that resembles a known name deserves a warning. */
function unknownNameWarnings(env: ConfigInput['env']): string[] {
  const known = allSettings.flatMap((row) => row.env ?? []);
  return Object.entries(env).flatMap(([name, value]) => {
    if (!name.startsWith('RELAX_') || value === undefined || known.includes(name) || isServiceLink(name, value))
      return [];
    const near = nearestName(name, known, 2);
    return near === undefined ? [] : [`${name} is not a setting of Relax: did you mean ${near}?`];
  });
}
