import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import {
  type CardKeyFormat,
  CSV_OPTIONS,
  type CsvRecord,
  createCsvReader,
  createTextReader,
  csvProblem,
  type FileRow,
  LINE_CHARACTERS_MAX,
  type ReadLines,
  readRows,
} from '#server/stock/rules.ts';

/** A file that cannot be read at all: its bytes are no UTF-8, or its quoting is broken. The message is for whoever sent it. */
export class UnreadableFile extends Error {}

/** Records of a CSV that are handed on together. */
const RECORDS_AT_ONCE = 1_000;

/**
 * Reads a file of card keys as it comes, so that no more of it is held than what is being worked on: whoever reads slowly makes the
 * sender wait. Throws UnreadableFile; an error of the source itself is thrown as it is.
 */
export async function* readCardKeyLines(source: AsyncIterable<Uint8Array>, format: CardKeyFormat): AsyncGenerator<ReadLines> {
  const rows = format === 'TEXT' ? textRows(decoded(source)) : csvRows(decoded(source));
  for await (const some of rows) if (some.length > 0) yield readRows(some);
}

/** The text of the bytes, without the mark that some programs write before it. */
async function* decoded(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Uint8Array) => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch (error) {
      throw new UnreadableFile('the file is not UTF-8', { cause: error });
    }
  };
  for await (const bytes of source) yield decode(bytes);
  yield decode();
}

async function* textRows(texts: AsyncIterable<string>): AsyncGenerator<FileRow[]> {
  const reader = createTextReader();
  for await (const text of texts) yield reader.push(text);
  yield reader.end();
}

async function* csvRows(texts: AsyncIterable<string>): AsyncGenerator<FileRow[]> {
  const read = createCsvReader();
  const parser = parse({ ...CSV_OPTIONS, max_record_size: LINE_CHARACTERS_MAX });
  const feeding = pipeline(texts, parser);
  // told by the loop, or by `await feeding` after it
  feeding.catch(() => undefined);
  try {
    let records: CsvRecord[] = [];
    for await (const record of parser) {
      records.push(record as CsvRecord);
      if (records.length < RECORDS_AT_ONCE) continue;
      yield read(records);
      records = [];
    }
    await feeding;
    yield read(records);
  } catch (error) {
    throw error instanceof CsvError ? new UnreadableFile(csvProblem(error), { cause: error }) : error;
  }
}
