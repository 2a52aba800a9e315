import { fileURLToPath } from 'node:url'

const OWN = new URL('../../', import.meta.url).href
const FRAME = /(?:\(|at (?:async )?)((?:file:\/\/)?\/[^()]*?):(\d+):\d+\)?$/
/** Builders stand many frames deep. */
const FRAMES_MAX = 60

/** The place in the user's code that has called: not in a package, not in Node, not here. */
export function callerPlace(): string | undefined {
  return frames().find(({ file }) => !isForeign(file))?.place
}

/** The same, unless a package stands in between. */
export function directCaller(): string | undefined {
  const first = frames().find(({ file }) => !isOwn(file))
  return first === undefined || isForeign(first.file) ? undefined : first.place
}

interface Frame {
  readonly file: string
  readonly place: string
}

/** Frames in files, Node's own left out. */
function frames(): Frame[] {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES_MAX
  const { stack = '' } = new Error('place')
  Error.stackTraceLimit = limit
  return stack.split('\n').flatMap((line) => {
    const [, file, number] = FRAME.exec(line.trim()) ?? []
    if (file === undefined) return []
    const path = file.startsWith('file:') ? fileURLToPath(file.replace(/\?.*$/, '')) : file
    return [{ file, place: `${path}:${number}` }]
  })
}

/** Whether the function that asks this was called by Node itself. */
export function isCalledByNode(): boolean {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 3
  const frames = (new Error('caller').stack ?? '').split('\n')
  Error.stackTraceLimit = limit
  return /\(?node:internal/.test(frames[3] ?? '')
}

function isForeign(file: string): boolean {
  return file.includes('/node_modules/') || isOwn(file)
}

function isOwn(file: string): boolean {
  return (file.startsWith(OWN) || `file://${file}`.startsWith(OWN)) && !file.includes('.test.')
}
