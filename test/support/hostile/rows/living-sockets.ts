import type { LifeRow } from '../life-row.ts';
import { CLOSING_ROWS } from './closing-rows.ts';
import { FRAME_ROWS } from './frame-rows.ts';
import { GREETING_ROWS } from './greeting-rows.ts';

/** Faults in the life of a socket, under the headings of the table. */
export const LIVING_SOCKETS: readonly { heading: string; rows: readonly LifeRow[] }[] = [
  { heading: 'The greeting', rows: GREETING_ROWS },
  { heading: 'Frames', rows: FRAME_ROWS },
  { heading: 'The end of a socket', rows: CLOSING_ROWS },
];
