import { createAcgFaka } from './acg-faka.ts';
import type { Connector, ConnectorGround, ConnectorKind } from './connector.ts';
import { createDujiaoNext } from './dujiao-next.ts';
import { createFenzhan } from './fenzhan.ts';
import { createKasushou } from './kasushou.ts';
import { createManual } from './manual.ts';

const MAKERS: Readonly<Record<ConnectorKind, (ground: ConnectorGround) => Connector>> = {
  ACG_FAKA: createAcgFaka,
  KASUSHOU_V2: createKasushou,
  DUJIAO_NEXT: createDujiaoNext,
  FENZHAN: createFenzhan,
  MANUAL: createManual,
};

/** The connector of a kind. */
export function connectorOf(kind: ConnectorKind, ground: ConnectorGround): Connector {
  return MAKERS[kind](ground);
}
