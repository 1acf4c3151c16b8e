import { printable } from './columns.ts';

/** Fields that every line has, and that a person reads elsewhere. */
const QUIET = new Set(['level', 'time', 'program', 'pod', 'msg', 'pid', 'hostname']);
const LOUD = new Set(['warn', 'error', 'fatal']);

/** A JSON line of a log for a person at a terminal: "12:00:01 WARN connector-0: socket lost team=T1". */
export function forPeople(json: string): { text: string; loud: boolean } {
  const fields = parse(json);
  if (fields === undefined) return { text: printable(json.trimEnd()), loud: true };
  const level = String(fields.level ?? 'info');
  const time = String(fields.time ?? '').slice(11, 19);
  const rest = Object.entries(fields)
    .filter(([name, value]) => !QUIET.has(name) && value !== '')
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const who = String(fields.pod ?? fields.program ?? '');
  const text = [time, level.toUpperCase(), `${who}:`, String(fields.msg ?? ''), ...rest].join(' ');
  return { text: printable(text), loud: LOUD.has(level) };
}

function parse(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
