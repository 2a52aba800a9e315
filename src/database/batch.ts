/**
 * A batch: N x Parse/Bind/Execute and ONE Sync, sent as one write.
 *
 * - All statements share one implicit transaction unless BEGIN is among them. On an error the
 *   server skips to the Sync: nothing after the failed statement runs.
 * - A statement seen before on this connection goes by its name: no Parse, no Describe.
 *   A name is recorded on ParseComplete only: what was sent behind an error was never parsed.
 * - Step by step (`step`): each Execute is followed by a Flush and awaited before the next one is
 *   sent. This is the seam through which explorers and crash tests walk inside a batch.
 *
 * pg clears its active query before it calls `handleError`, so `handleReadyForQuery` never comes
 * after an error: a batch settles in `handleError`. pg itself holds back the next query until the
 * server has answered the Sync.
 */
import { HoldfastError } from '../base/fault.ts'
import { encode, type Parse, parserFor } from './parsers.ts'
import { ConnectionLostError, type ServerReport, StatementError } from './sqlstate.ts'
import type { Row, Rows, Statement } from './statement.ts'
import type { Prepared, StatementNames } from './statement-names.ts'
import { type WireValue, WireWriter } from './wire-writer.ts'

/** What a batch needs of pg's Connection. */
export interface Wire {
  readonly stream: { write(bytes: Buffer): unknown; destroy(error?: Error): void }
}

interface FieldMessage {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[]
}

interface DataRowMessage {
  readonly fields: readonly (string | null)[]
}

interface CommandMessage {
  readonly text: string
}

export interface Column {
  readonly name: string
  readonly oid: number
  readonly parse: Parse
}

/** Where a stepped batch stands. `sent: false`: about to be sent; `true`: answered by the server. */
export type Step = (place: {
  readonly statement: Statement
  readonly index: number
  readonly count: number
  readonly done: boolean
}) => Promise<void> | void

export interface BatchOptions {
  readonly names: StatementNames | undefined
  readonly step?: Step | undefined
  /** The batch ends in COMMIT: a connection lost from now on leaves the outcome in doubt. */
  readonly closing?: boolean
}

const NO_COLUMNS: readonly Column[] = []
/** Serializing is synchronous, so one buffer serves all connections of the process. */
const writer = new WireWriter()

export class Batch {
  readonly results: Promise<Rows[]>
  readonly #statements: readonly Statement[]
  readonly #options: BatchOptions
  readonly #prepared: (Prepared | undefined)[] = []
  /** Places whose Parse was sent, in order; ParseComplete answers in the same order. */
  readonly #parsing: number[] = []
  /** Names whose Close was sent; behind an error the server passes over it. */
  readonly #closed: string[] = []
  readonly #done: Rows[] = []
  #columns: readonly Column[] | undefined
  #rows: Row[] = []
  #failure: unknown
  #sent = false
  #stepDone: (() => void) | undefined
  #resolve!: (rows: Rows[]) => void
  #reject!: (error: unknown) => void

  constructor(statements: readonly Statement[], options: BatchOptions) {
    this.#statements = statements
    this.#options = options
    this.results = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Called by pg when the connection is ours. An error is returned, not thrown, by its contract. */
  submit(wire: Wire): Error | undefined {
    const values = this.#attempt(() => this.#statements.map(encodeValues))
    if (values instanceof Error) return values
    if (this.#options.step !== undefined) {
      this.#sent = true
      void this.#sendStepwise(wire, values, this.#options.step)
      return undefined
    }
    const bytes = this.#attempt(() => this.#serialize(values))
    if (bytes instanceof Error) return bytes
    this.#sent = true
    wire.stream.write(bytes)
    return undefined
  }

  /** Before anything is sent: half a batch and a Sync would commit that half. */
  #attempt<T>(prepare: () => T): T | Error {
    try {
      return prepare()
    } catch (thrown) {
      // A value of the user may throw anything when it is turned into text.
      const error =
        thrown instanceof Error
          ? thrown
          : new Error('A value is not to be sent.', { cause: thrown })
      this.#failure = error
      return error
    }
  }

