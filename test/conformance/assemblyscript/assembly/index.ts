// The model services in AssemblyScript. conformance.proto says what each act means.
import { MethodView, Options, serve, serveView } from '@innkeeper/sdk-assemblyscript/assembly'
import { Actions } from './actions'
import { Events } from './events'
import { Members } from './members'
import { Replicas } from './replicas'
import { Values } from './values'
import { board, crowd, notes } from './views'

serve(new Events())
serve(new Values())
serve(new Replicas())
const members = new Options()
members.views = [MethodView.nothing('Blind'), MethodView.element('One', 'element'), MethodView.dynamic('Some')]
serve(new Members(), members)
serve(new Actions())
serveView(notes)
serveView(board)
serveView(crowd)
