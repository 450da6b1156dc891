// Outcome: answers of handlers as the boundary has them (../../guest/outcome.ts).
//
// O1. What the caller got wrong (unknown method, malformed request) is a refusal; what the author got wrong is thrown.
// O2. An outcome is made when all of the author's code for it has run: it takes the log lines.

static void take_lines(ik_outcome *outcome) {
  outcome->logs = ik_heard();
  ik_hear();
}

// The method that an answer names as handlers do. Null: thrown.
static const Method *method_said(const Method *m, ik_text key, const char *what) {
  const Method *named = method_keyed(&services[m->service], key);
  if (named != NULL) return named;
  JS_ThrowTypeError(ctx, "%s %s %.*s, which is no method of %s", m->full_name, what, IK_ARG(key), services[m->service].name);
  return NULL;
}

// -1: thrown.
static int lower_asks(const Method *m, ik_effect_list *effects) {
  for (size_t i = 0; i < effects->count; i++) {
    ik_effect *effect = &effects->items[i];
    if (!effect->has_answer) continue;
    const Method *named = method_said(m, effect->answer.method, "asks for an answer to");
    if (named == NULL) return -1;
    effect->answer.method = (ik_text){(const uint8_t *)named->name, named->name_length};
  }
  return 0;
}

static void lower_refusal(const Refusal *refusal, ik_failure *failure);
static int lower_message(const Method *m, JSValueConst reply, ik_bytes *into);

// { ticket, method, answer }: the answer is a reply of the method, or a refusal. -1: thrown.
static int lower_resolved(const Method *m, JSValueConst item, ik_resolution *into) {
  into->ticket = text_field(item, "ticket");
  const Method *named = method_said(m, text_field(item, "method"), "resolves a ticket of");
  if (named == NULL) return -1;
  into->method = (ik_text){(const uint8_t *)named->name, named->name_length};
  JSValue answer = field_of(item, "answer");
  Refusal *refusal = refusal_of(answer);
  int done = 0;
  into->is_failure = refusal != NULL;
  if (refusal != NULL) {
    lower_refusal(refusal, &into->answer.failure);
    if (!JS_IsUndefined(refusal->headers)) lower_metadata(refusal->headers, &into->metadata);
  } else done = lower_message(named, answer, &into->answer.message);
  JS_FreeValue(ctx, answer);
  return done;
}

// -1: thrown.
static int lower_tickets(const Method *m, const Acceptance *a, ik_outcome *outcome) {
  if (!JS_IsUndefined(a->cancels))
    outcome->cancels.items = lower_list(a->cancels, sizeof(ik_text), &outcome->cancels.count, lower_text_item);
  JSObject *list = object_of(a->resolves);
  if (list == NULL) return 0;
  outcome->resolves.count = items_of(list);
  outcome->resolves.items = ik_allocate_zeroed(outcome->resolves.count * sizeof(ik_resolution));
  for (uint32_t i = 0; i < outcome->resolves.count; i++) {
    JSValue item = list_at(list, i);
    int done = lower_resolved(m, item, &outcome->resolves.items[i]);
    JS_FreeValue(ctx, item);
    if (done < 0) return -1;
  }
  return 0;
}

static void lower_accompaniment(JSValueConst effects, JSValueConst headers, ik_outcome *outcome) {
  if (!JS_IsUndefined(effects))
    outcome->effects.items = lower_list(effects, sizeof(ik_effect), &outcome->effects.count, lower_effect);
  if (!JS_IsUndefined(headers)) lower_metadata(headers, &outcome->metadata);
  take_lines(outcome);
}

COLD void refuse_in_words(ik_outcome *outcome, ik_code code, const char *format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  size_t kept = ik_cut(text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1, sizeof text - 1);
  outcome->is_failure = true;
  outcome->answer.failure = (ik_failure){(uint8_t)code, kept_bytes((ik_bytes){(uint8_t *)text, kept}), {NULL, 0}};
  take_lines(outcome);
}

