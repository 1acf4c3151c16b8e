import { CONNECTOR_FLAGS, RUNTIMES, type RuntimeName } from '../../../core/process/runtime.ts';

/** How this program is installed: what a connector is started from. */
export type Form =
  /** A clone: the sources run as they are, on either runtime. */
  | { kind: 'sources'; root: string }
  /** A package or an image: `npm run build` made a bundle for each runtime. */
  | { kind: 'bundles'; root: string }
  /** One file that is Bun and the program; it can't run on Node. */
  | { kind: 'executable'; file: string };

export interface Whereabouts {
  form: Form;
  /** The files of the runtimes that are there and new enough. */
  found: Partial<Record<RuntimeName, string>>;
  /** This process's own runtime, and the options that it was started with, such as --inspect: of use to its like alone. */
  own: { runtime: RuntimeName; options: readonly string[] };
}

/** To be followed by a program's name, such as `connector`. */
export interface ConnectorCommand {
  runtime: RuntimeName;
  file: string;
  args: readonly string[];
  /** For the log. */
  warning?: string;
}

const REMEDY: Record<RuntimeName, string> = {
  bun: 'run "npm ci" (without --omit=optional), or install Bun 1.4 or later and put it on the PATH',
  node: 'run "npm ci" (without --ignore-scripts), or install Node 24 or later and put it on the PATH',
};

/**
 * What a connector is started by.
 * @param wanted RELAX_CONNECTOR_RUNTIME; undefined: Bun, or Node where there is no Bun
 * @returns a mistake, with its remedy, if what is wanted is not there
 */
export function connectorCommand(
  wanted: RuntimeName | undefined,
  { form, found, own }: Whereabouts,
): ConnectorCommand | { mistake: string } {
  if (form.kind === 'executable') {
    if (wanted === 'node') {
      return {
        mistake:
          'RELAX_CONNECTOR_RUNTIME=node: this executable is Bun itself. Run Relax from its package or a clone instead',
      };
    }
    return { runtime: 'bun', file: form.file, args: [] };
  }
  const { root } = form;
  const on = (runtime: RuntimeName, file: string): ConnectorCommand => ({
    runtime,
    file,
    args: [
      ...CONNECTOR_FLAGS[runtime],
      ...(runtime === own.runtime ? own.options : []),
      form.kind === 'sources' ? `${root}/cli/main.ts` : `${root}/dist/${runtime}/main.js`,
    ],
  });
  const runtime = (wanted === undefined ? RUNTIMES : [wanted]).find((name) => found[name] !== undefined);
  const file = runtime === undefined ? undefined : found[runtime];
  if (runtime === undefined || file === undefined) {
    const name = wanted ?? 'bun';
    return { mistake: `RELAX_CONNECTOR_RUNTIME=${name}: no such runtime is here: ${REMEDY[name]}` };
  }
  if (wanted !== undefined || runtime === 'bun') return on(runtime, file);
  const warning = `no Bun is here, so connectors run on Node, which takes more memory and CPU: ${REMEDY.bun}. RELAX_CONNECTOR_RUNTIME=node accepts it`;
  return { ...on(runtime, file), warning };
}
