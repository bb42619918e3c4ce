import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONNECTOR_KINDS, type UpstreamAccount, type UpstreamPurchase } from '#server/connectors/connector.ts';
import { connectorOf } from '#server/connectors/connectors.ts';
import { amountOf, codeOf, countOf, fieldOf, itemsOf, parseJson, referenceOf, textOf } from '#server/connectors/json.ts';
import { callForJson, failedPurchase, failedResult, type WireCall, type WireReply } from '#server/connectors/wire.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { selfSignedCertificate } from './certificate.ts';

/** What an upstream sends once it has been asked. */
type Behaviour = (socket: Socket, asked: string) => void;

const SECRET = 's3cr3t/键+1';
const head = (lines: string, status = '200 OK') => `HTTP/1.1 ${status}\r\n${lines}\r\n`;
const whole =
  (body: string | Buffer, type = 'application/json', status?: string) =>
  (socket: Socket) =>
    void socket.end(
      Buffer.concat([
        Buffer.from(head(`content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`, status)),
        Buffer.from(body),
      ]),
    );
const GBK_OUT_OF_STOCK = Buffer.from('7b226d7367223a22bfe2b4e6b2bbd7e3227d', 'hex');

let behave: Behaviour = () => undefined;
let server: Server;
let base: string;
/** Bytes that went out to whoever asked last. */
let bytesSent = 0;
const paths: string[] = [];
beforeAll(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    let asked = '';
    socket.on('data', (chunk) => {
      asked += chunk.toString();
      if (!asked.includes('\r\n\r\n')) return;
      paths.push(asked.split(' ')[1] ?? '');
      behave(socket, asked);
      asked = '';
    });
    socket.once('close', () => {
      bytesSent = socket.bytesWritten;
    });
  });
  base = `http://127.0.0.1:${await listening(server)}`;
});
afterAll(() => server.close());

const ground = { outgoing: createOutgoing({ allowedHosts: ['127.0.0.1'] }), clock: () => new Date() };
/** Where the time has to run out, it is short; nowhere else, however busy the machine is. */
const impatient = { ...ground, outgoing: createOutgoing({ allowedHosts: ['127.0.0.1'], totalMilliseconds: 150 }) };
const call = (more: Partial<WireCall> = {}, from = ground): Promise<WireReply> =>
  callForJson(from, { url: `${base}/buy`, method: 'POST', headers: {}, body: '{}', secrets: [SECRET], ...more });

/** Sends without end, as fast as it is taken. */
const flood =
  (first: string, chunk: string | Buffer): Behaviour =>
  (socket) => {
    socket.write(first);
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', more);
    more();
  };
const trickle =
  (first: string, drop: string): Behaviour =>
  (socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(drop), 20);
    socket.once('close', () => clearInterval(timer));
  };

