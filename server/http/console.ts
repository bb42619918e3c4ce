import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** Serves the built console; false when the path is none of its pages. */
export type ServeConsole = (request: IncomingMessage, response: ServerResponse, path: string) => Promise<boolean>;

type Encoding = 'br' | 'gzip' | 'identity';
type Asset = {
  readonly content: Buffer;
  readonly type: string;
  readonly etag: string;
  readonly immutable: boolean;
  readonly packed: Map<Encoding, Promise<Buffer>>;
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};
const COMPRESSIBLE = /^(text\/|application\/(json|manifest)|image\/svg)/;
/** Below this, compression costs more than it saves. */
const WORTH_COMPRESSING_BYTES = 1024;

const brotli = promisify(brotliCompress);
const gzipped = promisify(gzip);

/**
 * Serves a folder that Vite has built. All files are read now (a path that is none of them cannot be asked for), each is compressed
 * once when it is first wanted. Files named by their content are kept for ever by browsers; any other path is a page of the console.
 */
export function serveConsole(directory: string | null): ServeConsole {
  const assets = directory === null || !existsSync(directory) ? new Map<string, Asset>() : readAssets(directory);
  return async (request, response, path) => {
    const asset = assets.get(path) ?? (extname(path) === '' ? assets.get('/index.html') : undefined);
    if (asset === undefined) return false;
    response.setHeader('Cache-Control', asset.immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
    response.setHeader('ETag', asset.etag);
    response.setHeader('Vary', 'Accept-Encoding');
    if (request.headers['if-none-match'] === asset.etag) {
      response.writeHead(304).end();
      return true;
    }
    const encoding = chooseEncoding(request.headers['accept-encoding'] ?? '', asset);
    const body = await packed(asset, encoding);
    if (encoding !== 'identity') response.setHeader('Content-Encoding', encoding);
    response.writeHead(200, { 'Content-Type': asset.type, 'Content-Length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
    return true;
  };
}

function readAssets(directory: string): Map<string, Asset> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((file) => {
      const path = `/${relative(directory, join(file.parentPath, file.name)).split(sep).join('/')}`;
      return [path, readAsset(join(file.parentPath, file.name), path)];
    }),
  );
}

function readAsset(file: string, path: string): Asset {
  const content = readFileSync(file);
  return {
    content,
    type: TYPES[extname(path)] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`,
    immutable: path.startsWith('/assets/'),
    packed: new Map(),
  };
}

function chooseEncoding(accepted: string, asset: Asset): Encoding {
  if (!COMPRESSIBLE.test(asset.type) || asset.content.length < WORTH_COMPRESSING_BYTES) return 'identity';
  if (/\bbr\b/.test(accepted)) return 'br';
  return /\bgzip\b/.test(accepted) ? 'gzip' : 'identity';
}

function packed(asset: Asset, encoding: Encoding): Promise<Buffer> {
  const before = asset.packed.get(encoding);
  if (before !== undefined) return before;
  const packing = pack(asset.content, encoding);
  asset.packed.set(encoding, packing);
  return packing;
}

function pack(content: Buffer, encoding: Encoding): Promise<Buffer> {
  switch (encoding) {
    case 'br':
      return brotli(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 6, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });
    case 'gzip':
      return gzipped(content, { level: 6 });
    case 'identity':
      return Promise.resolve(content);
  }
}
