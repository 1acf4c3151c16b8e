// Preloaded by a program under test (preload.ts): its wall clock is off by the number of ms in the file JUMPING_CLOCK
// names, which may change at any moment. Timers go on as ever, as they do when somebody sets a machine's clock.
import { readFileSync } from 'node:fs';

const RealDate = Date;
let offMs = 0;
const read = () => {
  offMs = Number(readFileSync(process.env.JUMPING_CLOCK, 'utf8')) || 0;
};
read();
setInterval(read, 20).unref();

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + offMs);
    else super(...args);
  }
  static now() {
    return RealDate.now() + offMs;
  }
};
