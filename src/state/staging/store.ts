import type { Statement } from '../../database/statement.ts'
import type { Chunk, NewContent, Seal } from './staging.ts'

export function open({ id, contentType, keptMs }: NewContent): Statement {
  return {
    text: `INSERT INTO holdfast.staged_contents (id, content_type, expires_at)
 VALUES ($1, $2, now() + $3::text::interval)`,
    values: [id, contentType, `${keptMs} milliseconds`],
  }
}

export function append(id: string, { at, bytes }: Chunk): Statement {
  return {
    text: 'INSERT INTO holdfast.staged_chunks (content, at, bytes) VALUES ($1, $2, $3)',
    values: [id, at, bytes],
  }
}

/** By tenant too, so that the planner needs no function to find the row. */
export function seal(tenant: string, id: string, { bytes, sha256 }: Seal): Statement {
  return {
    text: `UPDATE holdfast.staged_contents SET bytes = $3, sha256 = $4
 WHERE tenant = $1 AND id = $2 AND bytes IS NULL`,
    values: [tenant, id, bytes, sha256],
  }
}

export function adopt(id: string, keptMs: number): Statement {
  return {
    text: 'SELECT holdfast.adopt_staged($1, $2::text::interval)',
    values: [id, `${keptMs} milliseconds`],
  }
}

export function drop(id: string): Statement {
  return { text: 'SELECT holdfast.drop_staged($1)', values: [id] }
}

export function facts(id: string): Statement {
  return {
    text: `SELECT bytes, encode(sha256, 'hex') AS sha256, content_type
 FROM holdfast.staged_contents
 WHERE tenant = holdfast.tenant() AND id = $1 AND bytes IS NOT NULL LIMIT 1`,
    values: [id],
  }
}

/** From the chunk that holds the byte at `from` on: the last one that begins at or before it. */
export function chunks(id: string, from: number, chunksMax: number): Statement {
  return {
    text: `SELECT at, bytes FROM holdfast.staged_chunks
 WHERE tenant = holdfast.tenant() AND content = $1 AND at >= coalesce((
   SELECT at FROM holdfast.staged_chunks
   WHERE tenant = holdfast.tenant() AND content = $1 AND at <= $2 ORDER BY at DESC LIMIT 1), 0)
 ORDER BY at LIMIT $3`,
    values: [id, from, chunksMax],
  }
}

/** Chunks before their contents: what is interrupted in between is found again. */
export function pruneChunks(chunksMax: number): Statement {
  return {
    text: `DELETE FROM holdfast.staged_chunks WHERE (tenant, content, at) IN (
  SELECT chunk.tenant, chunk.content, chunk.at
  FROM holdfast.staged_contents AS expired
  JOIN holdfast.staged_chunks AS chunk
    ON chunk.tenant = expired.tenant AND chunk.content = expired.id
  WHERE expired.expires_at <= now() LIMIT $1)`,
    values: [chunksMax],
  }
}

export function pruneContents(contentsMax: number): Statement {
  return {
    text: `DELETE FROM holdfast.staged_contents WHERE (tenant, id) IN (
  SELECT tenant, id FROM holdfast.staged_contents AS expired
  WHERE expires_at <= now() AND NOT EXISTS (
    SELECT FROM holdfast.staged_chunks AS chunk
    WHERE chunk.tenant = expired.tenant AND chunk.content = expired.id)
  LIMIT $1)`,
    values: [contentsMax],
  }
}
