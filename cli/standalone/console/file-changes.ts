import { counted } from '../../terminal/counted.ts';
import type { FileChange } from '../manifests/bots-directory.ts';

/** Up to this many files at once get a line each. */
const FEW = 10;

/** "read bots/acme.yaml: 1 SlackBot, 1 Secret". Pure. */
export function fileChangeLines(changes: readonly FileChange[]): string[] {
  if (changes.length <= FEW) return changes.map(lineOf);
  const sum = (of: (one: FileChange) => number): number => changes.reduce((total, one) => total + of(one), 0);
  const gone = changes.filter(({ kind }) => kind === 'gone').length;
  const read = contents({
    bots: sum(({ bots }) => bots),
    apps: sum(({ apps }) => apps),
    secrets: sum(({ secrets }) => secrets),
    problems: sum(({ problems }) => problems),
  });
  return [
    ...(changes.length > gone ? [`read ${counted(changes.length - gone, 'file')}: ${read}`] : []),
    ...(gone > 0 ? [`${counted(gone, 'file')} gone`] : []),
  ];
}

function lineOf(change: FileChange): string {
  const { path, kind } = change;
  switch (kind) {
    case 'read':
      return `read ${path}: ${contents(change)}`;
    case 'changed':
      return `read ${path} again: ${contents(change)}`;
    case 'gone':
      return `${path} was deleted: its objects are removed`;
    default:
      return kind satisfies never;
  }
}

const contents = ({ bots, apps, secrets, problems }: Omit<FileChange, 'path' | 'kind'>): string =>
  [
    ...(apps > 0 ? [counted(apps, 'SlackApp')] : []),
    counted(bots, 'SlackBot'),
    counted(secrets, 'Secret'),
    ...(problems > 0 ? [`${counted(problems, 'problem')}, listed below`] : []),
  ].join(', ');
