// The model services in TypeScript. conformance.proto says what each act means.
import actions from './actions.ts'
import events from './events.ts'
import members from './members.ts'
import replicas from './replicas.ts'
import values from './values.ts'
import { board, crowd, notes } from './views.ts'

export default [events, values, replicas, members, actions, notes, board, crowd]
