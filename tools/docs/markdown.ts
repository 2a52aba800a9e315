/** Reading what the documents of this repository promise: fenced blocks and links. */

export interface Block {
  /** The language: `sh`, `ts`. */
  readonly language: string
  /** What stands behind the language: `install`. */
  readonly info: string
  readonly text: string
  /** The heading it stands under. */
  readonly section: string
  readonly line: number
}

const BLOCK = /^```(\w*)([^\n]*)\n([\s\S]*?)^```$/gm

export function blocks(markdown: string): readonly Block[] {
  return [...markdown.matchAll(BLOCK)].map(
    ({ 1: language = '', 2: info = '', 3: text = '', index }) => {
      const above = markdown.slice(0, index)
      const section = headings(above).at(-1) ?? ''
      return { language, info: info.trim(), text, section, line: above.split('\n').length }
    },
  )
}

/** Targets of links and images outside of blocks, in order. */
export function links(markdown: string): readonly string[] {
  const prose = markdown.replaceAll(BLOCK, '')
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target)
}

/** As GitHub makes the anchor of a heading. */
export function anchors(markdown: string): ReadonlySet<string> {
  return new Set(headings(markdown).map(anchorOf))
}

function headings(markdown: string): readonly string[] {
  const found = markdown.replaceAll(BLOCK, '').matchAll(/^#+ (.*)$/gm)
  return [...found].map(([, heading = '']) => heading)
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')
}

export interface Named {
  readonly name: string
  readonly target: string
}

/** Links whose text is a name in code: [`admit`](../src/operation/admit.ts). */
export function named(markdown: string): readonly Named[] {
  const prose = markdown.replaceAll(BLOCK, '')
  return [...prose.matchAll(/\[`(\w+)`\]\(([^()\s#]+\.ts)\)/g)].map(
    ([, name = '', target = '']) => ({ name, target }),
  )
}
