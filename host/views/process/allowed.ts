// Allowed: what SQL of authors may do, as SQLite asks while it prepares a statement.
//
// A1. Reading the views that are named, `json_each` and `json_tree`; and functions of a list. Nothing is written, attached, loaded or set.
//
// Decided here: nothing random, so that a query answers alike from alike tables. The time of day is allowed ('now'): a live query is not asked
// again for it.
//
// Leaves to others: time and memory (queries.ts, ../tables.ts).

import { constants } from 'node:sqlite'
import { tables } from '../columns.ts'

/** Core, date, math, JSON, aggregate and window functions of SQLite 3.53. */
const functions: ReadonlySet<string> = new Set(
  (
    '-> ->> abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling char coalesce concat concat_ws cos cosh count cume_dist ' +
    'current_date current_time current_timestamp date datetime degrees dense_rank exp first_value floor format glob group_concat hex ' +
    'if ifnull iif instr json json_array json_array_insert json_array_length json_error_position json_extract json_group_array ' +
    'json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_type json_valid ' +
    'jsonb jsonb_array jsonb_array_insert jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch ' +
    'jsonb_remove jsonb_replace jsonb_set julianday lag last_value lead length like likelihood likely ln log log10 log2 lower ltrim max ' +
    'median min mod nth_value ntile nullif octet_length percent_rank percentile percentile_cont percentile_disc pi pow power printf ' +
    'quote radians rank replace round row_number rtrim sign sin sinh sqrt strftime string_agg substr substring sum tan tanh time timediff ' +
    'total trim trunc typeof unhex unicode unistr unistr_quote unixepoch unlikely upper zeroblob'
  ).split(' '),
)

const json: ReadonlySet<string> = new Set(['json_each', 'json_tree'])

/** A callback for `setAuthorizer`.
 *  @param named tables that the statement itself makes, with WITH
 *  @param refuse hears what was asked for, as a clause */
export function allowing(
  views: ReadonlySet<string>,
  named: ReadonlySet<string>,
  refuse: (what: string) => void,
): (
  action: number,
  first: string | null,
  second: string | null,
  database: string | null,
  view: string | null,
) => number {
  const deny = (what: string): number => {
    refuse(what)
    return constants.SQLITE_DENY
  }
  return (action, first, second, _database, view) => {
    switch (action) {
      case constants.SQLITE_SELECT:
      case constants.SQLITE_RECURSIVE:
        return constants.SQLITE_OK
      case constants.SQLITE_FUNCTION:
        if (functions.has(second!.toLowerCase())) return constants.SQLITE_OK
        return deny(`calls the function ${second}, which is none of those for queries`)
      case constants.SQLITE_READ: {
        const table = first!.toLowerCase()
        const within = view !== null && views.has(view.toLowerCase())
        // Where no column of a table is read, SQLite asks for none, and does not say in which view; of what the statement itself makes it asks
        // only then.
        const counted = second === '' && (table === tables.rows || named.has(table))
        if (counted || (within && table === tables.rows) || views.has(table) || json.has(table))
          return constants.SQLITE_OK
        return deny(`reads ${first}, which is no view`)
      }
      default:
        return deny('does something else than reading: a query is one SELECT')
    }
  }
}
