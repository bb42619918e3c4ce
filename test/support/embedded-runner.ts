import { startEmbeddedPostgres } from '#server/platform/embedded-postgres.ts';

// Stands in for the server in tests of its PostgreSQL: starts it on the folder it is told, prints where, and stops it at a signal.
try {
  const embedded = await startEmbeddedPostgres(process.argv[2] ?? '');
  const stop = () => void embedded.stop().then(() => process.exit(0));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  // last: whoever reads it may send a signal at once
  process.stdout.write(`${JSON.stringify({ url: embedded.url, postgresPid: embedded.pid })}\n`);
  // the connection of a signal handler does not keep a process alive
  setInterval(() => undefined, 1000);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
