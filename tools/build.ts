/** `npm run build [-- folder]`: what is published, JavaScript and declarations, with the SQL beside it. */
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = join(import.meta.dirname, '..')
const dist = resolve(root, process.argv[2] ?? 'dist')

rmSync(dist, { recursive: true, force: true })
const compiler = join(root, 'node_modules/typescript/bin/tsc')
const options = ['-p', 'tsconfig.build.json', '--outDir', dist]
const { status } = spawnSync(process.execPath, [compiler, ...options], {
  cwd: root,
  stdio: 'inherit',
})
if (status !== 0) process.exit(1)
for (const path of globSync('**/*.sql', { cwd: join(root, 'src') }))
  cpSync(join(root, 'src', path), join(dist, path))
console.log(`Built ${globSync('**/*.js', { cwd: dist }).length} modules into ${dist}.`)
