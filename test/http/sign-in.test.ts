import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPerson } from '#server/accounts/commands.ts';
import { inTransaction } from '#server/platform/database.ts';
import { hashPassword } from '#server/platform/password.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { CSRF, cookieOf, PASSWORD, startTestServer, type TestServer } from './test-server.ts';

let database: FreshDatabase;
let server: TestServer;
beforeAll(async () => {
  database = await freshDatabase();
  server = await startTestServer(database.db);
});
beforeEach(async () => {
  await database.sql('DELETE FROM sign_in_rate');
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

let people = 0;
/** A person with the password of the tests; answers her e-mail. */
async function newPerson(password: string | null = PASSWORD): Promise<string> {
  people += 1;
  const email = `person${people}@shop.test`;
  const passwordHash = password === null ? null : await hashPassword(password);
  await inTransaction(database.db, (tx) => createPerson(tx, { email, name: `Person ${people}`, passwordHash }));
  return email;
}

function post(path: string, body: object, headers: Record<string, string> = CSRF, at: TestServer = server): Promise<Response> {
  return fetch(`${at.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function codeOf(response: Response): Promise<unknown> {
  const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
  return errors[0]?.extensions.code;
}

async function isSignedIn(cookie: string): Promise<boolean> {
  return (await server.graphql('{ viewer { party } }', { headers: { cookie, ...CSRF } })).body.data?.['viewer'] !== null;
}

describe('signing in', () => {
  test('answers the person and sets a cookie that no script can read and no foreign form sends', async () => {
    const email = await newPerson();
    const answer = await post('/auth/sign-in', { email: email.toUpperCase(), password: PASSWORD });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ name: expect.stringMatching(/^Person/), email });
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^fenzhan_session=[^;]{40,};.*HttpOnly/);
    expect(cookie).toContain('SameSite=Lax');
    expect(cookie).not.toContain('Secure');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await isSignedIn(cookieOf(answer))).toBe(true);
  });

  test('sets a cookie for https alone when people come by https', async () => {
    const email = await newPerson();
    const secure = await startTestServer(database.db, { publicUrl: 'https://console.test' });
    try {
      const answer = await post('/auth/sign-in', { email, password: PASSWORD }, CSRF, secure);
      expect(answer.headers.getSetCookie()[0]).toMatch(/^__Secure-fenzhan_session=.*; Secure/);
      const { body } = await secure.graphql('{ viewer { party } }', { headers: { cookie: cookieOf(answer), ...CSRF } });
      expect(body.data).toEqual({ viewer: { party: null } });
    } finally {
      await secure.close();
    }
  });

  test('keeps the session with the address and the program it came from, its token nowhere in the answer', async () => {
    const email = await newPerson();
    const answer = await post('/auth/sign-in', { email, password: PASSWORD }, { ...CSRF, 'user-agent': 'a browser' });
    const [session] = await database.sql<{ token: string; ip_address: string; user_agent: string }>(
      'SELECT s.token, s.ip_address, s.user_agent FROM session s JOIN users u ON u.id = s.user_id WHERE u.email = $1',
      [email],
    );
    expect(session).toMatchObject({ ip_address: '127.0.0.1', user_agent: 'a browser' });
    expect(await answer.text()).not.toContain(session?.token);
  });

  test('says the same of an unknown e-mail, a wrong password and a person without a password, after the same work', async () => {
    const known = await newPerson();
    const withoutPassword = await newPerson(null);
    const attempt = async (email: string) => {
      const start = performance.now();
      const answer = await post('/auth/sign-in', { email, password: 'not the right one' });
      const { errors } = (await answer.json()) as { errors: { message: string; extensions: { code: string } }[] };
      return {
        milliseconds: performance.now() - start,
        answer: { status: answer.status, message: errors[0]?.message, code: errors[0]?.extensions.code },
      };
    };
    const wrong = await attempt(known);
    expect(wrong.answer).toEqual({ status: 401, message: 'The e-mail or the password is wrong.', code: 'INVALID_CREDENTIALS' });
    const others = [await attempt('nobody@shop.test'), await attempt(withoutPassword)];
    for (const other of others) {
      expect(other.answer).toEqual(wrong.answer);
      // a password is hashed for nobody too: without that the answer comes ten times sooner
      expect(other.milliseconds).toBeGreaterThan(wrong.milliseconds / 4);
    }
  });

  test('is refused without the CSRF header, from a foreign origin, by GET, and for what is no JSON', async () => {
    const email = await newPerson();
    const body = { email, password: PASSWORD };
    expect((await post('/auth/sign-in', body, {})).status).toBe(403);
    expect((await post('/auth/sign-in', body, { ...CSRF, origin: 'https://evil.test' })).status).toBe(403);
    expect((await fetch(`${server.url}/auth/sign-in`, { headers: CSRF })).status).toBe(405);
    expect((await fetch(`${server.url}/auth/sign-in`, { method: 'POST', headers: CSRF, body: 'email=x' })).status).toBe(400);
    expect((await post('/auth/sign-in', { email })).status).toBe(400);
  });

  test.each(['/auth/sign-up/email', '/auth/sign-in/email', '/auth/get-session', '/auth/reset-password', '/auth/ok'])(
    'has no public %s',
    async (path) => {
      const answer = await post(path, { email: 'new@shop.test', password: PASSWORD, name: 'New' });
      expect(answer.status).toBe(404);
      expect(await database.sql("SELECT 1 FROM users WHERE email = 'new@shop.test'")).toEqual([]);
    },
  );
});

describe('attempts to sign in', () => {
  test('are let through five times a minute for one e-mail from one address; the sixth waits, even with the right password', async () => {
    const email = await newPerson();
    for (let attempt = 1; attempt <= 5; attempt += 1) expect((await post('/auth/sign-in', { email, password: 'wrong' })).status).toBe(401);
    const sixth = await post('/auth/sign-in', { email, password: PASSWORD });
    expect(sixth.status).toBe(429);
    expect(Number(sixth.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(sixth.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(await codeOf(sixth)).toBe('THROTTLED');
    const other = await newPerson();
    expect((await post('/auth/sign-in', { email: other, password: PASSWORD })).status).toBe(200);
  });

  test('are counted by all processes together, also when they come at once', async () => {
    const email = await newPerson();
    const second = await startTestServer(database.db);
    try {
      const attempts = Array.from({ length: 20 }, (_, i) =>
        post('/auth/sign-in', { email, password: 'wrong' }, CSRF, i % 2 === 0 ? server : second),
      );
      const statuses = (await Promise.all(attempts)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 401)).toHaveLength(5);
      expect(statuses.filter((status) => status === 429)).toHaveLength(15);
    } finally {
      await second.close();
    }
  });

  test('are forgotten once the person has signed in', async () => {
    const email = await newPerson();
    for (let attempt = 1; attempt <= 4; attempt += 1) await post('/auth/sign-in', { email, password: 'wrong' });
    expect((await post('/auth/sign-in', { email, password: PASSWORD })).status).toBe(200);
    expect((await post('/auth/sign-in', { email, password: 'wrong' })).status).toBe(401);
    expect((await post('/auth/sign-in', { email, password: PASSWORD })).status).toBe(200);
  });
});

test('signing out ends this session and no other', async () => {
  const email = await newPerson();
  const [here, there] = [await server.signIn(email), await server.signIn(email)];
  expect((await post('/auth/sign-out', {}, { ...CSRF, cookie: here })).status).toBe(204);
  expect([await isSignedIn(here), await isSignedIn(there)]).toEqual([false, true]);
});

describe('changing one’s own password', () => {
  const NEW = 'a wholly different phrase';

  test('takes the current one, ends all other sessions, and hands a new cookie to this one', async () => {
    const email = await newPerson();
    const [here, there] = [await server.signIn(email), await server.signIn(email)];
    const answer = await post('/auth/change-password', { currentPassword: PASSWORD, newPassword: NEW }, { ...CSRF, cookie: here });
    expect(answer.status).toBe(204);
    expect([await isSignedIn(cookieOf(answer)), await isSignedIn(there)]).toEqual([true, false]);
    expect((await post('/auth/sign-in', { email, password: PASSWORD })).status).toBe(401);
    expect((await post('/auth/sign-in', { email, password: NEW })).status).toBe(200);
  });

  test('is refused for a wrong current password, a short new one, and somebody who is signed out', async () => {
    const email = await newPerson();
    const cookie = await server.signIn(email);
    const change = (body: object, headers: Record<string, string>) => post('/auth/change-password', body, { ...CSRF, ...headers });
    expect((await change({ currentPassword: 'wrong', newPassword: NEW }, { cookie })).status).toBe(403);
    expect((await change({ currentPassword: PASSWORD, newPassword: 'short' }, { cookie })).status).toBe(400);
    expect((await change({ currentPassword: PASSWORD, newPassword: NEW }, {})).status).toBe(401);
    expect((await post('/auth/sign-in', { email, password: PASSWORD })).status).toBe(200);
  });
});