static void lower_detail(JSValueConst item, void *into) {
  ik_typed *typed = into;
  const Type *t = made_by(item);
  if (t == NULL) {
    JS_ThrowTypeError(ctx, "a detail of a refusal was not made by its message type");
    give_up();
  }
  typed->type_name = (ik_text){(const uint8_t *)t->name, t->name_length};
  if (encode(t, item, &typed->data) < 0) give_up();
}

static void lower_refusal(const Refusal *refusal, ik_failure *failure) {
  failure->code = (uint8_t)refusal->code;
  failure->message = lower_text(refusal->message);
  if (!JS_IsUndefined(refusal->details))
    failure->details.items = lower_list(refusal->details, sizeof(ik_typed), &failure->details.count, lower_detail);
}

static void refused(const Refusal *refusal, ik_outcome *outcome) {
  outcome->is_failure = true;
  lower_refusal(refusal, &outcome->answer.failure);
  lower_accompaniment(refusal->effects, refusal->headers, outcome);
}

// An entity's refusal has no effects (law L3). -1: thrown.
static int entity_refused(const Method *m, const Refusal *refusal, ik_outcome *outcome) {
  if (!JS_IsUndefined(refusal->effects)) {
    JS_ThrowTypeError(ctx, "%s refuses with effects, which only an action can", m->full_name);
    return -1;
  }
  refused(refusal, outcome);
  return 0;
}

static int lower_message(const Method *m, JSValueConst reply, ik_bytes *into) {
  if (object_of(reply) == NULL) {
    const char *text = JS_ToCString(ctx, reply);
    if (text == NULL) return -1;
    JS_ThrowTypeError(ctx, "%s replies %s, not a %s", m->full_name, text, m->reply->name);
    JS_FreeCString(ctx, text);
    return -1;
  }
  return encode(m->reply, reply, into);
}

// `after` is what a computed reply looks at. -1: thrown.
static int accepted(const Method *m, const Acceptance *a, JSValueConst after, ik_outcome *outcome) {
  ik_wire_reply *reply = &outcome->answer.reply;
  // Code that runs for it may give the acceptance another one.
  JSValue given = js_dup(a->reply);
  int done = 0;
  switch (a->kind) {
    case A_DUE:
      JS_ThrowTypeError(ctx, "%s accepts without a reply or a forward", m->full_name);
      done = -1;
      break;
    case A_FORWARD:
      reply->kind = IK_REPLY_FORWARD;
      lower_call(given, &reply->value.forward);
      break;
    case A_LATER:
      reply->kind = IK_REPLY_LATER;
      lower_deferred(given, &reply->value.later);
      break;
    default:
      reply->kind = IK_REPLY_MESSAGE;
      if (a->kind == A_STREAM && JS_IsUndefined(given)) reply->kind = IK_REPLY_NONE;
      else if (JS_IsFunction(ctx, given)) {
        JSValue made = JS_Call(ctx, given, JS_UNDEFINED, 1, &after);
        done = JS_IsException(made) ? -1 : lower_message(m, made, &reply->value.message);
        JS_FreeValue(ctx, made);
      } else done = lower_message(m, given, &reply->value.message);
  }
  JS_FreeValue(ctx, given);
  if (done < 0 || lower_tickets(m, a, outcome) < 0) return -1;
  lower_accompaniment(a->effects, a->headers, outcome);
  return lower_asks(m, &outcome->effects);
}

static void unknown_method(const Service *s, ik_text name, ik_outcome *outcome) {
  refuse_in_words(outcome, IK_UNIMPLEMENTED, "%s has no method %.*s", s->name, IK_ARG(name));
}

// The request, or false after a refusal.
static bool decoded(const Method *m, const ik_command *command, JSValue *request, ik_outcome *outcome) {
  const char *problem = decode(m->request, command->payload, request);
  if (problem == NULL) return true;
  refuse_in_words(outcome, IK_INVALID_ARGUMENT, "the request is no %s: %s", m->request->name, problem);
  return false;
}

COLD int no_answer(const Method *m) {
  JS_ThrowTypeError(ctx, "%s answered neither accept nor refuse", m->full_name);
  return -1;
}
