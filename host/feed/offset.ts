// Offset: a place in the feed of a partition, to be kept by whoever reads it, beside what it made of what it read.
//
// Owns: the form.   feed.ts owns: whether one still means something.

export interface Offset {
  /** Id of the data directory. */
  readonly directory: string
  readonly partition: number
  /** Everything up to this commit was read. */
  readonly commit: number
  /** Not 0: of `commit` itself only so many of what it names. */
  readonly part: number
  /** Which run of a host wrote that commit (journal/runs.ts): another history has another one. */
  readonly run: string
}

/** The last commit that whoever is there needs no more. */
export function readThrough({ commit, part }: Pick<Offset, 'commit' | 'part'>): number {
  return part === 0 ? commit : commit - 1
}

/** What cannot be followed from there on, and is to be built anew from what is stored. */
export interface Lost {
  readonly lost: /** The journal ends before it: it was restored, or lost its end. */
    | 'beyond'
    /** What comes next is trimmed. */
    | 'trimmed'
    /** That commit is another one here. */
    | 'history'
    /** What comes next cannot be read. */
    | 'damaged'
}
