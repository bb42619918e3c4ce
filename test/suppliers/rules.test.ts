import { describe, expect, test } from 'vitest';
import { money } from '#server/platform/money.ts';
import {
  type Contact,
  contactProblem,
  type DocumentFacts,
  decideDeposit,
  documentProblem,
  expiryStage,
  fileTypeOf,
  pastDue,
  reviewRefusal,
  type SupplierStanding,
  safeFileName,
  standingRefusal,
  supplierStandings,
} from '#server/suppliers/rules.ts';

const cny = (amount: string) => money(amount, 'CNY');
const settled = { hasMoney: false, hasAttempts: false, hasStock: false };

describe('how a supplier stands', () => {
  const reachable = (from: SupplierStanding, by: 'HEADQUARTERS' | 'SUPPLIER') =>
    supplierStandings.filter((standing) => standingRefusal(from, { standing, reason: 'because' }, by, settled) === null);

  test('is decided by headquarters; a closed one is the end', () => {
    expect(Object.fromEntries(supplierStandings.map((from) => [from, reachable(from, 'HEADQUARTERS')]))).toEqual({
      APPLIED: ['ACTIVE', 'REJECTED', 'CLOSED'],
      ACTIVE: ['SUSPENDED', 'CLOSED'],
      REJECTED: ['APPLIED', 'CLOSED'],
      SUSPENDED: ['ACTIVE', 'CLOSED'],
      CLOSED: [],
    });
  });

  test('is changed by the supplier itself only when it applies again', () => {
    expect(supplierStandings.map((from) => reachable(from, 'SUPPLIER'))).toEqual([[], [], ['APPLIED'], [], []]);
  });

  test('is told with a reason where it is bad news, and ends only with money and purchases settled', () => {
    const to = (standing: SupplierStanding, reason: string, open = settled) =>
      standingRefusal('ACTIVE', { standing, reason }, 'HEADQUARTERS', open);
    expect(to('SUSPENDED', ' ')).toMatchObject({ kind: 'INVALID_INPUT', field: 'reason' });
    expect(to('CLOSED', 'over', { ...settled, hasMoney: true })).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(to('CLOSED', 'over', { ...settled, hasAttempts: true })).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(to('CLOSED', 'over', { ...settled, hasStock: true })).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(to('CLOSED', 'over')).toBeNull();
  });
});

describe('a document', () => {
  const facts: DocumentFacts = {
    type: 'ICP_LICENCE',
    number: '京B2-1',
    issuedOn: '2026-01-01',
    expiresOn: '2026-12-31',
    categoryIds: [],
    brands: [],
  };

  test('has a number unless it is of no known kind, and days in their order', () => {
    expect(documentProblem(facts)).toBeNull();
    expect(documentProblem({ ...facts, number: ' ' })).toMatchObject({ field: 'number' });
    expect(documentProblem({ ...facts, type: 'OTHER', number: '' })).toBeNull();
    expect(documentProblem({ ...facts, expiresOn: '2025-12-31' })).toMatchObject({ field: 'expiresOn' });
    expect(documentProblem({ ...facts, issuedOn: '2026-02-30' })).toMatchObject({ field: 'issuedOn' });
    expect(documentProblem({ ...facts, number: 'a\u0000b' })).toMatchObject({ field: 'number' });
    expect(documentProblem({ ...facts, brands: [' '] })).toMatchObject({ field: 'brands' });
  });

  test('is approved with a file, before it expires, while it waits', () => {
    const yes = { approve: true, reason: '' };
    const waiting = { state: 'PENDING', hasFile: true, expiresOn: '2026-12-31' } as const;
    expect(reviewRefusal(waiting, yes, '2026-12-31')).toBeNull();
    expect(reviewRefusal(waiting, yes, '2027-01-01')).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(reviewRefusal({ ...waiting, hasFile: false }, yes, '2026-12-31')).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(reviewRefusal({ ...waiting, state: 'APPROVED' }, yes, '2026-12-31')).toMatchObject({ kind: 'NOT_ALLOWED' });
    expect(reviewRefusal(waiting, { approve: false, reason: '' }, '2026-12-31')).toMatchObject({ field: 'reason' });
  });

  test('is warned of at 30, 7 and 1 days, by the narrowest that holds; its last day is a day', () => {
    expect([31, 30, 8, 7, 2, 1, 0, -1].map(expiryStage)).toEqual([null, 30, 30, 7, 7, 1, 1, 'EXPIRED']);
  });
});

