// Static: files of web pages, from a folder that the operator names, where no method has the path.
//
// F1. A method always goes first: no file hides one.
// F2. Nothing outside of the folder is served, and no file or folder whose name begins with a dot. Links in it go where they point.
//
// Owns: finding the file.   `send` owns: ranges, conditions, types and traversal.

import type { IncomingMessage, ServerResponse } from 'node:http'

type Send = typeof import('send')

let loaded: Promise<Send> | undefined

/** Of GET and HEAD. `missing` is called where there is no such file, and nothing was sent. */
export async function serveStatic(
  folder: string,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  missing: () => void,
): Promise<void> {
  // Loaded with the first page: most hosts have none.
  loaded ??= import('send').then((module) => module.default)
  const send = await loaded
  send(request, path, { root: folder, dotfiles: 'ignore', index: 'index.html', cacheControl: false })
    .on('headers', (set: ServerResponse) => {
      // A browser takes what it is told, and asks again each time: a page is replaced without a name of its own.
      set.setHeader('x-content-type-options', 'nosniff')
      set.setHeader('cache-control', 'no-cache')
    })
    .on('error', () => {
      if (response.headersSent) response.destroy()
      else missing()
    })
    .pipe(response)
}
