// Value: the interface of wit/value.wit (../../guest/value.ts says the same for Node).
//
// D1. A batch is decided one by one, each command on the value that the one before left (law L1).
// D2. A refusal leaves the value, and brings no effects (law L3).
// D3. `unknown` is answered before anything is decided. A held value is only a cache (law L6).
// D4. Every update is encoded at once: a value that cannot be kept is the fault of the command that made it.

typedef struct {
  // Undefined: there is none.
  JSValue value;
  // Bytes at most.
  uint64_t size;
} Current;

// Replaces the value where it accepts. -1: thrown, and the value is as it was.
static int value_accepted(const Service *s, const Method *m, const Acceptance *a, Current *current, ik_value_decision *decision) {
  if (a->count > 0) {
    JS_ThrowTypeError(ctx, "%s accepts events; a value is changed by update", m->full_name);
    return -1;
  }
  JSValue after = a->change == V_KEPT      ? js_dup(current->value)
                  : a->change == V_REMOVED ? JS_UNDEFINED
                                           : keep_state(s, js_dup(a->value));
  if (JS_IsException(after)) return -1;
  decision->change = a->change == V_KEPT ? IK_CHANGE_UNCHANGED : a->change == V_REMOVED ? IK_CHANGE_DELETED : IK_CHANGE_UPDATED;
  int done = decision->change == IK_CHANGE_UPDATED ? state_bytes(s, after, &decision->value) : 0;
  JSValue seen = done < 0 ? JS_UNDEFINED : lend_state(s, after);
  if (JS_IsException(seen)) done = -1;
  if (done == 0) done = accepted(m, a, seen, &decision->outcome);
  JS_FreeValue(ctx, seen);
  if (done < 0) {
    JS_FreeValue(ctx, after);
    return -1;
  }
  JS_FreeValue(ctx, current->value);
  current->value = after;
  if (decision->change == IK_CHANGE_UPDATED) current->size = decision->value.length;
  return 0;
}

static int value_lending(const Service *s, const Method *m, ik_text entity, Current *current, const ik_command *command,
                         ik_value_decision *decision) {
  memset(decision, 0, sizeof *decision);
  JSValue request;
  if (!decoded(m, command, &request, &decision->outcome)) return 0;
  JSValue lent = lend_state(s, current->value);
  if (JS_IsException(lent)) return -1;
  JSValue answer = answered(m, lent, request, command, entity);
  JS_FreeValue(ctx, lent);
  if (JS_IsException(answer)) return -1;
  Acceptance *a = acceptance_of(answer);
  Refusal *refusal = refusal_of(answer);
  int done = a != NULL         ? value_accepted(s, m, a, current, decision)
             : refusal != NULL ? entity_refused(m, refusal, &decision->outcome)
                               : no_answer(m);
  JS_FreeValue(ctx, answer);
  return done;
}

static void value_decide_one(const Service *s, ik_text entity, Current *current, const ik_command *command,
                             ik_value_decision *decision) {
  const Method *m = method_of(s, command->method);
  if (m == NULL) {
    unknown_method(s, command->method, &decision->outcome);
    return;
  }
  if (value_lending(s, m, entity, current, command, decision) == 0) return;
  lend_again(m->full_name);
  if (value_lending(s, m, entity, current, command, decision) < 0) give_up();
  lends_copies = false;
}

// False: it is not held.
static bool value_before(const Service *s, ik_text entity, const ik_basis *basis, int *at, Current *current) {
  *at = -1;
  *current = (Current){JS_UNDEFINED, 0};
  if (basis->kind == IK_BASIS_HELD) {
    *at = find_held(basis->token, s, entity);
    if (*at < 0) return false;
    *current = (Current){js_dup(held[*at].state), held[*at].size};
  } else if (basis->kind == IK_BASIS_BYTES) {
    JSValue value = checked(state_of(s, basis->bytes));
    *current = (Current){checked(frozen(value)), basis->bytes.length};
  }
  return true;
}

void ik_guest_value_decide(ik_text service, ik_text entity, const ik_basis *basis, const ik_command_list *commands,
                           ik_value_answer *answer) {
  ik_hear();
  const Service *s = service_of(IK_KIND_VALUE, service);
  int at;
  Current current;
  answer->unknown = !value_before(s, entity, basis, &at, &current);
  if (answer->unknown) return;
  JSValue before = js_dup(current.value);
  answer->decisions.items = ik_allocate_zeroed(commands->count * sizeof(ik_value_decision));
  answer->decisions.count = commands->count;
  for (size_t i = 0; i < commands->count; i++)
    value_decide_one(s, entity, &current, &commands->items[i], &answer->decisions.items[i]);
  if (at >= 0 && js_strict_eq(ctx, before, current.value)) {
    touch_held(at);
    JS_FreeValue(ctx, current.value);
  } else if (JS_IsUndefined(current.value)) {
    if (at >= 0) forget_held(at);
    at = -1;
  } else at = hold(s, entity, current.value, current.size, at);
  JS_FreeValue(ctx, before);
  answer->is_held = at >= 0;
  if (at >= 0) answer->token = held[at].token;
}
