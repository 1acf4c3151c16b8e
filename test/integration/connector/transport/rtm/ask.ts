import { rtmConnect } from '#connector/transport/rtm/rtm-connect.ts';
import { useEgressProxy } from '#core/slack/egress-proxy.ts';
import { createWebApi } from '#core/slack/web-api.ts';

/** `ask.ts API_URL TOKEN`: calls rtm.connect by what this process trusts and prints the answer as one line of JSON. */
const [, , apiUrl = '', token = ''] = process.argv;
useEgressProxy(process.env);
const answer = await rtmConnect(createWebApi({ apiUrl }))(token, new AbortController().signal);
process.stdout.write(`${JSON.stringify(answer)}\n`);
