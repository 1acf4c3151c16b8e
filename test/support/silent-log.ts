import { createLog } from '#core/process/log.ts';

/** For a part whose log lines no test looks at. */
export const silentLog = createLog({ program: 'test', level: 'silent' });
