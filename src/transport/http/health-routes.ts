import { type Health, type HealthReport, healthBody } from '../../runtime/health.ts'
import type { HttpHost } from './host.ts'
import { type PlainReply, plainRoute } from './plain-route.ts'

/** `/health/live` and `/health/ready`; what is wrong, and `/health`, only where `detailed`. */
export function healthRoutes(
  host: HttpHost,
  health: Health,
  headers: readonly string[],
  detailed: boolean,
): void {
  const reply = (report: HealthReport): PlainReply => ({
    status: report.status === 'fail' ? 503 : 200,
    contentType: 'application/health+json',
    body: healthBody(report, detailed),
  })
  plainRoute(host, '/health/live', headers, () => reply(health.live()))
  const ready = async () => reply(await health.ready())
  plainRoute(host, '/health/ready', headers, ready)
  if (detailed) plainRoute(host, '/health', headers, ready)
}
