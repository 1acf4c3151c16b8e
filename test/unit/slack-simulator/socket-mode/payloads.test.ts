import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Installation } from '#slack-simulator/app.ts';
import { eventIDOf, type Frame } from '#slack-simulator/frames.ts';
import { draftOf, draftOfRaw, envelopeText } from '#slack-simulator/socket-mode/envelope.ts';
import { wrapEvent } from '#slack-simulator/socket-mode/event-payload.ts';
import {
  commandPayload,
  interactionPayload,
  interactiveKinds,
  takesAnswer,
} from '#slack-simulator/socket-mode/interaction-payload.ts';

const installation: Installation = {
  appID: 'A1',
  teamID: 'T1',
  teamName: 'Acme',
  botToken: 'xoxb-1',
  botUserID: 'U1BOT',
  botID: 'B1',
  enterpriseID: undefined,
  isEnterpriseInstall: false,
};
const scene = { installation, teamID: 'T1', ts: '1764115200.000100', origin: 'http://127.0.0.1:1' };
const wrap = (event: Frame, changes: Partial<Installation> = {}, outer: Frame = {}): Frame =>
  wrapEvent(event, { ...installation, ...changes }, { teamID: 'T1', nowMs: 1_764_115_200_500, outer });

describe('the wrapper of an event', () => {
  it('says whose it is, when it was and who may see it', () => {
    expect(wrap({ type: 'reaction_added' })).toEqual({
      token: expect.any(String),
      team_id: 'T1',
      enterprise_id: null,
      context_team_id: 'T1',
      context_enterprise_id: null,
      api_app_id: 'A1',
      event: { type: 'reaction_added' },
      type: 'event_callback',
      event_id: expect.stringMatching(/^Ev[0-9A-F]{16}$/),
      event_time: 1_764_115_200,
      authorizations: [
        { enterprise_id: null, team_id: 'T1', user_id: 'U1BOT', is_bot: true, is_enterprise_install: false },
      ],
      is_ext_shared_channel: false,
      event_context: expect.stringMatching(/^4-/),
    });
  });

  it('names the organisation, and no team in the authorization, where that installed the app', () => {
    expect(wrap({ type: 'x' }, { enterpriseID: 'E1', isEnterpriseInstall: true })).toMatchObject({
      team_id: 'T1',
      enterprise_id: 'E1',
      authorizations: [{ enterprise_id: 'E1', team_id: null, is_enterprise_install: true }],
    });
  });

  it('can be of another team than the sender’s, as in a shared channel', () => {
    const outer = { is_ext_shared_channel: true, context_team_id: 'T2' };
    expect(wrap({ type: 'message', user_team: 'T7' }, {}, outer)).toMatchObject(outer);
  });

  it.each([
    ['C1', 'channel'],
    ['G1', 'group'],
    ['D1', 'im'],
  ])('says of a message in %s that it is in a channel of type %s', (channel, type) => {
    expect(wrap({ type: 'message', channel })).toMatchObject({ event: { channel_type: type } });
  });

  it('names each event anew', () => {
    expect(new Set(Array.from({ length: 100 }, () => wrap({ type: 'x' }).event_id)).size).toBe(100);
  });
});

describe('a command and an interaction', () => {
  it('are named by what is in them', () => {
    const made = [...interactiveKinds.map((kind) => interactionPayload(kind, scene)), commandPayload(scene)];
    expect(made.map(({ payload }) => eventIDOf(payload))).toEqual(made.map(({ id }) => id));
    expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
  });

  it('say of which app, team and user they are', () => {
    expect(commandPayload(scene, { command: '/deploy', text: 'now', user: 'U7' }).payload).toMatchObject({
      command: '/deploy',
      text: 'now',
      api_app_id: 'A1',
      team_id: 'T1',
      user_id: 'U7',
    });
    for (const kind of interactiveKinds) {
      expect(interactionPayload(kind, scene, { user: 'U7' }).payload).toMatchObject({
        type: kind,
        api_app_id: 'A1',
        team: { id: 'T1' },
        user: { id: 'U7' },
      });
    }
  });

  it('take an answer where Slack says so', () => {
    expect(interactiveKinds.filter(takesAnswer)).toEqual(['view_submission', 'block_suggestion']);
  });
});

describe('an envelope', () => {
  it('is the payload, whatever it is, with an id and the retry of an event', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (payload) => {
        const text = envelopeText(draftOfRaw({ type: 'events_api', payload }), 'e1', { attempt: 1, reason: 'timeout' });
        expect(JSON.parse(text)).toEqual({
          envelope_id: 'e1',
          // JSON has no negative zero.
          payload: JSON.parse(JSON.stringify(payload)),
          type: 'events_api',
          accepts_response_payload: false,
          retry_attempt: 1,
          retry_reason: 'timeout',
        });
      }),
    );
  });

  it('of a slash command takes an answer and has no retry', () => {
    const text = envelopeText(draftOf('slash_commands', {}, true), 'e1', { attempt: 0, reason: '' });
    expect(JSON.parse(text)).toEqual({
      envelope_id: 'e1',
      payload: {},
      type: 'slash_commands',
      accepts_response_payload: true,
    });
  });

  it('keeps the fields that it is given', () => {
    const raw = { type: 'interactive', payload: {}, accepts_response_payload: true, envelope_id: 'mine', extra: 1 };
    const draft = draftOfRaw(raw);
    expect(draft.envelopeID).toBe('mine');
    expect(JSON.parse(envelopeText(draft, 'mine', { attempt: 0, reason: '' }))).toEqual(raw);
  });
});
