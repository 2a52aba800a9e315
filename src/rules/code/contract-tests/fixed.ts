export const described = { required: ['id', 'total'], types: { id: 'string', total: 'number' } }

export function reply() {
  return { id: 'ord_1', total: 1250 }
}

/** Run over real replies in the tests: each field that is described is there and of its type. */
export function check(body: object = reply()): string[] {
  return described.required.filter((name) => {
    const value: unknown = Reflect.get(body, name)
    return typeof value !== Reflect.get(described.types, name)
  })
}