  #serialize(values: readonly WireValue[][]): Buffer {
    writer.reset()
    for (let index = 0; index < this.#statements.length; index++) this.#write(values, index)
    writer.sync()
    return writer.take()
  }

  #write(values: readonly WireValue[][], index: number): void {
    const statement = this.#statements[index] as Statement
    const prepared = this.#options.names?.use(statement)
    this.#prepared[index] = prepared
    if (prepared === undefined) this.#parse('', statement.text, index)
    else this.#prepare(prepared, statement.text, index)
    writer.bind(prepared?.name ?? '', values[index] as WireValue[])
    if (prepared?.columns === undefined) writer.describePortal()
    writer.execute(rowsLimit(statement))
  }

  #prepare(prepared: Prepared, text: string, index: number): void {
    for (const name of this.#options.names?.takeEvicted() ?? []) {
      this.#closed.push(name)
      writer.closeStatement(name)
    }
    if (prepared.parsed) return
    // Twice in one batch: the first of them parses for both.
    if (this.#prepared.indexOf(prepared) === index) this.#parse(prepared.name, text, index)
  }

  #parse(name: string, text: string, index: number): void {
    if (text.includes('\0')) {
      // It would end the text for the server, and what follows would be read as something else.
      throw new HoldfastError('HF_OPTION_INVALID', 'A statement cannot hold the character U+0000.')
    }
    this.#parsing.push(index)
    writer.parse(name, text)
  }

  /** A step that throws cuts the connection: a Sync would commit what was sent so far. */
  async #sendStepwise(wire: Wire, values: readonly WireValue[][], step: Step): Promise<void> {
    const count = this.#statements.length
    try {
      for (let index = 0; index < count && this.#failure === undefined; index++) {
        const statement = this.#statements[index] as Statement
        await step({ statement, index, count, done: false })
        await this.#sendOne(wire, values, index)
        if (this.#failure === undefined) await step({ statement, index, count, done: true })
      }
      writer.reset()
      writer.sync()
      wire.stream.write(writer.take())
    } catch (error) {
      wire.stream.destroy(error as Error)
    }
  }

  #sendOne(wire: Wire, values: readonly WireValue[][], index: number): Promise<void> {
    const done = new Promise<void>((resolve) => {
      this.#stepDone = resolve
    })
    writer.reset()
    this.#write(values, index)
    writer.flush()
    wire.stream.write(writer.take())
    return done
  }

  /** A message of the server, by pg's name for it; false where it is not for a batch. */
  handleReply(event: string, message: unknown): boolean {
    switch (event) {
      case 'bindComplete':
      case 'noData':
      case 'closeComplete':
        return true
      case 'dataRow':
        this.handleDataRow(message as DataRowMessage)
        return true
      case 'commandComplete':
        this.handleCommandComplete(message as CommandMessage)
        return true
      case 'parseComplete':
        this.handleParseComplete()
        return true
      default:
        return false
    }
  }

  handleParseComplete(): void {
    const index = this.#parsing.shift()
    const prepared = index === undefined ? undefined : this.#prepared[index]
    if (prepared !== undefined) prepared.parsed = true
  }

  handleRowDescription(message: FieldMessage): void {
    const bigint = this.#statement()?.bigint
    this.#columns = message.fields.map((field) => ({
      name: field.name,
      oid: field.dataTypeID,
      parse: parserFor(field.dataTypeID, bigint),
    }))
  }

  handleDataRow(message: DataRowMessage): void {
    // What a closing batch returns is not read: after COMMIT there is no way to refuse it.
    if (this.#options.closing === true) return
    const columns = this.#columns ?? this.#prepared[this.#done.length]?.columns ?? NO_COLUMNS
    try {
      const read = this.#statement()?.arrays === true ? toArray : toRow
      this.#rows.push(read(columns, message.fields))
    } catch (error) {
      this.#failure ??= error
    }
  }

  handleCommandComplete(message: CommandMessage): void {
    this.#complete(message.text)
  }

  handleEmptyQuery(): void {
    this.#complete('')
  }

  handlePortalSuspended(): void {
    const statement = this.#statement()
    this.#failure ??= new HoldfastError(
      'HF_ROWS_MAX',
      `More than ${statement?.rowsMax} rows for: ${statement?.text}.`,
    )
    this.#complete('')
  }

  #complete(tag: string): void {
    if (tag.startsWith('COPY')) this.#failure ??= copyRefusal()
    const prepared = this.#prepared[this.#done.length]
    if (prepared !== undefined && prepared.columns === undefined) {
      prepared.columns = this.#columns ?? NO_COLUMNS
    }
    this.#done.push({ rows: this.#rows, rowCount: affectedRows(tag), command: firstWord(tag) })
    this.#rows = []
    this.#columns = undefined
    this.#endStep()
  }

  #statement(): Statement | undefined {
    return this.#statements[this.#done.length]
  }

  handleError(error: ServerReport | Error): void {
    const failure = this.#toFailure(error)
    // Our own reason to give up (a value that could not be read) came first and stands.
    this.#failure ??= failure
    this.#options.names?.putBack(this.#closed)
    this.#endStep()
    this.#reject(this.#failure)
  }

  #toFailure(error: ServerReport | Error): StatementError | ConnectionLostError {
    if (!('severity' in error) || !('code' in error)) {
      return new ConnectionLostError(error, this.#options.closing === true && this.#commitSent())
    }
    const index = this.#done.length
    const failure = new StatementError(error, index, this.#statements[index]?.text ?? '')
    // A FATAL during COMMIT (shutdown, a replica that does not answer) may follow a commit.
    const inDoubt = failure.fatal && this.#options.closing === true && this.#atLast(index)
    return inDoubt ? new ConnectionLostError(failure, true) : failure
  }

  #atLast(index: number): boolean {
    return index >= this.#statements.length - 1
  }

  #commitSent(): boolean {
    return this.#sent && this.#prepared.length === this.#statements.length
  }

  handleReadyForQuery(): void {
    if (this.#failure === undefined) this.#resolve(this.#done)
    else this.#reject(this.#failure)
  }

  /** In this state the server passes over the Sync that was sent: another one ends the batch. */
  handleCopyInResponse(wire: { sendCopyFail(message: string): void; sync(): void }): void {
    wire.sendCopyFail('COPY is not possible inside a batch')
    if (this.#atLast(this.#done.length)) wire.sync()
  }

  handleCopyData(): void {}

  #endStep(): void {
    this.#stepDone?.()
    this.#stepDone = undefined
  }
}

