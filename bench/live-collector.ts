import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Imported into a server whose memory is measured: collects what is garbage when it is asked to.

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
process.on('SIGUSR2', () => collect());
