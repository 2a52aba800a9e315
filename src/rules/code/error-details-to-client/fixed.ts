export interface Reply {
  readonly status: number
  readonly body: object
}

/** The caller gets an id to name, the log gets the error under it. */
export function answer(error: Error, requestId = 'req_1', log?: (line: object) => void): Reply {
  log?.({ requestId, error: error.message, stack: error.stack })
  return {
    status: 500,
    body: { type: 'about:blank', title: 'Internal error', status: 500, instance: requestId },
  }
}
