/** One feature is five folders, and each folder knows all features. */
export const layout = [
  'controllers/order-controller.ts',
  'controllers/user-controller.ts',
  'services/order-service.ts',
  'services/user-service.ts',
  'repositories/order-repository.ts',
  'repositories/user-repository.ts',
]
