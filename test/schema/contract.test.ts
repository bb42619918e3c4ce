import { readFileSync } from 'node:fs';
import { isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { schema } from '#schema/schema.ts';
import { printContract, readContract } from '../../codegen.ts';
import { lintContract } from './lint.ts';
import { ELSEWHERE } from './walk.ts';

describe('the committed contract', () => {
  test('is what the code says', async () => {
    expect(readContract()).toBe(await printContract());
  });

  test('has no violation of the public rules for schemas', async () => {
    expect(await lintContract(readContract(), [...ELSEWHERE])).toEqual([]);
  });

  test('lint sees a type that breaks them', async () => {
    const broken = `${readContract()}\ntype query_stuff { id: ID! }\n`;
    expect(await lintContract(broken, [...ELSEWHERE])).not.toEqual([]);
  });

  test('describes every type, field, argument and value in a sentence', () => {
    const silent = described().filter(({ description }) => !/^\S[^]*[.:]$/.test(description ?? ''));
    expect(silent.map(({ name }) => name)).toEqual([]);
    expect(described().length).toBeGreaterThan(700);
  });

  test('knows every word that the database has for what it tells: one that is missing would be no answer', () => {
    const tables = readFileSync(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8');
    const missing = [...tables.matchAll(/^enum (\w+) \{\n([^}]*)\}/gm)].flatMap(([, name = '', body = '']) => {
      const type = schema.getType(name);
      if (!isEnumType(type)) return [];
      const words = body.split('\n').map((line) => line.trim());
      const known = type.getValues().map((value) => value.name);
      return words.filter((word) => /^[A-Z]\w*$/.test(word) && !known.includes(word)).map((word) => `${name}.${word}`);
    });
    expect(missing).toEqual([]);
  });

  test('says of its own scalars where they are specified', () => {
    for (const name of ['Decimal', 'DateTime', 'Date', 'Cursor', 'CurrencyCode']) {
      expect(readContract()).toContain(`scalar ${name} @specifiedBy(url: "https://`);
    }
  });

  test('takes a request key, by obligation, in every mutation that moves money or goods', () => {
    for (const name of ['placeOrder', 'topUpWallet', 'importCardKeys', 'withdrawCardKeys', 'openStation', 'refundOrder', 'decideRefund']) {
      const input = schema.getMutationType()?.getFields()[name]?.args[0]?.type.toString().replace('!', '') ?? '';
      const type = schema.getType(input);
      expect([name, isInputObjectType(type) && type.getFields()['requestKey']?.type.toString()]).toEqual([name, 'String!']);
    }
  });

  test('answers every mutation with a union of its success and named refusals', () => {
    const refusal = schema.getType('Refusal');
    if (!isInterfaceType(refusal)) throw new Error('no Refusal');
    const names = schema.getPossibleTypes(refusal).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'InsufficientBalance',
        'OutOfStock',
        'PriceMoved',
        'NotSellable',
        'StationFrozen',
        'QuantityOutOfRange',
        'RequestKeyReused',
      ]),
    );
    for (const { name, type } of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      expect([name, type.toString()]).toEqual([name, `${name[0]?.toUpperCase()}${name.slice(1)}Result!`]);
    }
  });
});

function described(): { name: string; description: string | null | undefined }[] {
  return Object.values(schema.getTypeMap())
    .filter(({ name }) => !name.startsWith('__') && !['String', 'Int', 'Float', 'Boolean', 'ID'].includes(name))
    .flatMap((type) => {
      const parts = [{ name: type.name, description: type.description }];
      if (isEnumType(type))
        parts.push(...type.getValues().map((value) => ({ name: `${type.name}.${value.name}`, description: value.description })));
      if (isInputObjectType(type))
        parts.push(
          ...Object.values(type.getFields()).map((field) => ({ name: `${type.name}.${field.name}`, description: field.description })),
        );
      if (isObjectType(type) || isInterfaceType(type)) {
        for (const field of Object.values(type.getFields())) {
          parts.push({ name: `${type.name}.${field.name}`, description: field.description });
          parts.push(...field.args.map((arg) => ({ name: `${type.name}.${field.name}(${arg.name})`, description: arg.description })));
        }
      }
      return parts;
    });
}
