import { describe, expect, it } from 'vitest';
import type { RotationDecision } from '#operator/rotation/decide-rotation.ts';
import { rotationVerdict, SAID_AFTER_FAILURES } from '#operator/rotation/rotation-verdict.ts';

const decision = (more: Partial<RotationDecision> = {}): RotationDecision => ({
  standing: 'current',
  use: 'record',
  refreshAtMs: undefined,
  writeBack: false,
  isExpired: false,
  ...more,
});
const say = (more: Partial<Parameters<typeof rotationVerdict>[0]>) =>
  rotationVerdict({
    decision: decision(),
    follows: false,
    trouble: undefined,
    sealed: undefined,
    unwritten: undefined,
    writesBack: false,
    ...more,
  });
const refused = { kind: 'refused', failures: 1, message: 'Slack refused it (bad_client_secret). Remedy.' } as const;
const failing = { kind: 'failing', failures: SAID_AFTER_FAILURES, message: 'Slack answered HTTP 503.' } as const;

describe('what people are told of a rotating token', () => {
  it.each<[string, Parameters<typeof say>[0], RegExp]>([
    ['nothing while all is well', {}, /^$/],
    [
      'a refusal while the token is valid',
      { trouble: refused },
      /can't be refreshed before it expires.*bad_client_secret/,
    ],
    ['no single failure', { trouble: { ...failing, failures: 1 } }, /^$/],
    ['failures after a while', { trouble: failing }, /could not be refreshed so far.*503/],
    [
      'that only Redis has it',
      { decision: decision({ writeBack: true }) },
      /in Redis only.*RELAX_CREDENTIALS_WRITE_BACK; standalone mode never/,
    ],
    ['nothing while it is being written', { decision: decision({ writeBack: true }), writesBack: true }, /^$/],
    [
      'why it can not be written',
      { decision: decision({ writeBack: true }), writesBack: true, unwritten: 'it may not be patched' },
      /not in the Secret yet: it may not be patched/,
    ],
    ['that the Secret is of no use', { decision: decision({ standing: 'refused' }) }, /did not take the refresh token/],
    ['that another key is needed', { sealed: 'Give both the same key.' }, /same key/],
  ])('%s', (_, input, words) => {
    expect(say(input)).toEqual({ note: expect.stringMatching(words), fault: undefined });
  });

  it.each<[string, Parameters<typeof say>[0], string, RegExp]>([
    ['Slack refuses another', { trouble: refused }, 'RefreshRefused', /has expired.*bad_client_secret/],
    ['Slack can not be asked', { trouble: { ...failing, failures: 1 } }, 'RefreshDelayed', /as soon as possible.*503/],
    ['another cluster should refresh it', { follows: true }, 'TokenExpired', /Follow here.*Owner/],
    [
      'the newest can not be opened',
      { sealed: 'Give both the same key.', decision: decision({ use: 'secret', standing: 'spent', isExpired: true }) },
      'SealUnreadable',
      /same key/,
    ],
  ])('once it has expired: %s', (_, input, reason, words) => {
    const verdict = say({ decision: decision({ isExpired: true }), ...input });
    expect(verdict).toEqual({ note: '', fault: { reason, message: expect.stringMatching(words) } });
  });

  it('is not a fault while it is being refreshed', () => {
    expect(say({ decision: decision({ isExpired: true }) }).fault).toBeUndefined();
  });
});
