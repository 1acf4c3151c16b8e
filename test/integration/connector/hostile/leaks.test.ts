import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { localCertificate } from '#slack-simulator/certificate.ts';
import { ReconnectSlack, type TransportName } from './reconnect-slack.ts';
import type { Leaks } from './reconnect-subject.ts';

const SUBJECT = join(import.meta.dirname, 'reconnect-subject.ts');

async function run(kind: TransportName, slots: number, reconnects: number) {
  const certificate = await localCertificate();
  const slack = await ReconnectSlack.start(certificate, reconnects);
  try {
    const args = [
      '--expose-gc',
      SUBJECT,
      slack.url,
      kind,
      `${slots}`,
      `${Math.ceil(reconnects / 10)}`,
      `${reconnects}`,
    ];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate.caFile },
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    console.log(kind, slots, out, Object.fromEntries(slack.ends), slack.open);
    expect(code).toBe(0);
    return { leaks: JSON.parse(out) as Leaks, slack: { open: slack.open, ends: slack.ends } };
  } finally {
    await slack.stop();
  }
}

it.concurrent.each([
  ['rtm', 1, 1_000],
  ['socketMode', 1, 1_000],
  ['rtm', 50, 20],
  ['socketMode', 50, 20],
] as const)(
  '%s, %i slots, %i reconnects',
  async (kind, slots, reconnects) => {
    const { leaks } = await run(kind, slots, reconnects);
    expect(leaks.unhandled).toEqual([]);
  },
  60_000,
);