describe('an upstream that misbehaves brings no document, and the reason is told', () => {
  it.each<[string, string, Behaviour]>([
    [
      'an answer of 100 MB',
      'ANSWER_TOO_LONG',
      flood(head(`content-type: application/json\r\ncontent-length: ${100 * 1024 * 1024}\r\n`), ' '.repeat(65_536)),
    ],
    ['an answer without end', 'ANSWER_TOO_LONG', flood(head('content-type: application/json\r\n'), Buffer.alloc(65_536, 0x20))],
    ['an answer that never ends, drop by drop', 'TIMEOUT', trickle(head('content-type: application/json\r\n'), ' ')],
    ['no answer', 'TIMEOUT', () => undefined],
    ['headers without end', 'NOT_READABLE', flood('HTTP/1.1 200 OK\r\n', `x-${'a'.repeat(200)}: ${'b'.repeat(800)}\r\n`)],
    ['headers that never end, drop by drop', 'TIMEOUT', trickle('HTTP/1.1 200 OK\r\n', 'x-wait: 1\r\n')],
    ['one header without end', 'NOT_READABLE', flood('HTTP/1.1 200 OK\r\nx-long: ', 'c'.repeat(8_192))],
    ['promises of an answer without end', 'TIMEOUT', trickle('', 'HTTP/1.1 100 Continue\r\n\r\n')],
    [
      'half an answer, and then nothing',
      'TIMEOUT',
      (socket) => socket.write(`${head('content-type: application/json\r\ncontent-length: 100\r\n')}{"a"`),
    ],
    [
      'half an answer, and then the end',
      'CONNECTION_FAILED',
      (socket) => socket.end(`${head('content-type: application/json\r\ncontent-length: 100\r\n')}{"a"`),
    ],
    ['a connection that breaks', 'CONNECTION_FAILED', (socket) => socket.resetAndDestroy()],
    ['another protocol', 'NOT_READABLE', (socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n')],
    ['a redirect', 'REDIRECT', (socket) => socket.end(head('location: /private\r\ncontent-length: 0\r\n', '302 Found'))],
    [
      'a redirect that keeps the body',
      'REDIRECT',
      (socket) => socket.end(head('location: http://169.254.169.254/latest\r\ncontent-length: 0\r\n', '307 Temporary Redirect')),
    ],
    [
      'a server error, though it is JSON',
      'HTTP_STATUS',
      whole('{"code":0,"msg":"库存不足"}', 'application/json', '500 Internal Server Error'),
    ],
    ['a gateway’s page', 'HTTP_STATUS', whole('<h1>Bad Gateway</h1>', 'text/html', '502 Bad Gateway')],
    ['a firewall’s page', 'HTTP_STATUS', whole('<h1>blocked</h1>', 'text/html', '403 Forbidden')],
    ['too many requests', 'HTTP_STATUS', whole('{}', 'application/json', '429 Too Many Requests')],
    ['a page with status 200', 'WRONG_CONTENT_TYPE', whole('<h1>Deadlock found</h1>', 'text/html; charset=utf-8')],
    ['JSON that calls itself a page', 'WRONG_CONTENT_TYPE', whole('{"code":200}', 'text/html')],
    ['no content type', 'WRONG_CONTENT_TYPE', (socket) => socket.end(`${head('content-length: 2\r\n')}{}`)],
    ['no JSON at all', 'NOT_READABLE', whole('not json')],
    ['nothing', 'NOT_READABLE', whole('')],
    ['JSON with something behind it', 'NOT_READABLE', whole('{"code":200}<script>')],
    ['JSON of too many values', 'NOT_READABLE', whole(`[${'0,'.repeat(30_000)}0]`)],
    ['JSON that is nested a million deep', 'NOT_READABLE', whole('['.repeat(1_000_000))],
    ['GBK that calls itself UTF-8', 'NOT_READABLE', whole(GBK_OUT_OF_STOCK, 'application/json; charset=utf-8')],
    ['GBK that calls itself nothing', 'NOT_READABLE', whole(GBK_OUT_OF_STOCK)],
    ['an encoding that does not exist', 'NOT_READABLE', whole('{}', 'application/json; charset=klingon')],
    [
      'compressed without being asked',
      'NOT_READABLE',
      (socket) => {
        const body = gzipSync('{"code":200}');
        socket.end(
          Buffer.concat([
            Buffer.from(head(`content-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n`)),
            body,
          ]),
        );
      },
    ],
  ])('%s: %s', async (_name, reason, behaviour) => {
    behave = behaviour;
    const reply = await call({}, reason === 'TIMEOUT' ? impatient : ground);
    expect(reply).toMatchObject({ kind: 'FAILED', reason, neverLeft: false, message: expect.stringMatching(/^[A-Z].*\.$/) });
    // what has come is read up to a limit, and the connection is given up
    expect(reply.wire.answer.length).toBeLessThanOrEqual(16_384);
    expect(paths).not.toContain('/private');
    await expect.poll(() => bytesSent, { interval: 5 }).toBeLessThan(16 * 1024 * 1024);
  });

  it('a certificate that is not theirs: nothing is said to whoever it is', async () => {
    const asked: string[] = [];
    const impostor = createHttps(selfSignedCertificate('127.0.0.1'), (request, response) => {
      asked.push(request.url ?? '');
      response.end('{}');
    });
    const port = await listening(impostor);
    expect(await call({ url: `https://127.0.0.1:${port}/buy` })).toMatchObject({ kind: 'FAILED', reason: 'TLS_FAILED' });
    expect(asked).toEqual([]);
    impostor.close();
  });

  it.each(['http://10.0.0.1/', 'https://192.168.1.1/', 'https://[::1]/', 'ftp://shop.example.com/', 'https://localhost/', 'no url'])(
    '%s is never called',
    async (url) => expect(await call({ url })).toMatchObject({ kind: 'FAILED', neverLeft: true }),
  );

  it.each([[['10.0.0.1']], [['8.8.8.8', '127.0.0.1']], [['169.254.169.254']]])('nor is a name that leads to %s', async (addresses) => {
    const resolve = async () => addresses.map((address) => ({ address }));
    const guarded = { outgoing: createOutgoing({ allowedHosts: [], resolve }), clock: ground.clock };
    const reply = await callForJson(guarded, { url: 'https://shop.example.com/', method: 'GET', headers: {}, secrets: [] });
    expect(reply).toMatchObject({ kind: 'FAILED', neverLeft: true, message: 'The host’s address is not a public one.' });
  });
});

describe('what came of a call that brought no document', () => {
  it('is a refusal only of a first try that never left', async () => {
    const closed = createServer();
    const port = await listening(closed);
    await new Promise((resolve) => closed.close(resolve));
    const never = await call({ url: `http://127.0.0.1:${port}/` });
    behave = () => undefined;
    const maybe = await call({}, impatient);
    if (never.kind !== 'FAILED' || maybe.kind !== 'FAILED') throw new Error('it was answered');
    expect(failedPurchase(never, true).outcome).toMatchObject({ kind: 'REJECTED', reason: 'NOT_SENT' });
    expect(failedPurchase(never, false).outcome).toMatchObject({ kind: 'UNKNOWN', reason: 'CONNECTION_FAILED' });
    expect(failedPurchase(maybe, true).outcome).toMatchObject({ kind: 'UNKNOWN', reason: 'TIMEOUT' });
    expect([failedResult(never).kind === 'FAILED' && failedResult(never), failedResult(maybe)]).toMatchObject([
      { reason: 'NOT_SENT' },
      { reason: 'TIMEOUT' },
    ]);
    expect(failedPurchase(maybe, true, [never.wire]).wire).toEqual([never.wire, maybe.wire]);
  });

  it.each(CONNECTOR_KINDS.filter((kind) => kind !== 'MANUAL'))(
    '%s: no first purchase that may have arrived is ever a refusal',
    async (kind) => {
      const connector = connectorOf(kind, ground);
      const account: UpstreamAccount = {
        baseUrl: base,
        settings: Object.fromEntries(connector.accountFields.map(({ name }) => [name, '1'])),
        currency: 'CNY',
        callbackUrl: null,
      };
      const purchase: UpstreamPurchase = {
        requestKey: 'fz0001',
        goods: Object.fromEntries(connector.goodsFields.filter(({ isRequired }) => isRequired).map(({ name }) => [name, '1'])),
        quantity: 1,
        maxCost: '1.00',
        inputFields: {},
        goodsKind: 'CARD_KEY',
        sentAt: null,
        upstreamRef: null,
      };
      for (const behaviour of [
        whole('<h1>Deadlock</h1>', 'text/html'),
        whole('{}', 'application/json', '500 Oops'),
        whole('{"code":200}'),
        whole('[]'),
      ]) {
        behave = behaviour;
        expect((await connector.purchase(account, purchase)).outcome).toMatchObject({ kind: 'UNKNOWN' });
      }
      expect(await connector.checkAccount(account)).toMatchObject({ kind: 'FAILED' });
    },
  );
});

describe('a document', () => {
  it('is read in the encoding that it names', async () => {
    for (const type of ['application/json; charset=GBK', 'application/json;charset="gb18030"', 'text/json; charset=gb2312']) {
      behave = whole(GBK_OUT_OF_STOCK, type);
      const reply = await call();
      expect(reply.kind === 'JSON' && textOf(fieldOf(reply.json, 'msg'))).toBe('库存不足');
      expect(reply.wire.answer).toBe('{"msg":"库存不足"}');
    }
  });

  it('is kept without the account’s secrets, however they are spelled, and cut where a person stops reading', async () => {
    const spellings = [SECRET, encodeURIComponent(SECRET), SECRET.replace('/', '\\/')];
    behave = whole(`{"msg":"${spellings.join(' ')}","more":"${'x'.repeat(20_000)}"}`);
    const reply = await call({
      url: `${base}/buy?key=${encodeURIComponent(SECRET)}`,
      body: new URLSearchParams({ key: SECRET }).toString(),
    });
    expect(JSON.stringify(reply.wire)).not.toMatch(/s3cr3t/);
    expect(reply.wire).toMatchObject({ url: `${base}/buy?key=***`, request: 'key=***', status: 200 });
    expect(reply.wire.answer).toHaveLength(16_384);
    expect(reply.kind === 'JSON' && reply.tell(`bad key\u0000 ${SECRET}\n${'y'.repeat(300)}`)).toMatch(/^bad key \*\*\* y{180,}$/);
  });
});

describe('what an upstream wrote', () => {
  const json = parseJson(
    '{"a":12.30,"b":1e3,"c":"5.00","d":-1,"e":14.380000000000001,"f":"1,000","g":9007199254740993,"h":" 7","i":{"source":"9"},"j":true,"k":0.00010000,"l":"¥5"}',
  );
  it.each([
    ['a', '12.30'],
    ['b', null],
    ['c', '5.00'],
    ['d', null],
    ['e', null],
    ['f', null],
    ['g', null],
    ['h', null],
    ['i', null],
    ['j', null],
    ['k', '0.00010000'],
    ['l', null],
    ['missing', null],
  ])('%s is the amount %s', (name, amount) => expect(amountOf(fieldOf(json, name))).toBe(amount));

  it('keeps digits that no float could', () => expect(textOf(fieldOf(json, 'g'))).toBe('9007199254740993'));

  it('is a count or a code only when it is one', () => {
    expect(['12', '"12"', '12.0', '-1', '1.5', 'null', '1e2', '9999999999'].map((text) => countOf(parseJson(text)))).toEqual([
      12,
      12,
      12,
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(['200', '"200"', '-1', '200.0'].map((text) => codeOf(parseJson(text)))).toEqual([200, null, -1, null]);
    expect(['"A-1"', '7', '""', '"a b"', `"${'x'.repeat(65)}"`, '"订单"'].map((text) => referenceOf(parseJson(text)))).toEqual([
      'A-1',
      '7',
      null,
      null,
      null,
      null,
    ]);
  });

  it('has no fields but its own', () => {
    const own = parseJson('{"__proto__":{"admin":true},"toString":"x"}');
    expect([
      fieldOf(own, 'admin'),
      textOf(fieldOf(own, 'toString')),
      fieldOf(own, 'constructor'),
      fieldOf(parseJson('[]'), 'length'),
    ]).toEqual([undefined, 'x', undefined, undefined]);
    expect([itemsOf(parseJson('{"0":1}')), itemsOf(parseJson('[1]'))?.length]).toEqual([null, 1]);
  });

  it('may be nested as deep as protocols go, and no deeper', () => {
    expect(parseJson(`${'['.repeat(32)}${']'.repeat(32)}`)).toBeDefined();
    expect(parseJson(`${'['.repeat(33)}${']'.repeat(33)}`)).toBeUndefined();
    expect(parseJson(`"${'['.repeat(33)}\\"["`)).toBeDefined();
  });

  it('may hold as many values as it should, and no more', () => {
    const list = (count: number) => `[${'0,'.repeat(count)}",,,"]`;
    expect(itemsOf(parseJson(list(10_000)))?.length).toBe(10_001);
    expect(parseJson(list(10_001))).toBeUndefined();
  });
});

async function listening(target: Server): Promise<number> {
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  return (target.address() as AddressInfo).port;
}
