import { parentPort, workerData } from 'node:worker_threads';
import { type PlainLines, type SealingPlace, sealedArrays, sealLines } from './sealing.ts';

// A thread that seals lines of one upload, so that its process goes on serving: told by `openLineSealer`, answers in the order asked.
const place = workerData as SealingPlace;
parentPort?.on('message', (lines: PlainLines) => parentPort?.postMessage(sealedArrays(lines.ids, sealLines(place, lines))));
