import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { waitFor } from '#test/support/wait.ts';
import { ConnectorFleet } from './connector-fleet.ts';

const TEAMS = 5;
let fleet: ConnectorFleet;
beforeEach(async () => {
  fleet = await ConnectorFleet.start(TEAMS, { pingEveryMs: 40 });
});
afterEach(() => fleet.stop());

it('a process that was stopped while Slack pinged a hundred times keeps its sockets', async () => {
  const program = fleet.program('a');
  await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
  await fleet.untilReported('a', 1, TEAMS);
  const before = fleet.liveSockets();
  program.signal('SIGSTOP');
  await sleep(6_000);
  program.signal('SIGCONT');
  fleet.slack.startBurst({ events: 200, perSecond: 100 });
  await waitFor(() => fleet.slack.events().length === 200);
  expect(await fleet.expectOnce()).toEqual({ sent: 200, lost: 0, duplicated: 0 });
  expect(fleet.liveSockets()).toEqual(before);
});
