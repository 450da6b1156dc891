// Action: the interface of wit/action.wit. Unary methods are run here, streams by the SDK's JavaScript (../../guest/action.ts).
//
// A1. Calls are independent of each other. A refusal keeps its effects.

static JSValue stream_function;

static int called(const Method *m, const ik_command *command, ik_outcome *outcome) {
  if (JS_IsUndefined(m->handler)) {
    JS_ThrowTypeError(ctx, "%s streams, and was called as a unary method", m->full_name);
    return -1;
  }
  JSValue arguments[2] = {JS_UNDEFINED, JS_UNDEFINED};
  if (!decoded(m, command, &arguments[0], outcome)) return 0;
  int count = m->arguments > 1 ? 2 : 1;
  if (count == 2) arguments[1] = new_context(command, (ik_text){NULL, 0});
  JSValue answer = JS_Call(ctx, m->handler, JS_UNDEFINED, count, (JSValueConst *)arguments);
  JS_FreeValue(ctx, arguments[0]);
  JS_FreeValue(ctx, arguments[1]);
  if (JS_IsException(answer)) return -1;
  Acceptance *a = acceptance_of(answer);
  Refusal *refusal = refusal_of(answer);
  int done = 0;
  if (refusal != NULL) refused(refusal, outcome);
  else if (a == NULL) done = no_answer(m);
  else if (a->count > 0) {
    JS_ThrowTypeError(ctx, "%s accepts changes, but an action has no state", m->full_name);
    done = -1;
  } else done = accepted(m, a, JS_UNDEFINED, outcome);
  JS_FreeValue(ctx, answer);
  return done;
}

void ik_guest_action_call(ik_text service, const ik_command_list *commands, ik_outcome_list *answer) {
  ik_hear();
  const Service *s = service_of(IK_KIND_ACTION, service);
  answer->items = ik_allocate_zeroed(commands->count * sizeof(ik_outcome));
  answer->count = commands->count;
  for (size_t i = 0; i < commands->count; i++) {
    const Method *m = method_of(s, commands->items[i].method);
    if (m == NULL) unknown_method(s, commands->items[i].method, &answer->items[i]);
    else if (called(m, &commands->items[i], &answer->items[i]) < 0) give_up();
  }
}

static JSValue lift_input(const ik_input *input) {
  static const char *const tags[] = {"start", "item", "end", "cancelled"};
  JSValue lifted = new_object();
  set_field(lifted, "tag", JS_NewString(ctx, tags[input->kind]));
  if (input->kind == IK_INPUT_START) set_field(lifted, "val", lift_metadata(&input->value.start));
  if (input->kind == IK_INPUT_ITEM) set_field(lifted, "val", new_bytes(input->value.item));
  return lifted;
}

void ik_guest_action_stream(ik_text service, ik_text method, const ik_bytes *state, const ik_input_list *inputs, double now_ms,
                            const uint32_t *seed, ik_action_step *answer) {
  ik_hear();
  JSValue items = checked(JS_NewArray(ctx));
  for (size_t i = 0; i < inputs->count; i++) push(items, lift_input(&inputs->items[i]));
  JSValue arguments[6] = {new_text(service), new_text(method),  state == NULL ? JS_UNDEFINED : new_bytes(*state),
                          items,             js_number(now_ms), lift_seed(seed)};
  JSValue step = call_with(stream_function, 6, arguments);
  answer->outputs.items = list_field(step, "outputs", sizeof(ik_outcome), &answer->outputs.count, lower_outcome_item);
  answer->state = optional_field(step, "state", false);
  answer->done = bool_field(step, "done");
  answer->more = bool_field(step, "more");
  JS_FreeValue(ctx, step);
}