type Fields = readonly (string | null)[]

function toRow(columns: readonly Column[], fields: Fields): Row {
  const row: Row = {}
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index] as Column
    row[column.name] = toValue(column, fields[index])
  }
  return row
}

function toArray(columns: readonly Column[], fields: Fields): Row {
  return columns.map((column, index) => toValue(column, fields[index])) as unknown as Row
}

function toValue(column: Column, text: string | null | undefined): unknown {
  return text === null || text === undefined ? null : column.parse(text)
}

/** Bind counts its values in 16 bits (Postgres manual 55.7). */
const VALUES_MAX = 65_535

function encodeValues({ text, values }: Statement): WireValue[] {
  if (values.length > VALUES_MAX) {
    const complaint = `A statement has ${values.length} values, more than ${VALUES_MAX}: use unnest.`
    throw new HoldfastError('HF_OPTION_INVALID', complaint)
  }
  if (COPY.test(text)) throw copyRefusal()
  return values.map(encode)
}

const COPY = /^copy\b/i

/** It streams; in a batch both sides would wait for each other. */
function copyRefusal(): HoldfastError {
  return new HoldfastError('HF_OPTION_INVALID', 'COPY is not possible inside a batch.')
}

/** One row more than the bound: that many rows suspend the portal only where the bound is passed. */
function rowsLimit(statement: Statement): number {
  return statement.rowsMax === undefined ? 0 : statement.rowsMax + 1
}

/** Tags: `INSERT 0 5`, `UPDATE 3`, `SELECT 2`, `BEGIN`. */
function affectedRows(tag: string): number {
  const count = Number(tag.slice(tag.lastIndexOf(' ') + 1))
  return Number.isInteger(count) ? count : 0
}

function firstWord(tag: string): string {
  const space = tag.indexOf(' ')
  return space === -1 ? tag : tag.slice(0, space)
}
