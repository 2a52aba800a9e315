/**
 * The queue M/M/c: arrivals and service times without memory, c servers, one line
 * (Harchol-Balter, chapter 14). What has less variance waits less, what has more waits more.
 */

/** P(all servers busy and no room) of M/M/c/c, by the recursion that cannot overflow. */
export function erlangB(servers: number, offered: number): number {
  let blocked = 1
  for (let server = 1; server <= servers; server++) {
    blocked = (offered * blocked) / (server + offered * blocked)
  }
  return blocked
}

/** P(an arrival waits) of M/M/c. 1 where the servers cannot keep up. */
export function erlangC(servers: number, offered: number): number {
  if (offered >= servers) return 1
  const blocked = erlangB(servers, offered)
  return (servers * blocked) / (servers - offered * (1 - blocked))
}

export interface QueueLoad {
  readonly arrivalsPerSecond: number
  readonly serviceSeconds: number
  readonly servers: number
}

export interface QueueFacts {
  /** Busy share of the servers; at 1 and above the line grows without end. */
  readonly utilisation: number
  readonly waitProbability: number
  readonly meanWaitSeconds: number
  readonly waiting: number
  /** The wait that `share` of the arrivals stay below. */
  waitBelowSeconds(share: number): number
}

export function queueFacts({ arrivalsPerSecond, serviceSeconds, servers }: QueueLoad): QueueFacts {
  const offered = arrivalsPerSecond * serviceSeconds
  const waitProbability = erlangC(servers, offered)
  const spare = servers / serviceSeconds - arrivalsPerSecond
  const meanWaitSeconds = spare > 0 ? waitProbability / spare : Number.POSITIVE_INFINITY
  return {
    utilisation: offered / servers,
    waitProbability,
    meanWaitSeconds,
    waiting: arrivalsPerSecond * meanWaitSeconds,
    waitBelowSeconds(share) {
      if (spare <= 0) return Number.POSITIVE_INFINITY
      return Math.max(0, Math.log(waitProbability / (1 - share)) / spare)
    },
  }
}

/** The fewest servers with which at most `waitShare` of the arrivals wait. */
export function serversFor(offered: number, waitShare: number, serversMax: number): number {
  let servers = Math.max(1, Math.ceil(offered))
  while (servers < serversMax && erlangC(servers, offered) > waitShare) servers++
  return servers
}
