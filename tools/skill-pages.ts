/**
 * skill/holdfast-backend/references, from the decisions, calculators and playbooks themselves:
 *
 *   node tools/launch.mjs tools/skill-pages.ts
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SKILL_NAME, skillReferences } from '../src/cli/skill-files.ts'

const folder = join(import.meta.dirname, '../skill', SKILL_NAME)

rmSync(join(folder, 'references'), { recursive: true, force: true })
mkdirSync(join(folder, 'references'), { recursive: true })
const pages = skillReferences()
for (const [path, text] of pages) writeFileSync(join(folder, path), text)
console.log(`${pages.size} pages are written.`)
