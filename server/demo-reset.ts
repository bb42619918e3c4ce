import { boot, fail } from './boot.ts';
import { resetDemo } from './demo.ts';

// `npm run demo:reset`: throws the demo network away and loads it anew; the server must not be running
async function reset(): Promise<void> {
  const ground = await boot();
  try {
    await resetDemo(ground);
    console.log('the demo network was loaded anew');
  } finally {
    await ground.stop();
  }
}

await reset().catch(fail);
