// Project: what a build is given of an author's folder.
//
// Leaves to others: reading it from there (read-project.ts).

export interface Project {
  /** Absolute. */
  readonly directory: string
  readonly name: string
  /** Its name in languages/languages.ts. */
  readonly language: string
  /** Folder of .proto files, absolute; and those of them that are built, relative to it, with `/`. */
  readonly proto: string
  readonly files: readonly string[]
  /** Module with the services, and folder for generated code; absolute. */
  readonly entry: string
  readonly gen: string
}
