import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type CsvFault, type CsvRow, ROW_LENGTH_MAX, readCsv } from './product-csv.ts'

interface Read {
  readonly rows: readonly CsvRow[]
  readonly faults: readonly CsvFault[]
}

/** Window after window, as an import reads a file. */
async function readAll(file: Buffer, windowBytes = 1 << 20, rowsMax = 1000): Promise<Read> {
  const rows: CsvRow[] = []
  const faults: CsvFault[] = []
  let at = { position: 0, line: 1, skipping: false }
  while (at.position < file.length) {
    const bytes = file.subarray(at.position, at.position + windowBytes)
    const last = at.position + bytes.length === file.length
    const part = await readCsv({ ...at, bytes, last, rowsMax })
    assert.ok(part.consumed > 0, 'a window moves on')
    rows.push(...part.rows)
    faults.push(...part.faults)
    at = { position: at.position + part.consumed, line: part.line, skipping: part.skipping }
  }
  return { rows, faults }
}

const field = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('', 'a,b', 'say "x"', 'two\nlines', 'two\r\nlines', ' spaced ', '"', '""', '\r'),
)
const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 30 })

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function written(rows: readonly (readonly string[])[], lineEnd: string): Buffer {
  return Buffer.from(rows.map((row) => row.map(quoted).join(',') + lineEnd).join(''))
}

describe('CSV', () => {
  test('comes out as it was written, whatever the windows, the line ends and the batches', async () => {
    const lineEnds = fc.constantFrom('\n', '\r\n')
    const windows = fc.integer({ min: 600, max: 2000 })
    const batches = fc.integer({ min: 1, max: 9 })
    await fc.assert(
      fc.asyncProperty(table, lineEnds, windows, batches, async (rows, lineEnd, window, batch) => {
        const read = await readAll(written(rows, lineEnd), window, batch)
        assert.deepEqual(read.faults, [])
        assert.deepEqual(
          read.rows.map(({ fields }) => fields),
          rows,
        )
      }),
      { numRuns: 200 },
    )
  })

  test('gives no row that is not complete, wherever the file is cut off', async () => {
    await fc.assert(
      fc.asyncProperty(table, fc.nat(), async (rows, at) => {
        const whole = written(rows, '\n')
        const file = whole.subarray(0, at % (whole.length + 1))
        const { rows: read } = await readAll(file)
        const told = rows.map((row) => JSON.stringify(row))
        // A line inside quotes that were cut off may look like a row of its own; it has no comma here.
        for (const { fields } of read.filter((row) => row.fields.length > 1)) {
          assert.ok(told.includes(JSON.stringify(fields)), JSON.stringify(fields))
        }
      }),
      { numRuns: 200 },
    )
  })

  test('lines are counted as an editor counts them', async () => {
    const { rows, faults } = await readAll(
      Buffer.from('a,b\r\n\r\n"two\r\nlines",c\nd,e\n\nx"y,f\ng,h\n'),
    )
    assert.deepEqual(
      rows.map(({ line, fields }) => [line, fields[1]]),
      [
        [1, 'b'],
        [3, 'c'],
        [5, 'e'],
        [8, 'h'],
      ],
    )
    assert.deepEqual(
      faults.map(({ line }) => line),
      [7],
    )
  })

  test('a broken quote costs its own row', async () => {
    const file = 'a,1\n"open,2\nb,3\n"c" d,4\ne,5\nf"g,6\nh,7\n'
    const { rows, faults } = await readAll(Buffer.from(file))
    assert.deepEqual(
      rows.map(({ fields }) => fields[0]),
      ['a', 'b', 'e', 'h'],
    )
    assert.deepEqual(
      faults.map(({ line }) => line),
      [2, 4, 6],
    )
    assert.match(faults[0]?.reason ?? '', /not closed/)
    assert.match(faults[1]?.reason ?? '', /behind a closing quote/)
    assert.match(faults[2]?.reason ?? '', /inside a field/)
  })

  test('a line without end is passed over, window after window', async () => {
    const long = Buffer.alloc(5 * ROW_LENGTH_MAX, 'x')
    const file = Buffer.concat([Buffer.from('a,1\n'), long, Buffer.from('\nb,2\n')])
    const { rows, faults } = await readAll(file, 2 * ROW_LENGTH_MAX)
    assert.deepEqual(
      rows.map(({ line, fields }) => [line, fields[0]]),
      [
        [1, 'a'],
        [3, 'b'],
      ],
    )
    assert.deepEqual(faults, [{ line: 2, reason: `is longer than ${ROW_LENGTH_MAX} characters` }])
  })
})
