/**
 * One batch of an import: a window of the file is read, its rows are written, and the position moves,
 * all in the transaction that also ends this job and enqueues the next one. Whatever crashes where,
 * a row is written once; the memory taken is one window, however large the file.
 */
import { type Sql, sql } from '../../../src/database/sql.ts'
import { dropStaged, readStaged } from '../../../src/operation/staged-content.ts'
import type { UnitOfWork } from '../../../src/operation/unit-of-work-types.ts'
import type { Database } from '../database.ts'
import { shop } from '../shop.ts'
import { ImportBatch } from './import-contract.ts'
import { type CsvFault, type CsvPart, readCsv } from './product-csv.ts'
import {
  type Finding,
  isFindings,
  type ProductColumn,
  type ProductRow,
  readHeader,
  readRow,
} from './product-row.ts'
import { upsertProducts } from './upsert-products.ts'

/** What one batch holds in memory, a few times over: as bytes, as text, as values on their way. */
const WINDOW_BYTES = 1024 * 1024
/** One statement writes them; a second of work for the server, and of locks for others. */
const ROWS_MAX = 5_000
/** Each of them costs the parser up to a whole window: a file that has more is no CSV. */
const UNREADABLE_MAX = 1_000

interface ImportState {
  readonly id: string
  readonly file: string
  readonly file_bytes: number
  readonly position: number
  readonly line: number
  readonly skipping: boolean
  readonly columns: readonly ProductColumn[] | null
  readonly rows_unreadable: number
  readonly findings: number
}

export const importBatch = shop.handle(ImportBatch, {
  // The row of the import is locked, and its position guarded in the statement that moves it.
  isolation: 'read committed',
  async run({ payload, tx }) {
    const state = await tx.maybeOne(lockedImport(payload.import_id))
    if (state === undefined) return
    const bytes = await readStaged(tx, state.file, {
      from: state.position,
      bytesMax: WINDOW_BYTES,
    })
    const last = state.position + bytes.length === state.file_bytes
    if (!last && bytes.length < WINDOW_BYTES) return end(tx, state, 'The file is no longer there.')
    const batch = new Batch(tx, state)
    const begun = state.columns === null ? await batch.header(bytes, last) : 0
    if (begun !== undefined) await batch.rows(bytes.subarray(begun), last)
  },
  async whenDead({ payload, tx, job }) {
    const state = await tx.maybeOne(lockedImport(payload.import_id))
    if (state === undefined) return
    const told = [
      `Given up at line ${state.line}: the rows from there on could not be written in`,
      `${job.attempt} attempts. The rows before it are in the catalog. Send the file again; if it ends`,
      `here once more, tell us the job: ${job.id}.`,
    ]
    end(tx, state, told.join(' '))
  },
})

type Tx = UnitOfWork<Database>

class Batch {
  readonly #tx: Tx
  readonly #state: ImportState
  #columns: readonly ProductColumn[]
  #line: number
  #position: number

  constructor(tx: Tx, state: ImportState) {
    this.#tx = tx
    this.#state = state
    this.#columns = state.columns ?? []
    this.#line = state.line
    this.#position = state.position
  }

  /** How many bytes it took; undefined where the file was refused because of it. */
  async header(bytes: Buffer, last: boolean): Promise<number | undefined> {
    const bom = bytes.indexOf(UTF8_BOM) === 0 ? UTF8_BOM.length : 0
    const wide = UTF16_BOMS.some((mark) => bytes.indexOf(mark) === 0)
    if (wide) return this.#refuse([{ line: 1, reason: 'is UTF-16: save the file as UTF-8' }])
    const window = { bytes: bytes.subarray(bom), last, line: 1, skipping: false, rowsMax: 1 }
    const { rows, faults, consumed, line } = await firstRow(window)
    const [row] = rows
    if (row === undefined) return this.#refuse(faults.length > 0 ? faults : [NO_HEADER])
    const columns = readHeader(row)
    if (isFindings(columns)) return this.#refuse(columns)
    this.#columns = columns as readonly ProductColumn[]
    this.#line = line
    this.#position = bom + consumed
    return bom + consumed
  }

