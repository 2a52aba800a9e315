export interface User {
  id: number
  name: string
  role: 'customer' | 'admin'
}

export function updateProfile(user: User, body: object): User {
  return Object.assign(user, body)
}
