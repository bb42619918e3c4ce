import { GraphQLError } from 'graphql';
import { currencyCode } from '#server/platform/money.ts';
import { builder } from './builder.ts';

const DECIMAL = /^-?\d{1,14}(\.\d{1,4})?$/;
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;
const DATE = /^\d{4}-\d\d-\d\d$/;
const CURSOR = /^[\w-]{1,300}$/;

builder.scalarType('Decimal', {
  description: 'An exact decimal number as a string, with at most four decimals: "12.30". Never a floating-point number.',
  specifiedByURL: 'https://www.w3.org/TR/xmlschema11-2/#decimal',
  serialize: (value) => value,
  parseValue: (value) => matching(value, DECIMAL, 'Decimal', 'a string such as "12.30" with at most four decimals'),
});

builder.scalarType('DateTime', {
  description: 'An instant, RFC 3339 in UTC: "2026-01-31T08:00:00.000Z".',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (value) => value.toISOString(),
  parseValue: (value) => {
    const instant = new Date(matching(value, DATE_TIME, 'DateTime', 'an RFC 3339 instant'));
    if (Number.isNaN(instant.getTime())) throw refused('DateTime', 'an RFC 3339 instant');
    return instant;
  },
});

builder.scalarType('Date', {
  description: 'A calendar day of the network\'s time zone: "2026-01-31".',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339#section-5.6',
  serialize: (value) => value,
  parseValue: (value) => {
    const text = matching(value, DATE, 'Date', 'a day such as "2026-01-31"');
    // 31 February is written like a date and is none
    const day = new Date(`${text}T00:00:00Z`);
    if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== text) throw refused('Date', 'a day of the calendar');
    return text;
  },
});

builder.scalarType('Cursor', {
  description: 'A place in a stream of events, opaque, bound to its viewer and subscription; that of eventCursor to its viewer alone.',
  specifiedByURL: 'https://relay.dev/graphql/connections.htm#sec-Cursor',
  serialize: (value) => value,
  parseValue: (value) => matching(value, CURSOR, 'Cursor', 'a cursor that an event carried, or eventCursor'),
});

builder.scalarType('CurrencyCode', {
  description: 'A currency by its ISO 4217 code: "CNY".',
  specifiedByURL: 'https://www.iso.org/iso-4217-currency-codes.html',
  serialize: (value) => value,
  parseValue: (value) => {
    const text = matching(value, /^[A-Z]{3}$/, 'CurrencyCode', 'an ISO 4217 code');
    try {
      return currencyCode(text);
    } catch {
      throw refused('CurrencyCode', 'a currency that Fenzhan knows');
    }
  },
});

function matching(value: unknown, pattern: RegExp, scalar: string, expected: string): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw refused(scalar, expected);
  return value;
}

/** The value itself is not repeated: it may be a secret in the wrong place. */
function refused(scalar: string, expected: string): GraphQLError {
  return new GraphQLError(`${scalar} takes ${expected}.`, { extensions: { code: 'BAD_USER_INPUT' } });
}
