import type { Playbook } from '../playbook.ts'
import { badMigration, databaseSlow, diskFull, poolExhausted, slowRequests } from './database.ts'
import { dataRepair, dependencyDown, leakedSecret, queueGrowing } from './incident.ts'
import {
  dependencyFreshness,
  deploy,
  designReview,
  onCallHygiene,
  productionReadiness,
} from './planned.ts'

export const playbooks: readonly Playbook[] = [
  designReview,
  productionReadiness,
  slowRequests,
  deploy,
  databaseSlow,
  poolExhausted,
  queueGrowing,
  dependencyDown,
  diskFull,
  badMigration,
  leakedSecret,
  onCallHygiene,
  dataRepair,
  dependencyFreshness,
]
