/** Calls and forms that are banned, each with what to use instead. */
import { type Finding, finding } from './finding.ts'
import type { SourceFile } from './source-file.ts'

interface Ban {
  readonly pattern: RegExp
  /** Looked for in code (blanked) or in the contents of strings. */
  readonly where: 'code' | 'strings'
  /** Paths it holds for. */
  readonly on: RegExp
  /** Paths it does not hold for, with the replacement itself among them. */
  readonly except?: RegExp
  readonly instead: string
}

const SRC = /^src\//
const EVERYWHERE = /^/
const TESTS = /\.test\.ts$|^test\//
const TESTS_AND_TOOLS = /\.test\.ts$|^src\/(?:testing|cli)\//

const BANS: readonly Ban[] = [
  {
    pattern: /\bMath\.random\b/g,
    where: 'code',
    on: /^(?:src|example)\//,
    instead:
      'randomToken or uuidv7 of base/id.ts for anything that names; randomInt of node:crypto for jitter.',
  },
  {
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b/g,
    where: 'code',
    on: SRC,
    except: /^src\/base\/(?:clock|id)\.ts$|\.test\.ts$/,
    instead:
      'the Clock of base/clock.ts, handed in (systemClock at the edge), so that tests own time.',
  },
  {
    pattern: /\bprocess\.env\b/g,
    where: 'code',
    on: SRC,
    except: /^src\/runtime\/config\.ts$|\.test\.ts$|^src\/(?:testing|cli)\//,
    instead:
      'a field of the configuration (runtime/config.ts), which says what is wrong with it at once.',
  },
  {
    pattern: /\bconsole\.\w+/g,
    where: 'code',
    on: SRC,
    except: TESTS_AND_TOOLS,
    instead: 'the Log of runtime/log.ts, which redacts.',
  },
  {
    pattern: /\bJSON\.parse\b/g,
    where: 'code',
    on: /^src\/(?:transport|outbound|access)\//,
    except: /\.test\.ts$/,
    instead: 'parseJson of base/json.ts: what comes from outside has bounds and no __proto__.',
  },
  {
    pattern:
      /\bresolve\w*\s*\)?\s*=>\s*setTimeout\(\s*resolve|\bsetTimeout\(\s*(?:resolve|done|r)\b/g,
    where: 'code',
    on: TESTS,
    instead:
      'an event, a signal, t.waitFor or a clock of the test: a sleep is too long or too short.',
  },
  {
    pattern: /^(?:node:)?timers\/promises$/g,
    where: 'strings',
    on: TESTS,
    instead:
      'an event, a signal, t.waitFor or a clock of the test: a sleep is too long or too short.',
  },
  {
    pattern: /\bNOTIFY\s|\bpg_notify\b/gi,
    where: 'strings',
    on: SRC,
    except: /^src\/(?:database\/(?:listen|notify)\.ts$|rules\/)|\.test\.ts$/,
    instead:
      'the coalesced notify outside of the transaction: inside, it makes commits wait for each other.',
  },
  {
    pattern: /\b(?:exec|execSync)\b(?=[\w\s,]*\}\s*from\s*['"]\s*['"])/g,
    where: 'code',
    on: EVERYWHERE,
    instead: 'spawn or execFile with a list of arguments: a string goes through a shell.',
  },
  {
    pattern: /\beval\(|\bnew Function\(/g,
    where: 'code',
    on: EVERYWHERE,
    instead: 'plain code.',
  },
  {
    pattern: /^typescript$/g,
    where: 'strings',
    on: /\.(?:ts|mjs)$/,
    instead: 'no import: the compiler has no programmatic interface any more.',
  },
  {
    pattern: /(?:^|\n)\s*export\s+default\b/g,
    where: 'code',
    on: EVERYWHERE,
    instead: 'a named export, which has one name everywhere.',
  },
  {
    pattern: /(?:^|\n)\s*(?:export\s+|declare\s+|const\s+)*(?:enum|namespace)\s+\w+/g,
    where: 'code',
    on: EVERYWHERE,
    instead: 'a union of strings, or plain exports: Node erases types and cannot run these.',
  },
  {
    pattern: /(?:^|\n)\s*@\w+/g,
    where: 'code',
    on: EVERYWHERE,
    instead: 'a plain value: no decorators.',
  },
  {
    pattern:
      /\b(?:test|it|describe|suite)\.(?:only|skip|todo)\b|\bonly:\s*true\b|\bskip:\s*(?:true\b|['"])/g,
    where: 'code',
    on: TESTS,
    instead: 'the whole test, or none: `skip` only with a condition of the machine.',
  },
]

function checkBan(file: SourceFile, { pattern, where, instead }: Ban): Finding[] {
  const message = (what: string) => `Not \`${what.trim()}\`: ${instead}`
  const found = (text: string, start: number) =>
    [...text.matchAll(pattern)].map((match) =>
      finding('banned', file, start + match.index + match[0].search(/\S/), message(match[0])),
    )
  return where === 'code'
    ? found(file.code, 0)
    : file.strings.flatMap(({ value, start }) => found(value, start))
}

/** These files hold what is banned: the bans themselves, and the faults that the rulebook shows. */
const OWN = /^(?:tools\/tidy|src\/rules\/code)\//

export function checkBanned(files: readonly SourceFile[]): Finding[] {
  return files
    .filter(({ path }) => !OWN.test(path))
    .flatMap((file) =>
      BANS.filter(({ on, except }) => on.test(file.path) && !except?.test(file.path)).flatMap(
        (ban) => checkBan(file, ban),
      ),
    )
}

/** Also of files that are no code: documents, settings, SQL. */
const MACHINE_PATH = /(?<![\w.])\/(?:home|Users|root|work|mnt)\/[\w.-]+|\/tmp\/plan\b/g

export function checkMachinePaths(files: readonly { path: string; text: string }[]): Finding[] {
  return files
    .filter(({ path }) => !OWN.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(MACHINE_PATH)].map((match) => ({
        rule: 'machine-path',
        path,
        line: text.slice(0, match.index).split('\n').length,
        message: `Not \`${match[0]}\`: a path relative to the repository.`,
      })),
    )
}
