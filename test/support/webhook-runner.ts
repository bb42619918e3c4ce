import { createWebhookSender } from '#server/flows/send-webhooks.ts';
import { openDatabase } from '#server/platform/database.ts';
import { createLog } from '#server/platform/log.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { testVault } from './world.ts';

// A sender in a process of its own, to be killed while it waits for an answer.
const db = openDatabase({ url: process.argv[2] ?? '' });
const sender = createWebhookSender({
  db,
  vault: testVault,
  outgoing: createOutgoing({ allowedHosts: ['127.0.0.1'] }),
  log: createLog('error'),
  logDays: 14,
});
await sender.sendDue();
