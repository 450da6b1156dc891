// Event-sourced: the interface of wit/event-sourced.wit (../../guest/event-sourced.ts says the same for Node).
//
// D1. A batch is decided one by one, each command on the state that the one before left (law L1).
// D2. A refusal brings no events, no effects, and leaves the state (law L3).
// D3. Each event is encoded before it is evolved, so nothing enters a state that the journal could not give back.
// D4. `unknown` is answered before anything is decided. A held state is only a cache (law L6).
// D5. Bytes come whenever they are asked for, and whenever the state is too large to hold.

// The cheap bound counts three bytes for a character; for a large state it could refuse what fits, so it is measured.
#define BOUND_TRUSTED_MAX (1024 * 1024)

static const Event *event_of(const Service *s, const Type *t) {
  for (int i = 0; i < s->events; i++)
    if (s->event[i].type == t) return &s->event[i];
  return NULL;
}

// The state after an event, or an exception. The state stays the caller's.
static JSValue folded(const Service *s, const Event *e, JSValueConst state, JSValueConst event) {
  JSValue lent = lend_state(s, state);
  if (JS_IsException(lent)) return lent;
  JSValueConst arguments[2] = {lent, event};
  JSValue after = JS_Call(ctx, e->fold, JS_UNDEFINED, 2, arguments);
  JS_FreeValue(ctx, lent);
  if (JS_IsException(after)) return after;
  // The mistake of a fold that forgets to return would otherwise surface at the next command.
  if (JS_IsUndefined(after)) return JS_ThrowTypeError(ctx, "%s: evolve of %s returns no state", s->name, e->type->name);
  return keep_state(s, after);
}

// What a fold sees of an event that is there more than once: frozen, or a copy.
static JSValue lent_event(const Acceptance *a, int index, ik_typed *typed, const Type *t) {
  if (a->count == 1) return js_dup(a->changes[index]);
  if (!lends_copies) return frozen(js_dup(a->changes[index]));
  JSValue copy;
  decode(t, typed->data, &copy);
  return copy;
}

// Takes over and replaces the state. -1: thrown.
static int emit(const Service *s, const Method *m, Acceptance *a, JSValue *state, ik_decision *decision) {
  if (a->count == 0) return 0;
  decision->events.items = ik_allocate_zeroed((size_t)a->count * sizeof(ik_typed));
  decision->events.count = (size_t)a->count;
  for (int i = 0; i < a->count; i++) {
    const Type *t = made_by(a->changes[i]);
    const Event *e = t == NULL ? NULL : event_of(s, t);
    if (e == NULL) {
      JS_ThrowTypeError(ctx, "%s emits %s, which has no evolve", m->full_name,
                        t == NULL ? "something that no message type made" : t->name);
      return -1;
    }
    ik_typed *typed = &decision->events.items[i];
    typed->type_name = (ik_text){(const uint8_t *)t->name, t->name_length};
    if (encode(t, a->changes[i], &typed->data) < 0) return -1;
    JSValue event = lent_event(a, i, typed, t);
    JSValue after = JS_IsException(event) ? event : folded(s, e, *state, event);
    JS_FreeValue(ctx, event);
    if (JS_IsException(after)) return -1;
    JS_FreeValue(ctx, *state);
    *state = after;
  }
  return 0;
}

// What a handler answers to the request of a command. Takes the request over.
static JSValue answered(const Method *m, JSValueConst state, JSValue request, const ik_command *command, ik_text entity) {
  JSValue arguments[3] = {state, request, JS_UNDEFINED};
  int count = m->arguments > 2 ? 3 : 2;
  if (count == 3) arguments[2] = new_context(command, entity);
  JSValue answer = JS_Call(ctx, m->handler, JS_UNDEFINED, count, (JSValueConst *)arguments);
  JS_FreeValue(ctx, request);
  JS_FreeValue(ctx, arguments[2]);
  return answer;
}

// Once, with what is lent now. Replaces the state where it accepts. -1: thrown, and the state is as it was.
static int decide_lending(const Service *s, const Method *m, ik_text entity, JSValue *state, const ik_command *command,
                          ik_decision *decision) {
  memset(decision, 0, sizeof *decision);
  JSValue request;
  if (!decoded(m, command, &request, &decision->outcome)) return 0;
  JSValue lent = lend_state(s, *state);
  if (JS_IsException(lent)) return -1;
  JSValue answer = answered(m, lent, request, command, entity);
  JS_FreeValue(ctx, lent);
  if (JS_IsException(answer)) return -1;
  Acceptance *a = acceptance_of(answer);
  Refusal *refusal = refusal_of(answer);
  int done;
  if (a != NULL) {
    JSValue after = js_dup(*state);
    done = emit(s, m, a, &after, decision);
    JSValue seen = done < 0 ? JS_UNDEFINED : lend_state(s, after);
    if (JS_IsException(seen)) done = -1;
    if (done == 0) done = accepted(m, a, seen, &decision->outcome);
    JS_FreeValue(ctx, seen);
    if (done == 0) {
      JSValue before = *state;
      *state = after;
      after = before;
    }
    JS_FreeValue(ctx, after);
  } else done = refusal == NULL ? no_answer(m) : entity_refused(m, refusal, &decision->outcome);
  JS_FreeValue(ctx, answer);
  return done;
}

