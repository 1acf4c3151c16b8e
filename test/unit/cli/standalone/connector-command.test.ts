import { describe, expect, it } from 'vitest';
import { connectorCommand, type Whereabouts } from '#cli/standalone/connectors/connector-command.ts';
import { isAtLeast } from '#cli/standalone/connectors/find-runtimes.ts';
import { CONNECTOR_FLAGS } from '#core/process/runtime.ts';

const BOTH = { bun: '/b/bun', node: '/n/node' };
const CLONE: Whereabouts = {
  form: { kind: 'sources', root: '/relax' },
  found: BOTH,
  own: { runtime: 'node', options: ['--inspect'] },
};
const PACKAGE: Whereabouts = { ...CLONE, form: { kind: 'bundles', root: '/relax' } };
const EXECUTABLE: Whereabouts = {
  form: { kind: 'executable', file: '/usr/bin/relax' },
  found: {},
  own: { runtime: 'bun', options: [] },
};

describe('a connector of relax standalone', () => {
  it.each([undefined, 'bun'] as const)('runs on Bun when %s is wanted and Bun is there', (wanted) => {
    const bun = { runtime: 'bun', file: '/b/bun' };
    expect(connectorCommand(wanted, CLONE)).toEqual({ ...bun, args: [...CONNECTOR_FLAGS.bun, '/relax/cli/main.ts'] });
    expect(connectorCommand(wanted, PACKAGE)).toEqual({
      ...bun,
      args: [...CONNECTOR_FLAGS.bun, '/relax/dist/bun/main.js'],
    });
  });

  it('runs on Node when that is wanted, with the options of a parent on Node', () => {
    const node = { runtime: 'node', file: '/n/node' };
    const options = [...CONNECTOR_FLAGS.node, '--inspect'];
    expect(connectorCommand('node', CLONE)).toEqual({ ...node, args: [...options, '/relax/cli/main.ts'] });
    expect(connectorCommand('node', PACKAGE)).toEqual({ ...node, args: [...options, '/relax/dist/node/main.js'] });
    const parentOnBun: Whereabouts = { ...CLONE, own: { runtime: 'bun', options: ['--smol'] } };
    expect(connectorCommand('node', parentOnBun)).toEqual({
      ...node,
      args: [...CONNECTOR_FLAGS.node, '/relax/cli/main.ts'],
    });
  });

  it('runs on Node with a warning that names the remedy where no Bun is and none was asked for', () => {
    expect(connectorCommand(undefined, { ...CLONE, found: { node: '/n/node' } })).toMatchObject({
      runtime: 'node',
      file: '/n/node',
      warning: expect.stringMatching(/no Bun.*npm ci.*RELAX_CONNECTOR_RUNTIME=node/),
    });
  });

  it.each([
    ['bun', { node: '/n/node' }, /RELAX_CONNECTOR_RUNTIME=bun.*npm ci.*PATH/],
    ['node', { bun: '/b/bun' }, /RELAX_CONNECTOR_RUNTIME=node.*npm ci.*PATH/],
  ] as const)('does not start when %s is asked for and is not there', (wanted, found, mistake) => {
    expect(connectorCommand(wanted, { ...CLONE, found })).toEqual({ mistake: expect.stringMatching(mistake) });
  });

  it('is the same single executable, which holds no Node', () => {
    expect(connectorCommand(undefined, EXECUTABLE)).toEqual({ runtime: 'bun', file: '/usr/bin/relax', args: [] });
    expect(connectorCommand('bun', EXECUTABLE)).toEqual({ runtime: 'bun', file: '/usr/bin/relax', args: [] });
    expect(connectorCommand('node', EXECUTABLE)).toEqual({
      mistake: expect.stringContaining('RELAX_CONNECTOR_RUNTIME=node'),
    });
  });
});

it.each([
  ['1.4.5', '1.4.0', true],
  ['1.4.0', '1.4.0', true],
  ['1.10.0', '1.4.0', true],
  ['1.3.14', '1.4.0', false],
  ['24.21.0', '24.0.0', true],
  ['22.1.0', '24.0.0', false],
  ['1.4.0-canary.1', '1.4.0', true],
  ['', '1.4.0', false],
])('version %j is at least %s: %s', (version, oldest, is) => {
  expect(isAtLeast(version, oldest)).toBe(is);
});
