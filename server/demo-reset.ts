import { readDemoArguments } from '#prisma/demo/reset.ts';
import { boot, fail } from './boot.ts';
import { replaceDemo } from './demo.ts';

// `npm run demo:reset [-- --stations 500 --skus 5000 --orders 100000]`: throws the demo network away and loads it anew, of any size;
// refuses beside a running server, in production, and where any other network is
async function reset(): Promise<void> {
  const size = readDemoArguments(process.argv.slice(2));
  const ground = await boot();
  try {
    const { outcomes } = await replaceDemo(ground, size);
    const counted = [...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', ');
    console.log(`the demo network was loaded anew; orders by outcome: ${counted}`);
  } finally {
    await ground.stop();
  }
}

await reset().catch(fail);
