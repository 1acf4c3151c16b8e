import { describe, expect, it } from 'vitest';
import { slackBotKind } from '#operator/kinds/slackbot/slackbot-kind.ts';
import {
  claimingOperations,
  claimStateOf,
  foreignClaimText,
  mayRelease,
  releasingOperations,
} from '#operator/reconcile/claim.ts';

const SELF = { operator: 'relax/relax-operator', cluster: 'eu' };
const claim = (operator: string, cluster?: string) => ({
  annotations: { 'relax.dev/operator': operator, ...(cluster === undefined ? {} : { 'relax.dev/cluster': cluster }) },
});
const OTHER = 'other/relax-operator';

describe('a SlackBot', () => {
  it.each([
    ['without annotations', {}, 'free'],
    ['with annotations of other kinds', { annotations: { note: 'x' } }, 'free'],
    ['with an empty claim', claim('', 'eu'), 'free'],
    ['with our claim', claim(SELF.operator, 'eu'), 'ours'],
    ['with our claim in a cluster scope that we had before', claim(SELF.operator, 'us'), 'free'],
    ['with our claim and no scope', claim(SELF.operator), 'free'],
    ['claimed by another operator of our fleet', claim(OTHER, 'eu'), 'ours'],
    ['claimed by an operator of another fleet', claim(OTHER, 'us'), 'theirs'],
    ['claimed by another operator, of what fleet is not said', claim(OTHER), 'theirs'],
  ] as const)('%s is %s', (_, metadata, kind) => {
    expect(claimStateOf(metadata, SELF).kind).toBe(kind);
  });

  it.each([
    [
      'without annotations',
      {},
      [
        {
          op: 'add',
          path: '/metadata/annotations',
          value: { 'relax.dev/operator': SELF.operator, 'relax.dev/cluster': 'eu' },
        },
      ],
    ],
    [
      'with others',
      { annotations: { note: 'x' } },
      [
        { op: 'add', path: '/metadata/annotations/relax.dev~1operator', value: SELF.operator },
        { op: 'add', path: '/metadata/annotations/relax.dev~1cluster', value: 'eu' },
      ],
    ],
    ['that is ours already', claim(SELF.operator, 'eu'), []],
    ['that is theirs', claim(OTHER, 'us'), []],
  ])('%s is claimed by adding no more than is missing', (_, metadata, operations) => {
    expect(claimingOperations(metadata, SELF)).toEqual(operations);
  });

  it.each([
    ['our claim', claim(SELF.operator, 'eu'), true],
    ['our claim of an earlier scope', claim(SELF.operator, 'us'), true],
    ['no claim, as an earlier version left it', {}, true],
    ["another operator's", claim(OTHER, 'us'), false],
    ["another's of our own fleet", claim(OTHER, 'eu'), false],
  ])('with %s may be released by us: %s', (_, metadata, may) => {
    expect(mayRelease(metadata, SELF.operator)).toBe(may);
  });

  it('is released by taking off what is there', () => {
    expect(releasingOperations({})).toEqual([]);
    expect(releasingOperations(claim(SELF.operator))).toEqual([
      { op: 'remove', path: '/metadata/annotations/relax.dev~1operator' },
    ]);
    expect(releasingOperations(claim(SELF.operator, 'eu'))).toHaveLength(2);
  });

  it('of another operator comes with the command that frees it', () => {
    expect(foreignClaimText(slackBotKind, { namespace: 'bots', name: 'acme' }, OTHER)).toContain(
      'kubectl -n bots annotate slackbot acme relax.dev/operator-',
    );
  });
});
