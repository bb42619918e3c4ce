import { builder } from './builder.ts';
import './catalogue.ts';
import './commission.ts';
import './gmv.ts';
import './node.ts';
import './order.ts';
import './people.ts';
import './price-table.ts';
import './pricing.ts';
import './quote.ts';
import './refund.ts';
import './scalars.ts';
import './station.ts';
import './stock.ts';
import './supplier.ts';

/** The contract, built. Building throws when a type or root field does not say who may see it. */
export const schema = builder.toSchema();
