import { PROGRAMS, type Program, type Setting } from './setting.ts';
import { allSettings } from './settings.ts';

/** docs/configuration.md, generated from the table by `npm run generate`. */
export function configurationReference(): string {
  const now = allSettings.filter((row) => row.later !== true);
  const environment = now.filter((row) => row.env !== undefined);
  const flagsOnly = now.filter((row) => row.env === undefined);
  const later = allSettings.filter((row) => row.later === true);
  return `${[
    '# Configuration',
    '',
    '<!-- Generated from core/config/settings.ts by `npm run generate`. Edit that table, not this page. -->',
    '',
    'Every setting is an environment variable with a corresponding command line flag; the flag takes precedence. An empty',
    'variable counts as unset. A program reads its settings once, at start, and reports all mistakes together with exit code 2.',
    'Unknown variables that start with `RELAX_` are ignored (Kubernetes creates some for Services); one that is close to a',
    'known name is logged as a warning. The operator also honors `KUBECONFIG` and, for its Lease, `POD_NAMESPACE`.',
    '`NODE_EXTRA_CA_CERTS` adds certificate authorities for Slack or its stand-in.',
    '',
    ...environment.flatMap(section),
    '## Flags without a variable',
    '',
    ...flagsOnly.flatMap(section),
    '## Not in this version yet',
    '',
    'Setting one of these to anything but its present value is reported as a configuration mistake, never silently ignored.',
    '',
    '| variable | present value | later |',
    '|---|---|---|',
    ...later.map((row) => `| \`${row.env}\` | ${row.fallback === '' ? 'empty' : `\`${row.fallback}\``} | ${row.doc} |`),
  ].join('\n')}\n`;
}

function section(row: Setting<unknown>): string[] {
  const flag = `--${row.flag}${row.argument === undefined ? '' : ` <${row.argument}>`}`;
  const short = row.short === undefined ? '' : `\`-${row.short}\`, `;
  const title = row.env === undefined ? `### \`--${row.flag}\`` : `### \`${row.env}\``;
  return [
    title,
    '',
    row.doc,
    '',
    `- flag: ${short}\`${flag}\``,
    `- programs: ${row.programs.join(', ')}`,
    `- expected: ${row.kind.expects}${row.argument === undefined ? '; the flag itself takes no value' : ''}`,
    `- ${defaultLine(row)}`,
    `- example: \`${exampleOf(row)}\``,
    '',
  ];
}

function exampleOf({ env, flag, argument, example }: Setting<unknown>): string {
  if (env !== undefined) return `${env}=${example}`;
  return argument === undefined ? `--${flag}` : `--${flag} ${example}`;
}

function defaultLine(row: Setting<unknown>): string {
  if (row.fallback !== undefined) {
    const others = PROGRAMS.flatMap((program: Program) => {
      const text = row.fallbackOf?.[program];
      return text === undefined ? [] : [`${program}: \`${text}\``];
    });
    return `default: \`${row.fallback}\`${others.length === 0 ? '' : ` (${others.join(', ')})`}`;
  }
  const required =
    row.requiredBy.length === row.programs.length ? 'required' : `required by ${row.requiredBy.join(', ')}`;
  if (row.requiredBy.length === 0) return `default: ${row.unset}`;
  return row.unset === undefined ? required : `${required}; unset: ${row.unset}`;
}
