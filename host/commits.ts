// Commits: which commits an answer tells of. A client gets them as text and sends that to a query of a view, to see there what it was answered.
//
// C1. At most one number of a partition, the highest: who has read a commit has read those before it.
// C2. What tells of no more is the same object, so all answers of one commit share one, and its text is made once, when it is first asked for.
//
// Owns: the numbers, and their text.   command.ts owns: what carries them.   projection/queries.ts owns: the way back.

/** The header of answers. */
export const commitHeader = 'x-innkeeper-commit'
/** The header of queries, which names commits that they are to reflect. */
export const afterHeader = 'x-innkeeper-after'

export class Commits {
  readonly partition: number
  readonly number: number
  /** Of other partitions. */
  private readonly others: readonly Commits[]
  private made: string | undefined = undefined

  constructor(partition: number, number: number, others: readonly Commits[] = none) {
    this.partition = partition
    this.number = number
    this.others = others
  }

  /** `P:N`, with commas between several. */
  get text(): string {
    this.made ??= this.all.map(({ partition, number }) => `${partition}:${number}`).join(',')
    return this.made
  }

  get all(): readonly Commits[] {
    return this.others.length === 0 ? [this] : [this, ...this.others]
  }
}

const none: readonly Commits[] = Object.freeze([])

/** What two answers tell of. */
export function together(one: Commits | undefined, other: Commits | undefined): Commits | undefined {
  if (one === undefined || one === other) return other
  if (other === undefined || covers(one, other)) return one
  if (covers(other, one)) return other
  const highest = new Map<number, number>()
  for (const { partition, number } of [...one.all, ...other.all])
    highest.set(partition, Math.max(number, highest.get(partition) ?? 0))
  const [first, ...others] = [...highest]
    .sort(([a], [b]) => a - b)
    .map(([partition, number]) => new Commits(partition, number))
  return new Commits(first!.partition, first!.number, others)
}

function covers(one: Commits, other: Commits): boolean {
  return other.all.every(({ partition, number }) =>
    one.all.some((its) => its.partition === partition && its.number >= number),
  )
}

/** The last commit of one partition. */
export class Newest {
  private readonly journal: { lastCommit(): number }
  private last: Commits

  constructor(partition: number, journal: { lastCommit(): number }) {
    this.journal = journal
    this.last = new Commits(partition, journal.lastCommit())
  }

  /** As of now: of what is on disk. In a `done` of the group commit, the one that it tells of. */
  get commits(): Commits {
    const number = this.journal.lastCommit()
    if (number !== this.last.number) this.last = new Commits(this.last.partition, number)
    return this.last
  }
}
