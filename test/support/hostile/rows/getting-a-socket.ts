import type { Row } from '../row.ts';
import { API_BODY_ROWS } from './api-body-rows.ts';
import { DNS_ROWS } from './dns-rows.ts';
import { LASTING_ROWS } from './lasting-rows.ts';
import { PROXY_ROWS } from './proxy-rows.ts';
import { REFUSAL_ROWS } from './refusal-rows.ts';
import { RESET_ROWS } from './reset-rows.ts';
import { RETRY_AFTER_ROWS } from './retry-after-rows.ts';
import { SILENCE_ROWS } from './silence-rows.ts';
import { STATUS_ROWS } from './status-rows.ts';
import { TLS_ROWS } from './tls-rows.ts';
import { UPGRADE_ROWS } from './upgrade-rows.ts';
import { URL_ROWS } from './url-rows.ts';

/** Faults between the wish for a socket and its first minute, under the headings of the table. */
export const GETTING_A_SOCKET: readonly { heading: string; rows: readonly Row[] }[] = [
  { heading: 'Silence', rows: SILENCE_ROWS },
  { heading: 'Resets', rows: RESET_ROWS },
  { heading: 'HTTP statuses', rows: STATUS_ROWS },
  { heading: 'Retry-After', rows: RETRY_AFTER_ROWS },
  { heading: "The API's answers", rows: API_BODY_ROWS },
  { heading: 'Refusals', rows: REFUSAL_ROWS },
  { heading: 'The answer to the upgrade', rows: UPGRADE_ROWS },
  { heading: 'The URL of the websocket', rows: URL_ROWS },
  { heading: 'TLS', rows: TLS_ROWS },
  { heading: 'DNS', rows: DNS_ROWS },
  { heading: 'Proxies', rows: PROXY_ROWS },
  { heading: 'Faults that last', rows: LASTING_ROWS },
];
