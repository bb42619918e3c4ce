import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOutgoing, isPublicAddress, OutgoingFailure, type OutgoingOptions } from '#server/platform/outgoing.ts';

let receiver: Server;
let port: number;
let slow: TcpServer;
let slowPort: number;
/** Paths that were asked of the receiver. */
const asked: string[] = [];
beforeAll(async () => {
  receiver = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/redirect') return void response.writeHead(302, { location: `http://127.0.0.1:${port}/private` }).end();
    if (request.url === '/endless') {
      const write = () => void (response.write('x'.repeat(16_384)) ? setImmediate(write) : response.once('drain', write));
      return write();
    }
    response.end('hello');
  });
  port = await listening(receiver);
  // accepts and never says a word, but for a header a second
  slow = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => socket.write('x-wait: 1\r\n'), 50);
    socket.once('close', () => clearInterval(timer));
  });
  slowPort = await listening(slow);
});
afterAll(() => {
  receiver.closeAllConnections();
  receiver.close();
  slow.close();
});

describe('addresses that are nobody else’s business', () => {
  test.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.127.255.255',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.7',
    '203.0.113.7',
    '224.0.0.1',
    '239.255.255.255',
    '255.255.255.255',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::7f00:1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '64:ff9b::7f00:1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'nonsense',
  ])('%s is refused', (address) => expect(isPublicAddress(address)).toBe(false));

  test.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111', '2a00:1450::1'])('%s is public', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  );
});

describe('what is said of a URL before it is saved', () => {
  const { urlProblem } = createOutgoing({ allowedHosts: ['shop.internal', '127.0.0.1:9000'] });
  test.each([
    'no url',
    'http://example.com/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'https://user:secret@example.com/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://[::1]/',
    'https://[::ffff:7f00:1]/',
    'https://[fd00:ec2::254]/',
    'https://169.254.169.254/latest/meta-data',
    'https://localhost/',
    'https://router/',
    'http://127.0.0.1:9001/',
  ])('%s is refused', (url) => expect(urlProblem(url)).not.toBeNull());

  test.each(['https://example.com/hook', 'https://8.8.8.8/', 'http://shop.internal:8080/hook', 'http://127.0.0.1:9000/hook'])(
    '%s may be called',
    (url) => expect(urlProblem(url)).toBeNull(),
  );
});

describe('a call', () => {
  test('to an allowed host is answered', async () => {
    const answer = await call(`http://127.0.0.1:${port}/fine`, { allowedHosts: [`127.0.0.1:${port}`] });
    expect({ status: answer.status, body: answer.body.toString(), isCut: answer.isCut }).toEqual({
      status: 200,
      body: 'hello',
      isCut: false,
    });
  });

  test('follows no redirect: what it leads to is never asked', async () => {
    const answer = await call(`http://127.0.0.1:${port}/redirect`, { allowedHosts: ['127.0.0.1'] });
    expect(answer.status).toBe(302);
    expect(asked).not.toContain('/private');
  });

  test('reads no more of an endless body than it may', async () => {
    const answer = await call(`http://127.0.0.1:${port}/endless`, { allowedHosts: ['127.0.0.1'], answerBytes: 1_000 });
    expect({ length: answer.body.length, isCut: answer.isCut }).toEqual({ length: 1_000, isCut: true });
  });

  test('is given up after its whole time, though headers go on trickling in', async () => {
    await expect(failing(`http://127.0.0.1:${slowPort}/`, { allowedHosts: ['127.0.0.1'], totalMilliseconds: 200 })).resolves.toBe(
      'TOTAL_TIMEOUT',
    );
  });

  test('is given up when TLS is never shaken hands on', async () => {
    const silent = createTcpServer(() => undefined);
    const silentPort = await listening(silent);
    await expect(failing(`https://127.0.0.1:${silentPort}/`, { allowedHosts: ['127.0.0.1'], connectMilliseconds: 150 })).resolves.toBe(
      'CONNECT_TIMEOUT',
    );
    silent.close();
  });

  test('is not made where a name leads to a private address, not even to one among public ones', async () => {
    const before = asked.length;
    for (const addresses of [['127.0.0.1'], ['8.8.8.8', '10.0.0.1'], ['::1'], ['::ffff:127.0.0.1']]) {
      const resolve = async () => addresses.map((address) => ({ address }));
      await expect(failing(`https://evil.example.com:${port}/`, { allowedHosts: [], resolve })).resolves.toBe('ADDRESS_NOT_ALLOWED');
    }
    expect(asked.length).toBe(before);
  });

  test('looks a name up once and goes to the address that was checked, whatever the name leads to afterwards', async () => {
    const answers = ['127.0.0.1', '10.9.9.9'];
    let lookUps = 0;
    const resolve = async () => [{ address: answers[lookUps++] ?? '10.9.9.9' }];
    // the operator's own host, so that the first answer may be called at all
    const answer = await call(`http://rebinding.test:${port}/pinned`, { allowedHosts: ['rebinding.test'], resolve });
    expect([answer.status, lookUps]).toEqual([200, 1]);
    // for everybody else the second answer, of the next call, is refused as the first would have been
    await expect(failing(`https://rebinding.test:${port}/`, { allowedHosts: [], resolve })).resolves.toBe('ADDRESS_NOT_ALLOWED');
  });

  test('says in a word why there is no answer', async () => {
    const nobody = createTcpServer((socket) => void socket.end('SSH-2.0-OpenSSH\r\n'));
    const nobodyPort = await listening(nobody);
    await expect(failing(`http://127.0.0.1:${nobodyPort}/`, { allowedHosts: ['127.0.0.1'] })).resolves.toBe('NO_HTTP');
    nobody.close();
    await expect(failing(`https://127.0.0.1:${port}/`, { allowedHosts: ['127.0.0.1'] })).resolves.toMatch(/TLS_FAILED|CONNECTION_FAILED/);
    const resolve = async () => {
      throw new Error('ENOTFOUND');
    };
    await expect(failing('https://nowhere.example.com/', { allowedHosts: [], resolve })).resolves.toBe('NAME_NOT_FOUND');
    await expect(failing('http://example.com/', { allowedHosts: [] })).resolves.toBe('URL_NOT_ALLOWED');
  });
});

function call(url: string, options: OutgoingOptions) {
  return createOutgoing({ totalMilliseconds: 5_000, ...options }).send({ url, method: 'POST', headers: {}, body: '{}' });
}

async function failing(url: string, options: OutgoingOptions): Promise<string> {
  const failure: unknown = await call(url, options).then(
    () => null,
    (error: unknown) => error,
  );
  if (!(failure instanceof OutgoingFailure)) throw new Error(`it did not fail as it should: ${String(failure)}`);
  return failure.reason;
}

async function listening(server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
