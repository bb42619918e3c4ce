import { describe, expect, test } from 'vitest';
import { createVault, parseVaultKeys, type VaultKey } from '#server/platform/vault.ts';

const k1: VaultKey = { id: 'k1', key: Buffer.alloc(32, 1) };
const k2: VaultKey = { id: 'k2', key: Buffer.alloc(32, 2) };
const lot = ['network', 'lot-1'];
const row = ['network', 'sku', 'key-1'];

describe('a sealed card key', () => {
  const vault = createVault([k1]);
  const dataKey = vault.createDataKey(lot);
  const sealed = vault.seal(dataKey, lot, row, 'ABCD-1234-密钥');

  test('opens to what was sealed', () => {
    expect(vault.open(dataKey, lot, row, sealed)).toBe('ABCD-1234-密钥');
  });

  test('shows nothing of its text, and no two sealings look alike', () => {
    expect(sealed.includes('ABCD')).toBe(false);
    expect(vault.seal(dataKey, lot, row, 'ABCD-1234-密钥').equals(sealed)).toBe(false);
  });

  test.each([
    ['on another row', () => vault.open(dataKey, lot, ['network', 'sku', 'key-2'], sealed)],
    ['with its names cut elsewhere', () => vault.open(dataKey, lot, ['networks', 'ku', 'key-1'], sealed)],
    ['as if of another lot', () => vault.open(dataKey, ['network', 'lot-2'], row, sealed)],
    ['with another lot’s key', () => vault.open(vault.createDataKey(lot), lot, row, sealed)],
    [
      'after a bit was changed',
      () =>
        vault.open(
          dataKey,
          lot,
          row,
          sealed.map((byte, index) => (index === 20 ? byte ^ 1 : byte)),
        ),
    ],
    ['cut short', () => vault.open(dataKey, lot, row, sealed.subarray(0, 20))],
    ['by another vault', () => createVault([{ id: 'k1', key: Buffer.alloc(32, 9) }]).open(dataKey, lot, row, sealed)],
  ])('does not open %s', (_how, opening) => {
    expect(opening).toThrow();
  });
});

describe('when the vault key is rotated', () => {
  const before = createVault([k1]);
  const after = createVault([k2, k1]);
  const old = before.createDataKey(lot);
  const sealed = before.seal(old, lot, row, 'secret');

  test('old goods still open and new ones are sealed by the new key', () => {
    expect(after.open(old, lot, row, sealed)).toBe('secret');
    expect(after.createDataKey(lot).vaultKeyId).toBe('k2');
  });

  test('a lot’s key is wrapped anew without touching its card keys, and the old vault key may go', () => {
    const rewrapped = after.rewrap(old, lot);
    expect(rewrapped.vaultKeyId).toBe('k2');
    expect(createVault([k2]).open(rewrapped, lot, row, sealed)).toBe('secret');
    expect(() => createVault([k2]).open(old, lot, row, sealed)).toThrow(/"k1" is not among VAULT_KEY/);
  });

  test('duplicates are still found: fingerprints stay as they were', () => {
    expect(after.fingerprint('n', 'secret')).toEqual(before.fingerprint('n', 'secret'));
  });
});

test('a fingerprint tells equal texts of one network and nothing across networks', () => {
  const vault = createVault([k1]);
  expect(vault.fingerprint('n1', 'a')).toHaveLength(32);
  expect(vault.fingerprint('n1', 'a')).toEqual(vault.fingerprint('n1', 'a'));
  expect(vault.fingerprint('n1', 'a')).not.toEqual(vault.fingerprint('n2', 'a'));
  expect(vault.fingerprint('n1', 'a')).not.toEqual(createVault([k2]).fingerprint('n1', 'a'));
});

test('vault keys are written id:key in base64 or hex, the current one first', () => {
  const hex = '02'.repeat(32);
  const keys = parseVaultKeys(`k2:${hex},k1:${k1.key.toString('base64')}`);
  expect(keys).toEqual([k2, k1]);
});

test.each(['', 'k1', 'k1:short', `k1:${'00'.repeat(32)},k1:${'01'.repeat(32)}`, `:${'00'.repeat(32)}`])(
  'the vault keys %j are refused',
  (text) => {
    expect(() => parseVaultKeys(text)).toThrow();
  },
);
