/** The HTTP side of a streamed input: what its headers say, and its bytes piece by piece. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { builtinProblem, type ProblemError } from '../../operation/problem.ts'
import { type BodyLimits, expectsContinue, refuseEncoding, tooLarge } from './body.ts'

/** RFC 9110 §8.3.1, with the parameters split off. */
const MEDIA_TYPE = /^([^\s;]+)\s*(?:;(.*))?$/
const CHARSET = /(?:^|;)\s*charset\s*=\s*"?([^\s;"]*)"?/i

export interface StreamHead {
  readonly contentType: string
  readonly sha256: Buffer | undefined
}

/** What can be told before the first byte: the type, the length, the digest; or what is wrong. */
export function streamHead(
  request: IncomingMessage,
  contentTypes: readonly string[],
  { bytesMax }: Pick<BodyLimits, 'bytesMax'>,
): StreamHead | ProblemError {
  const refusal = refuseEncoding(request)
  if (refusal !== undefined) return refusal
  const type = mediaType(request.headers['content-type'] ?? '')
  if (type === undefined || !contentTypes.includes(type)) return wrongType(contentTypes)
  if (Number(request.headers['content-length']) > bytesMax) return tooLarge(bytesMax)
  return { contentType: type, sha256: contentDigest(request.headers['content-digest']) }
}

/** In lower case, without parameters; undefined where its charset is none that is read here. */
function mediaType(header: string): string | undefined {
  const [, type = '', parameters = ''] = MEDIA_TYPE.exec(header.trim()) ?? []
  const charset = CHARSET.exec(parameters)?.[1]?.toLowerCase() ?? 'utf-8'
  return charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii'
    ? type.toLowerCase()
    : undefined
}

function wrongType(contentTypes: readonly string[]): ProblemError {
  const detail = `Send Content-Type: ${contentTypes.join(' or ')}, in UTF-8.`
  return builtinProblem('unsupported-media-type', { detail })
}

/** RFC 9530 §2: a dictionary of digests by algorithm. Others than sha-256 are not checked. */
function contentDigest(header: string | string[] | undefined): Buffer | undefined {
  const found = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(String(header ?? ''))?.[1]
  return found === undefined ? undefined : Buffer.from(found, 'base64')
}

/**
 * The body as it comes; the sender waits while nobody asks for more. Throws where the caller goes
 * away in the middle. Whoever stops asking leaves the request as it is, to be answered.
 */
export async function* streamPieces(
  request: IncomingMessage,
  response: ServerResponse,
): AsyncGenerator<Buffer> {
  // A reset that comes when nobody reads any more must find a listener, or it would end the process.
  request.on('error', () => {})
  if (expectsContinue.has(request)) response.writeContinue()
  yield* request.iterator({ destroyOnReturn: false })
  if (!request.complete) throw new Error('The caller has gone away.')
}