describe('a file', () => {
  test('is what its first bytes say', () => {
    expect(fileTypeOf(Buffer.from('%PDF-1.7 …'))).toBe('application/pdf');
    expect(fileTypeOf(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1]))).toBe('image/png');
    expect(fileTypeOf(Buffer.from([0xff, 0xd8, 0xff, 0xe0]))).toBe('image/jpeg');
    expect(fileTypeOf(Buffer.from('<html><script>'))).toBeNull();
    expect(fileTypeOf(Buffer.from('MZ %PDF-'))).toBeNull();
    expect(fileTypeOf(Buffer.alloc(0))).toBeNull();
  });

  test('is kept under a harmless name with the ending of what it is', () => {
    expect(safeFileName('营业执照.pdf', 'application/pdf')).toBe('营业执照.pdf');
    expect(safeFileName('..\\..\\etc/passwd', 'image/png')).toBe('passwd.png');
    expect(safeFileName('a"\r\nb\u202e.exe', 'image/jpeg')).toBe('ab.exe.jpg');
    expect(safeFileName('...', 'application/pdf')).toBe('document.pdf');
  });
});

test('a contact has a name, and a telephone and an e-mail that could be ones', () => {
  const contact: Contact = { name: '王五', role: '财务', phone: '+86 138-0000-0000', email: 'w@s.example' };
  expect(contactProblem(contact)).toBeNull();
  expect(contactProblem({ ...contact, name: '' })).toMatchObject({ field: 'name' });
  expect(contactProblem({ ...contact, phone: 'call me' })).toMatchObject({ field: 'phone' });
  expect(contactProblem({ ...contact, email: 'w' })).toMatchObject({ field: 'email' });
});

describe('a deposit', () => {
  const ids = { supplierId: 'S', headquartersId: 'HQ' };
  const postings = (move: 'PAY_IN' | 'DEDUCT' | 'RETURN', amount: string) => {
    const decided = decideDeposit({ ...ids, move, amount: cny(amount), balance: cny('500.00') });
    if (decided.kind !== 'ACCEPTED') return decided;
    return decided.postings.map(({ holder, accountKind, amount: { tenThousandths } }) => [holder, accountKind, tenThousandths]);
  };

  test('comes from outside, goes back there, and is deducted into headquarters’ wallet', () => {
    expect(postings('PAY_IN', '10.00')).toEqual([
      [{ supplierId: 'S' }, 'DEPOSIT', 100_000n],
      [{ network: true }, 'CASH', -100_000n],
    ]);
    expect(postings('RETURN', '500.00')).toEqual([
      [{ supplierId: 'S' }, 'DEPOSIT', -5_000_000n],
      [{ network: true }, 'CASH', 5_000_000n],
    ]);
    expect(postings('DEDUCT', '10.00')).toEqual([
      [{ supplierId: 'S' }, 'DEPOSIT', -100_000n],
      [{ stationId: 'HQ' }, 'WALLET', 100_000n],
    ]);
  });

  test('is never taken below zero', () => {
    const refused = { kind: 'INSUFFICIENT_BALANCE', required: cny('500.01'), available: cny('500.00') };
    expect(postings('RETURN', '500.01')).toEqual(refused);
    expect(postings('DEDUCT', '500.01')).toEqual(refused);
  });
});

test('what is past due is what is pending less what falls due later', () => {
  expect(pastDue(cny('100.00'), [cny('30.00'), cny('0.01')])).toEqual(cny('69.99'));
  expect(pastDue(cny('0.00'), [])).toEqual(cny('0.00'));
});
