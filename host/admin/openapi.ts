// OpenAPI: the admin API's own table as a document for programs.

import type { AdminRoute } from './api.ts'

export function openApi(routes: readonly AdminRoute[]): object {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const { method, path, summary, query = {} } of routes) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!)
    const parameters = [
      ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      ...Object.entries(query).map(([name, description]) => ({
        name,
        in: 'query',
        description,
        schema: { type: 'string' },
      })),
    ]
    const item = (paths[path] ??= {})
    item[method.toLowerCase()] = {
      summary,
      operationId: `${method.toLowerCase()}${path.replace(/[^a-z]+([a-z])/g, (_, letter: string) => letter.toUpperCase()).replace(/[^A-Za-z]/g, '')}`,
      ...(parameters.length > 0 ? { parameters } : {}),
      ...(path === '/v1/components'
        ? {
            requestBody: {
              required: true,
              content: { 'application/wasm': { schema: { type: 'string', format: 'binary' } } },
            },
          }
        : {}),
      responses: {
        200: { description: 'Done.' },
        default: {
          description: 'google.rpc.Status',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Status' } } },
        },
      },
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Innkeeper admin API', version: '0.1.0' },
    paths,
    components: {
      schemas: {
        Status: {
          type: 'object',
          required: ['code', 'message'],
          properties: {
            code: { type: 'integer' },
            message: { type: 'string' },
            details: { type: 'array', items: { type: 'object' } },
          },
        },
      },
    },
  }
}
