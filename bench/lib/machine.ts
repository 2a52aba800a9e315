import { cpus, release, totalmem } from 'node:os'

export function machineLine(serverVersion: string): string {
  const [cpu] = cpus()
  const gib = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} x ${cpu?.model.trim()}, ${gib} GiB, Linux ${release()}, Node ${process.version}, Postgres ${serverVersion}; client, servers and database share the cores`
}