static void decide_one(const Service *s, ik_text entity, JSValue *state, const ik_command *command, ik_decision *decision) {
  const Method *m = method_of(s, command->method);
  if (m == NULL) {
    unknown_method(s, command->method, &decision->outcome);
    return;
  }
  if (decide_lending(s, m, entity, state, command, decision) == 0) return;
  lend_again(m->full_name);
  if (decide_lending(s, m, entity, state, command, decision) < 0) give_up();
  lends_copies = false;
}

// An own reference; uninitialized if it is not held. `at`: its place, or -1.
static JSValue state_before(const Service *s, ik_text entity, const ik_basis *basis, int *at) {
  *at = -1;
  if (basis->kind == IK_BASIS_HELD) {
    *at = find_held(basis->token, s, entity);
    return *at < 0 ? JS_UNINITIALIZED : js_dup(held[*at].state);
  }
  if (basis->kind == IK_BASIS_NONE) return js_dup(s->initial);
  JSValue state = checked(state_of(s, basis->bytes));
  return checked(frozen(state));
}

// Takes the state over. False: it is too large to hold, and `bytes` has it.
static bool hold_state(const Service *s, ik_text entity, JSValue state, int before, bool wants_bytes, ik_held_state *answer,
                       ik_bytes *bytes) {
  uint64_t size = 0;
  bool has_bytes = wants_bytes;
  if (!wants_bytes) {
    size = state_bound(s, state);
    has_bytes = size > BOUND_TRUSTED_MAX;
  }
  if (has_bytes) {
    if (state_bytes(s, state, bytes) < 0) give_up();
    size = bytes->length;
  }
  JSValue kept = js_dup(state);
  int at = hold(s, entity, state, size, before);
  if (at < 0 && !has_bytes && state_bytes(s, kept, bytes) < 0) give_up();
  JS_FreeValue(ctx, kept);
  if (at < 0) return false;
  answer->token = held[at].token;
  answer->size = (uint32_t)size;
  if (wants_bytes) answer->state = (ik_optional_bytes){true, *bytes};
  return true;
}

void ik_guest_event_sourced_decide(ik_text service, ik_text entity, const ik_basis *basis, const ik_command_list *commands,
                                   bool want_state, ik_decide_answer *answer) {
  ik_hear();
  const Service *s = service_of(IK_KIND_EVENT_SOURCED, service);
  int at;
  JSValue state = state_before(s, entity, basis, &at);
  answer->unknown = is_uninitialized(state);
  if (answer->unknown) return;
  JSValue before = js_dup(state);
  answer->decisions.items = ik_allocate_zeroed(commands->count * sizeof(ik_decision));
  answer->decisions.count = commands->count;
  for (size_t i = 0; i < commands->count; i++)
    decide_one(s, entity, &state, &commands->items[i], &answer->decisions.items[i]);
  bool unchanged = js_strict_eq(ctx, before, state) && !want_state && basis->kind != IK_BASIS_BYTES;
  JS_FreeValue(ctx, before);
  if (unchanged) {
    answer->next.kind = IK_NEXT_UNCHANGED;
    if (at >= 0) touch_held(at);
    JS_FreeValue(ctx, state);
    return;
  }
  ik_bytes bytes = {0};
  answer->next.kind = IK_NEXT_HELD;
  if (hold_state(s, entity, state, at, want_state, &answer->next.value.held, &bytes)) return;
  answer->next.kind = IK_NEXT_STATE;
  answer->next.value.state = bytes;
}

static JSValue evolve_lending(const Service *s, const Event *e, JSValueConst state, const ik_typed *given) {
  JSValue event;
  const char *problem = decode(e->type, given->data, &event);
  if (problem != NULL) return throw_malformed(problem);
  JSValue after = folded(s, e, state, event);
  JS_FreeValue(ctx, event);
  return after;
}

static JSValue evolve_one(const Service *s, JSValueConst state, const ik_typed *given, const Event **last) {
  const Event *e = *last;
  if (e == NULL || !equals(given->type_name, e->type->name, e->type->name_length)) {
    e = NULL;
    for (int i = 0; i < s->events && e == NULL; i++)
      if (equals(given->type_name, s->event[i].type->name, s->event[i].type->name_length)) e = &s->event[i];
    *last = e;
  }
  if (e == NULL) {
    // The entity is stuck until a version has one.
    JS_ThrowTypeError(ctx, "%s has no evolve for %.*s", s->name, IK_ARG(given->type_name));
    give_up();
  }
  JSValue after = evolve_lending(s, e, state, given);
  if (!JS_IsException(after)) return after;
  lend_again(e->type->name);
  after = checked(evolve_lending(s, e, state, given));
  lends_copies = false;
  return after;
}

void ik_guest_event_sourced_evolve(ik_text service, ik_text entity, const ik_basis *basis, const ik_typed_list *events,
                                   bool want_state, ik_evolve_answer *answer) {
  const Service *s = service_of(IK_KIND_EVENT_SOURCED, service);
  int at;
  JSValue state = state_before(s, entity, basis, &at);
  if (is_uninitialized(state)) {
    answer->kind = IK_EVOLVED_UNKNOWN;
    return;
  }
  const Event *last = NULL;
  for (size_t i = 0; i < events->count; i++) {
    JSValue after = evolve_one(s, state, &events->items[i], &last);
    JS_FreeValue(ctx, state);
    state = after;
  }
  ik_bytes bytes = {0};
  answer->kind = IK_EVOLVED_HELD;
  if (hold_state(s, entity, state, at, want_state, &answer->value.held, &bytes)) return;
  answer->kind = IK_EVOLVED_STATE;
  answer->value.state = bytes;
}
