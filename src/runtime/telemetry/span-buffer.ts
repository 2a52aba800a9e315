/** What goes between the process and the thread that sends its spans. */

export interface ExportTarget {
  /** `http://collector:4318/v1/traces` */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** For one request to the collector. */
  readonly timeoutMs: number
}

/** What the thread is given: the body of a request is the beginning of the buffer. */
export interface FilledBuffer {
  readonly buffer: ArrayBuffer
  readonly length: number
  readonly count: number
}

export interface SentBuffer {
  readonly buffer: ArrayBuffer
  readonly count: number
  readonly failed: boolean
}

/** Together 4 MiB: seconds of a busy process, longer than a collector takes to be restarted. */
export const BUFFERS_MAX = 8
