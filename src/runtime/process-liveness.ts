/**
 * Whether a process is still there, and names by which another process can find that out.
 *
 * A name says more than a number: a number is given to the next process, and means another one in
 * another container. So it also tells the boot of the machine, the namespace in which the number
 * counts, and when the process began. Who reads it on the same machine, in the same namespace, is
 * sure; anybody else knows nothing, and has to wait for a lease.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** Whether a process with this id exists; one of another user (EPERM) does. */
export function isProcessAlive(pid: number): boolean {
  return answersSignals(pid) && processStat(pid)?.state !== ZOMBIE
}

/** `host:pid`, and where the system tells it, ` boot/namespace/start`. */
export function processName(): string {
  const who = `${hostname()}:${process.pid}`
  const start = processStat(process.pid)?.start
  const place = machine()
  return place === undefined || start === undefined ? who : `${who} ${place}/${start}`
}

/** Only where it is certain: the process of this name has run here, and does no more. */
export function isProcessGone(name: string): boolean {
  const [, pidText, place, start] = /:(\d+) (\S+)\/(\d+)$/.exec(name) ?? []
  if (place === undefined || place !== machine()) return false
  const pid = Number(pidText)
  if (!answersSignals(pid)) return true
  const stat = processStat(pid)
  return stat !== undefined && (stat.state === ZOMBIE || stat.start !== start)
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** It answers signal 0 until its parent collects it, which may be never in a container. */
const ZOMBIE = 'Z'

interface ProcessStat {
  readonly state: string
  /** In clock ticks since the boot. */
  readonly start: string
}

/** As Linux tells it; of processes of others perhaps not. */
function processStat(pid: number): ProcessStat | undefined {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  // The name in parentheses may itself hold parentheses and spaces: the state follows the last one.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, start] = [fields?.[0], fields?.[START_FIELD]]
  return state === undefined || start === undefined ? undefined : { state, start }
}

/** Field 22 of proc(5), counted from the state, which is field 3. */
const START_FIELD = 19

/** The boot, and the namespace in which process ids count; undefined where the system tells neither. */
function machine(): string | undefined {
  const boot = tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
  const namespace = tryRead(() => /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0])
  return boot === undefined || namespace === undefined ? undefined : `${boot}/${namespace}`
}

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
