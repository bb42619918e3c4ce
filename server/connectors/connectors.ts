import { createAcgFaka } from './acg-faka.ts';
import type { Connector, ConnectorGround, ConnectorKind } from './connector.ts';
import { createDujiaoNext } from './dujiao-next.ts';
import { createFenzhan } from './fenzhan.ts';
import { createManual } from './manual.ts';

const MAKERS: Readonly<Partial<Record<ConnectorKind, (ground: ConnectorGround) => Connector>>> = {
  ACG_FAKA: createAcgFaka,
  DUJIAO_NEXT: createDujiaoNext,
  FENZHAN: createFenzhan,
  MANUAL: createManual,
};

/** The connector of a kind. */
export function connectorOf(kind: ConnectorKind, ground: ConnectorGround): Connector {
  const make = MAKERS[kind];
  if (!make) throw new Error(`no connector of kind ${kind}`);
  return make(ground);
}
