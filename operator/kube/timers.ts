export { sleep, systemTimers, type Timers } from '../../core/timers.ts';
