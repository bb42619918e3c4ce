import { expect, test } from 'vitest';
import { SETTINGS } from '#server/platform/config.ts';

const INTRODUCTION = `# Settings

Every setting is an environment variable. All of them are read once, when the program starts; what is wrong is refused with the
variable's name before anything else happens. A variable that is set to nothing counts as not set. Nothing has to be set to try
Fenzhan out.

| variable | meaning | when it is not set |
|---|---|---|
`;

const CLOSE = `
The embedded PostgreSQL keeps its data in \`DATA_DIR/postgres\` and listens on 127.0.0.1 only, on a free port, with a password of its
own. It runs on Linux on x64 and arm64; elsewhere set \`DATABASE_URL\` and bring Node 24 or newer. It refuses to run as root: when you
are root, it runs as the machine's user \`postgres\`, else as \`nobody\`; where that user cannot enter your folder (below \`/root\`), its
data lie in \`/var/lib/fenzhan\` and \`DATA_DIR/postgres\` points there.

Keep \`VAULT_KEY\` (or \`DATA_DIR/vault-key\`) as safe as the database, and apart from it: without it nobody can read the card keys again.
To change it, put the new key in front (\`v2:…,v1:…\`) and keep the old one listed.
`;

test('docs/settings.md shows exactly the settings there are (accept a change with vitest --update)', async () => {
  const rows = Object.entries(SETTINGS).map(([name, { meaning, otherwise }]) => `| \`${name}\` | ${meaning} | ${otherwise} |`);
  await expect(`${INTRODUCTION}${rows.join('\n')}\n${CLOSE}`).toMatchFileSnapshot('../../docs/settings.md');
});
