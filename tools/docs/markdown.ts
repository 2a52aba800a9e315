/** Reading what the documents of this repository promise: fenced blocks and links. */

export interface Block {
  /** The language: `sh`, `ts`. */
  readonly language: string
  readonly text: string
  /** The heading it stands under. */
  readonly section: string
  readonly line: number
}

const BLOCK = /^```(\w*)\n([\s\S]*?)^```$/gm

export function blocks(markdown: string): readonly Block[] {
  return [...markdown.matchAll(BLOCK)].map(({ 1: language = '', 2: text = '', index }) => {
    const above = markdown.slice(0, index)
    const section = [...above.matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? ''
    return { language, text, section, line: above.split('\n').length }
  })
}

/** Targets of links and images outside of blocks, in order. */
export function links(markdown: string): readonly string[] {
  const prose = markdown.replaceAll(BLOCK, '')
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target)
}

/** As GitHub makes the anchor of a heading. */
export function anchors(markdown: string): ReadonlySet<string> {
  const headings = [...markdown.replaceAll(BLOCK, '').matchAll(/^#+ (.*)$/gm)]
  return new Set(headings.map(([, heading = '']) => anchorOf(heading)))
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')
}
