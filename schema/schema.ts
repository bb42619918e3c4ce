import { builder } from './builder.ts';
import './api-key-mutations.ts';
import './card-key-mutations.ts';
import './catalogue.ts';
import './commission.ts';
import { readEventCursorFirst } from './event-cursor.ts';
import './gmv.ts';
import './node.ts';
import './order.ts';
import './people.ts';
import './place-orders.ts';
import './price-mutations.ts';
import './price-table.ts';
import './pricing.ts';
import './quote.ts';
import './refund-mutations.ts';
import './refund.ts';
import './scalars.ts';
import './station-mutations.ts';
import './station.ts';
import './stock.ts';
import './subscriptions.ts';
import './supplier.ts';
import './top-up-wallet.ts';
import './volumes.ts';
import './webhook-mutations.ts';

/** The contract, built. Building throws when a type or root field does not say who may see it. */
export const schema = readEventCursorFirst(builder.toSchema());