  #refuse(findings: readonly Finding[]): undefined {
    this.#tx.defer(insertFindings(this.#state, findings))
    end(this.#tx, this.#state, 'The header of the file cannot be used: see the report.', {
      findings: findings.length,
    })
  }

  async rows(bytes: Buffer, last: boolean): Promise<void> {
    const { skipping } = this.#state
    const place = { line: this.#line, skipping, rowsMax: ROWS_MAX }
    const part = await readCsv({ bytes, last, ...place })
    const { good, findings } = this.#sorted(part)
    const written = await upsertProducts(this.#tx, this.#state.id, this.#columns, good)
    const all = [...findings, ...written.findings].sort((a, b) => a.line - b.line)
    if (all.length > 0) this.#tx.defer(insertFindings(this.#state, all))
    this.#move(part, { ...written, findings: all })
  }

  /** Rows that may be written, and what is wrong with the others. */
  #sorted({ rows, faults }: CsvPart): { good: ProductRow[]; findings: Finding[] } {
    const findings: Finding[] = [...faults]
    const good = new Map<string, ProductRow>()
    for (const row of rows) {
      const read = readRow(this.#columns, row)
      if (isFindings(read)) findings.push(...read)
      else {
        const earlier = good.get(read.sku)
        if (earlier === undefined) good.set(read.sku, read)
        else findings.push(repeated(read, earlier.line))
      }
    }
    return { good: [...good.values()], findings }
  }

  #move(part: CsvPart, written: Written): void {
    const state = this.#state
    const position = this.#position + part.consumed
    const unreadable = state.rows_unreadable + part.faults.length
    const counts = {
      rows_created: written.created,
      rows_updated: written.updated,
      rows_rejected: new Set(written.findings.map(({ line }) => line)).size,
      rows_unreadable: part.faults.length,
      findings: written.findings.length,
    }
    const { line, skipping } = part
    const moved = { position, line, skipping, columns: this.#columns }
    this.#tx.defer(moveImport(state, moved, counts), { rows: 1 })
    if (unreadable > UNREADABLE_MAX) {
      const told = `More than ${UNREADABLE_MAX} rows have quotes that cannot be read.`
      end(this.#tx, { ...state, position }, told)
    } else if (position === state.file_bytes) end(this.#tx, { ...state, position }, null)
    else this.#tx.enqueue(ImportBatch, { import_id: state.id })
  }
}

interface Written {
  readonly created: number
  readonly updated: number
  readonly findings: readonly Finding[]
}

const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf])
const UTF16_BOMS = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])]
const NO_HEADER: Finding = { line: 1, reason: 'is missing: the file is empty' }

/** Empty lines in front of the header are passed over. */
async function firstRow(window: Parameters<typeof readCsv>[0]): Promise<CsvPart> {
  let at = { consumed: 0, line: window.line }
  for (;;) {
    const bytes = window.bytes.subarray(at.consumed)
    const part = await readCsv({ ...window, bytes, line: at.line })
    const consumed = at.consumed + part.consumed
    const found = part.rows.length + part.faults.length > 0 || part.consumed === 0
    if (found || consumed === window.bytes.length) return { ...part, consumed }
    at = { consumed, line: part.line }
  }
}

export function repeated(
  { line, sku }: Pick<ProductRow, 'line' | 'sku'>,
  earlier: number,
): Finding {
  return { line, column: 'sku', reason: `${sku} stands in line ${earlier} already` }
}

function lockedImport(id: string): Sql<ImportState> {
  return sql<ImportState>`
    SELECT id, file, file_bytes, position, line, skipping, columns, rows_unreadable, findings
    FROM product_imports WHERE id = ${id} AND status = 'running' FOR UPDATE`
}

interface Moved {
  readonly position: number
  readonly line: number
  readonly skipping: boolean
  readonly columns: readonly ProductColumn[]
}

type Counts = Readonly<
  Record<'rows_created' | 'rows_updated' | 'rows_rejected' | 'rows_unreadable' | 'findings', number>
>

function moveImport(before: ImportState, to: Moved, counts: Counts): Sql {
  return sql`
    UPDATE product_imports SET position = ${to.position}, line = ${to.line},
      skipping = ${to.skipping}, columns = ${to.columns}::text[],
      rows_created = rows_created + ${counts.rows_created},
      rows_updated = rows_updated + ${counts.rows_updated},
      rows_rejected = rows_rejected + ${counts.rows_rejected},
      rows_unreadable = rows_unreadable + ${counts.rows_unreadable},
      findings = findings + ${counts.findings}
    WHERE id = ${before.id} AND position = ${before.position}`
}

/** Ends the import at the position that it has; what was staged for it may go. */
function end(
  tx: Tx,
  { id, file, position }: Pick<ImportState, 'id' | 'file' | 'position'>,
  failure: string | null,
  { findings = 0 }: { readonly findings?: number } = {},
): void {
  const status = failure === null ? 'done' : 'failed'
  const ended = sql`
    UPDATE product_imports SET status = ${status}, failure = ${failure}, finished_at = now(),
      findings = findings + ${findings}::integer
    WHERE id = ${id} AND position = ${position}`
  tx.defer(ended, { rows: 1 })
  dropStaged(tx, file)
}

function insertFindings(
  { id, findings: before }: Pick<ImportState, 'id' | 'findings'>,
  findings: readonly (Finding | CsvFault)[],
): Sql {
  const lines = findings.map(({ line }) => line)
  const columns = findings.map((finding) => ('column' in finding ? finding.column : null) ?? null)
  const reasons = findings.map(({ reason }) => reason)
  return sql`
    INSERT INTO product_import_findings (import_id, no, line, column_name, reason)
    SELECT ${id}, ${before}::integer + finding.no, finding.line, finding.column_name, finding.reason
    FROM unnest(${lines}::integer[], ${columns}::text[], ${reasons}::text[])
      WITH ORDINALITY AS finding (line, column_name, reason, no)`
}
