// Own services: those that the host itself serves over gRPC. No component has them, nor paths under their names.

const own: ReadonlySet<string> = new Set([
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  'innkeeper.v1.Commands',
])

export function isOwnService(name: string): boolean {
  return own.has(name)
}
