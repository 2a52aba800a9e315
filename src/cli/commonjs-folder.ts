/** Code written with `import` in a folder that is said to be CommonJS: what `npm init` writes. */
import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { pathToFileURL } from 'node:url'

const IS_COMMONJS = /"type"\s*:\s*"commonjs"/

/** What to do, where Node reads the file as CommonJS; Node itself only says where it stopped. */
export function commonJsAdvice(file: string): string | undefined {
  const found = findPackageJSON(pathToFileURL(file))
  if (found === undefined || !IS_COMMONJS.test(readFileSync(found, 'utf8'))) return undefined
  return 'package.json says "type": "commonjs", and the code imports: npm pkg set type=module'
}
