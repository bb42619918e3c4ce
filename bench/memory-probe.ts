import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Imported into a server whose memory is measured: when it is asked to (SIGUSR2), it collects what is garbage and says what is left.

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
process.on('SIGUSR2', () => {
  collect();
  process.stderr.write(`memory ${JSON.stringify(process.memoryUsage())}\n`);
});
