import { boot, fail } from './boot.ts';
import { auditLedger, type Invariant, invariants } from './ledger/reads.ts';

// `npm run audit`: proves the invariants of money and goods, also beside a running server; exit 1 when one is broken.
async function audit(): Promise<void> {
  const ground = await boot({ joinRunning: true });
  try {
    const breaches = await auditLedger(ground.db.pool);
    for (const [name, sentence] of Object.entries(invariants) as [Invariant, string][]) {
      const found = breaches.filter(({ invariant }) => invariant === name);
      console.log(`${found.length === 0 ? 'holds ' : 'BROKEN'}  ${sentence}`);
      for (const { networkId, subject, detail } of found) console.log(`        network ${networkId}: ${subject}: ${detail}`);
    }
    console.log(breaches.length === 0 ? 'clean' : `${breaches.length} breaches`);
    process.exitCode = breaches.length === 0 ? 0 : 1;
  } finally {
    await ground.stop();
  }
}

await audit().catch(fail);
