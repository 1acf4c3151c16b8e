import { counted } from './fleet-block.ts';

/** A file of the bots directory that was read, or that is gone. */
export interface FileNews {
  /** As a person types it from where standalone was started. */
  path: string;
  kind: 'read' | 'changed' | 'gone';
  bots: number;
  secrets: number;
  problems: number;
}

/** As many files at once are worth a line each. */
const FEW = 10;

/** "read bots/acme.yaml: 1 SlackBot, 1 Secret". Pure. */
export function newsLines(news: readonly FileNews[]): string[] {
  if (news.length <= FEW) return news.map(lineOf);
  const sum = (of: (one: FileNews) => number): number => news.reduce((total, one) => total + of(one), 0);
  const gone = news.filter(({ kind }) => kind === 'gone').length;
  const read = contents(
    sum(({ bots }) => bots),
    sum(({ secrets }) => secrets),
    sum(({ problems }) => problems),
  );
  return [
    ...(news.length > gone ? [`read ${counted(news.length - gone, 'file')}: ${read}`] : []),
    ...(gone > 0 ? [`${counted(gone, 'file')} gone`] : []),
  ];
}

function lineOf({ path, kind, bots, secrets, problems }: FileNews): string {
  switch (kind) {
    case 'read':
      return `read ${path}: ${contents(bots, secrets, problems)}`;
    case 'changed':
      return `read ${path} again: ${contents(bots, secrets, problems)}`;
    case 'gone':
      return `${path} is gone: what it gave is taken away`;
    default:
      return kind satisfies never;
  }
}

const contents = (bots: number, secrets: number, problems: number): string =>
  [
    counted(bots, 'SlackBot'),
    counted(secrets, 'Secret'),
    ...(problems > 0 ? [`${counted(problems, 'problem')}, told below`] : []),
  ].join(', ');
