import type { SlotStatus } from '#connector/slot/slot-status.ts';
import type { SubjectKind } from './subject-names.ts';

/** What a subject and the process of the test tell each other, as JSON over the channel of a child process. */

export interface SlotOrder {
  id: number;
  kind: SubjectKind;
  token: string;
  apiUrl: string;
}

export type ToSubject =
  | { do: 'open'; slots: readonly SlotOrder[] }
  | { do: 'stop'; id: number }
  /** Everything has been stopped: count what is left, and end. */
  | { do: 'end' };

export type FromSubject =
  | { what: 'ready' }
  | { what: 'status'; id: number; status: SlotStatus }
  /** `timers` that the slot has not cancelled. */
  | { what: 'stopped'; id: number; timers: number }
  /** An event or another thing that was read from a socket. `text`: of an event. */
  | { what: 'offered'; id: number; kind: string; text: string | undefined }
  | { what: 'log'; line: string }
  /** The process did not get to run for so long. */
  | { what: 'late'; ms: number }
  /** A rejection that nobody handled, or an exception that nobody caught. */
  | { what: 'defect'; text: string }
  /** By kind, as Node names what keeps its event loop alive; beyond what was there at first. */
  | { what: 'left'; resources: Readonly<Record<string, number>> };
