// Answers: accept, update, remove and refuse (../../decision.ts), as objects of C.
//
// Effects are a list of { call, synchronous } and what else the boundary has of them, metadata a list of [name, value], as the SDK's
// JavaScript has them, which reads an answer through its properties where it runs a service itself (../../guest/replicated.ts, action.ts).
// What few answers say (effects that are due later, asks, cancels, tickets) is made by words of that JavaScript: W_...

enum { A_DUE, A_REPLY, A_FORWARD, A_STREAM, A_LATER };
enum { V_KEPT, V_VALUE, V_REMOVED };

typedef struct {
  // `written`: how far, by the number of innkeeper.crdt.v1.Consistency.
  uint8_t kind, change, written;
  int count;
  // A message, a function that computes it, a call, or a ticket.
  JSValue reply, value, effects, headers;
  // Names, and { ticket, method, answer }; undefined for none.
  JSValue cancels, resolves;
  // Events or operations.
  JSValue changes[];
} Acceptance;

typedef struct {
  int code;
  JSValue message, details, effects, headers;
} Refusal;

static JSClassID acceptance_class, refusal_class;
// In place of a value: the one that is there stays, or goes.
static JSValue kept_symbol, removed_symbol;
static JSAtom atom_call, atom_synchronous, atom_name, atom_within, atom_details, atom_metadata, atom_kind, atom_reply, atom_deferred;

// Given by natives.words, under these names (../../guest/words.ts).
enum { W_EFFECT, W_AFTER, W_AT, W_ASK, W_CANCEL, W_RESOLVE, W_LATER, W_WORDS };
static const char *const names_of_words[] = {"effect", "after", "at", "ask", "cancel", "resolve", "later"};
static JSValue words[W_WORDS];

static const char *const codes[] = {
  "CANCELLED",         "UNKNOWN",             "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",    "ALREADY_EXISTS",
  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",  "FAILED_PRECONDITION", "ABORTED",        "OUT_OF_RANGE", "UNIMPLEMENTED",
  "INTERNAL",          "UNAVAILABLE",         "DATA_LOSS",        "UNAUTHENTICATED"};
static const char all_codes[] =
  "1 to 16: CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED, "
  "FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS, UNAUTHENTICATED";

static void acceptance_finalizer(JSRuntime *r, JSValueConst value) {
  Acceptance *a = JS_VALUE_GET_OBJ(value)->u.opaque;
  if (a == NULL) return;
  for (int i = 0; i < a->count; i++) JS_FreeValueRT(r, a->changes[i]);
  JS_FreeValueRT(r, a->reply);
  JS_FreeValueRT(r, a->value);
  JS_FreeValueRT(r, a->effects);
  JS_FreeValueRT(r, a->headers);
  JS_FreeValueRT(r, a->cancels);
  JS_FreeValueRT(r, a->resolves);
  js_free_rt(r, a);
}

static void acceptance_mark(JSRuntime *r, JSValueConst value, JS_MarkFunc *mark) {
  Acceptance *a = JS_VALUE_GET_OBJ(value)->u.opaque;
  if (a == NULL) return;
  for (int i = 0; i < a->count; i++) JS_MarkValue(r, a->changes[i], mark);
  JS_MarkValue(r, a->reply, mark);
  JS_MarkValue(r, a->value, mark);
  JS_MarkValue(r, a->effects, mark);
  JS_MarkValue(r, a->headers, mark);
  JS_MarkValue(r, a->cancels, mark);
  JS_MarkValue(r, a->resolves, mark);
}

static void refusal_finalizer(JSRuntime *r, JSValueConst value) {
  Refusal *a = JS_VALUE_GET_OBJ(value)->u.opaque;
  if (a == NULL) return;
  JS_FreeValueRT(r, a->message);
  JS_FreeValueRT(r, a->details);
  JS_FreeValueRT(r, a->effects);
  JS_FreeValueRT(r, a->headers);
  js_free_rt(r, a);
}

static void refusal_mark(JSRuntime *r, JSValueConst value, JS_MarkFunc *mark) {
  Refusal *a = JS_VALUE_GET_OBJ(value)->u.opaque;
  if (a == NULL) return;
  JS_MarkValue(r, a->details, mark);
  JS_MarkValue(r, a->effects, mark);
  JS_MarkValue(r, a->headers, mark);
}

HOT Acceptance *acceptance_of(JSValueConst value) {
  JSObject *p = object_of_class(value, acceptance_class);
  return p == NULL ? NULL : p->u.opaque;
}

HOT Refusal *refusal_of(JSValueConst value) {
  JSObject *p = object_of_class(value, refusal_class);
  return p == NULL ? NULL : p->u.opaque;
}

static JSValue new_acceptance(int argc, JSValueConst *argv, int change, JSValueConst value) {
  JSValue made = checked(JS_NewObjectProtoClass(ctx, ctx->class_proto[acceptance_class], acceptance_class));
  Acceptance *a = js_malloc(ctx, sizeof *a + (size_t)argc * sizeof(JSValue));
  if (a == NULL) give_up();
  a->kind = A_DUE;
  a->change = (uint8_t)change;
  a->written = 0;
  a->reply = a->effects = a->headers = a->cancels = a->resolves = JS_UNDEFINED;
  a->value = js_dup(value);
  a->count = argc;
  for (int i = 0; i < argc; i++) a->changes[i] = js_dup(argv[i]);
  JS_VALUE_GET_OBJ(made)->u.opaque = a;
  return made;
}

static JSValue js_accept(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self;
  return new_acceptance(argc, argv, V_KEPT, JS_UNDEFINED);
}

static JSValue js_update(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc;
  return new_acceptance(0, NULL, V_VALUE, argv[0]);
}

static JSValue js_remove(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self;
  return new_acceptance(argc, argv, V_REMOVED, JS_UNDEFINED);
}

static int add_to(JSValue *list, JSValue item) {
  if (JS_IsException(item)) return -1;
  if (JS_IsUndefined(*list)) *list = checked(JS_NewArray(ctx));
  push(*list, item);
  return 0;
}

static JSValue said(int word, int argc, JSValueConst *argv) {
  return JS_Call(ctx, words[word], JS_UNDEFINED, argc, argv);
}

// Whether options say more of an effect than that it is synchronous. -1: thrown.
static int says_more(JSValueConst options) {
  JSAtom atoms[] = {atom_name, atom_within};
  for (size_t i = 0; i < COUNT(atoms); i++) {
    JSValue value = JS_GetProperty(ctx, options, atoms[i]);
    if (JS_IsException(value)) return -1;
    bool is = !JS_IsUndefined(value);
    JS_FreeValue(ctx, value);
    if (is) return 1;
  }
  return 0;
}

// effect(call, { synchronous, name, within })
static JSValue new_effect(int argc, JSValueConst *argv) {
  JSValue synchronous = JS_UNDEFINED;
  if (argc > 1 && !JS_IsUndefined(argv[1])) {
    int more = says_more(argv[1]);
    if (more != 0) return more < 0 ? JS_EXCEPTION : said(W_EFFECT, argc, argv);
    synchronous = JS_GetProperty(ctx, argv[1], atom_synchronous);
    if (JS_IsException(synchronous)) return synchronous;
  }
  JSValue effect = checked(JS_NewObject(ctx));
  JS_DefinePropertyValue(ctx, effect, atom_call, js_dup(argv[0]), JS_PROP_C_W_E);
  bool waits = JS_VALUE_GET_TAG(synchronous) == JS_TAG_BOOL && JS_VALUE_GET_BOOL(synchronous);
  JS_DefinePropertyValue(ctx, effect, atom_synchronous, js_bool(waits), JS_PROP_C_W_E);
  JS_FreeValue(ctx, synchronous);
  return effect;
}

COLD JSValue not_an_answer(void) {
  return JS_ThrowTypeError(ctx, "this is no answer of accept, update or remove");
}

static JSValue acceptance_effect(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c;
  Acceptance *a = acceptance_of(self);
  if (a == NULL) return not_an_answer();
  return add_to(&a->effects, new_effect(argc, argv)) < 0 ? JS_EXCEPTION : js_dup(self);
}

// after, at, ask, cancel, resolve and later: the magic is the word.
static JSValue acceptance_word(JSContext *c, JSValueConst self, int argc, JSValueConst *argv, int word) {
  (void)c;
  Acceptance *a = acceptance_of(self);
  if (a == NULL) return not_an_answer();
  JSValue made = said(word, argc, argv);
  if (JS_IsException(made)) return made;
  if (word == W_LATER) {
    JSValue before = a->reply;
    a->kind = A_LATER;
    a->reply = made;
    JS_FreeValue(ctx, before);
  } else if (word == W_CANCEL) {
    JSObject *names = object_of(made);
    for (uint32_t i = 0; i < items_of(names); i++) add_to(&a->cancels, list_at(names, i));
    JS_FreeValue(ctx, made);
  } else add_to(word == W_RESOLVE ? &a->resolves : &a->effects, made);
  return js_dup(self);
}

static JSValue acceptance_metadata(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)argc;
  Acceptance *a = acceptance_of(self);
  if (a == NULL) return not_an_answer();
  return add_to(&a->headers, JS_Call(ctx, entry_of, JS_UNDEFINED, 2, argv)) < 0 ? JS_EXCEPTION : js_dup(self);
}

static const char *const consistencies[] = {"local", "majority", "all"};

static JSValue acceptance_consistency(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)argc;
  Acceptance *a = acceptance_of(self);
  if (a == NULL) return not_an_answer();
  const char *text = JS_ToCString(ctx, argv[0]);
  if (text == NULL) return JS_EXCEPTION;
  size_t i = 0;
  while (i < COUNT(consistencies) && strcmp(text, consistencies[i]) != 0) i++;
  if (i == COUNT(consistencies)) JS_ThrowRangeError(ctx, "consistency: %s is none of local, majority, all", text);
  JS_FreeCString(ctx, text);
  if (i == COUNT(consistencies)) return JS_EXCEPTION;
  a->written = (uint8_t)i;
  return js_dup(self);
}

// reply, forward and stream: the magic is the kind.
static JSValue acceptance_answer(JSContext *c, JSValueConst self, int argc, JSValueConst *argv, int kind) {
  (void)c;
  Acceptance *a = acceptance_of(self);
  if (a == NULL) return not_an_answer();
  JSValue before = a->reply;
  a->kind = (uint8_t)kind;
  a->reply = argc > 0 ? js_dup(argv[0]) : JS_UNDEFINED;
  JS_FreeValue(ctx, before);
  return js_dup(self);
}

static JSValue list_or_none(JSValueConst list) {
  return JS_IsUndefined(list) ? JS_NewArray(ctx) : js_dup(list);
}

// A list of ours leaves as a copy: its items are read without asking what its owner made of it.
static JSValue copy_or_none(JSValueConst list) {
  JSValue copy = checked(JS_NewArray(ctx));
  JSObject *p = object_of(list);
  for (uint32_t i = 0; p != NULL && i < items_of(p); i++) push(copy, list_at(p, i));
  return copy;
}

enum { P_CHANGES, P_VALUE, P_EFFECTS, P_HEADERS, P_CANCELS, P_RESOLVES, P_WRITTEN, P_ANSWER, P_CODE, P_MESSAGE, P_DETAILS };

static JSValue acceptance_property(JSContext *c, JSValueConst self, int property) {
  (void)c;
  static const char *const kinds[] = {"due", "reply", "forward", "stream", "later"};
  Acceptance *a = acceptance_of(self);
  if (a == NULL) return JS_UNDEFINED;
  switch (property) {
    case P_CHANGES: {
      JSValue list = checked(JS_NewArray(ctx));
      for (int i = 0; i < a->count; i++) push(list, js_dup(a->changes[i]));
      return list;
    }
    case P_VALUE: return js_dup(a->change == V_KEPT ? kept_symbol : a->change == V_REMOVED ? removed_symbol : a->value);
    case P_EFFECTS: return copy_or_none(a->effects);
    case P_HEADERS: return copy_or_none(a->headers);
    case P_CANCELS: return copy_or_none(a->cancels);
    case P_RESOLVES: return copy_or_none(a->resolves);
    case P_WRITTEN: return JS_NewString(ctx, consistencies[a->written]);
    default: {
      JSValue answer = checked(JS_NewObject(ctx));
      JS_DefinePropertyValue(ctx, answer, atom_kind, JS_NewString(ctx, kinds[a->kind]), JS_PROP_C_W_E);
      JSAtom name = a->kind == A_FORWARD ? atom_call : a->kind == A_LATER ? atom_deferred : atom_reply;
      if (a->kind != A_DUE) JS_DefinePropertyValue(ctx, answer, name, js_dup(a->reply), JS_PROP_C_W_E);
      return answer;
    }
  }
}

static const JSCFunctionListEntry acceptance_functions[] = {
  JS_CFUNC_DEF("effect", 2, acceptance_effect),
  JS_CFUNC_DEF("metadata", 2, acceptance_metadata),
  JS_CFUNC_DEF("consistency", 1, acceptance_consistency),
  JS_CFUNC_MAGIC_DEF("after", 3, acceptance_word, W_AFTER),
  JS_CFUNC_MAGIC_DEF("at", 3, acceptance_word, W_AT),
  JS_CFUNC_MAGIC_DEF("ask", 4, acceptance_word, W_ASK),
  JS_CFUNC_MAGIC_DEF("cancel", 0, acceptance_word, W_CANCEL),
  JS_CFUNC_MAGIC_DEF("resolve", 3, acceptance_word, W_RESOLVE),
  JS_CFUNC_MAGIC_DEF("later", 2, acceptance_word, W_LATER),
  JS_CFUNC_MAGIC_DEF("reply", 1, acceptance_answer, A_REPLY),
  JS_CFUNC_MAGIC_DEF("forward", 1, acceptance_answer, A_FORWARD),
  JS_CFUNC_MAGIC_DEF("stream", 1, acceptance_answer, A_STREAM),
  JS_CGETSET_MAGIC_DEF("changes", acceptance_property, NULL, P_CHANGES),
  JS_CGETSET_MAGIC_DEF("value", acceptance_property, NULL, P_VALUE),
  JS_CGETSET_MAGIC_DEF("effects", acceptance_property, NULL, P_EFFECTS),
  JS_CGETSET_MAGIC_DEF("headers", acceptance_property, NULL, P_HEADERS),
  JS_CGETSET_MAGIC_DEF("cancels", acceptance_property, NULL, P_CANCELS),
  JS_CGETSET_MAGIC_DEF("resolves", acceptance_property, NULL, P_RESOLVES),
  JS_CGETSET_MAGIC_DEF("written", acceptance_property, NULL, P_WRITTEN),
  JS_CGETSET_MAGIC_DEF("answer", acceptance_property, NULL, P_ANSWER),
};

// --- Refusals ------------------------------------------------------------------------------------------------------------

COLD int unknown_code(JSValueConst given) {
  const char *text = JS_ToCString(ctx, given);
  if (text == NULL) return -1;
  JS_ThrowRangeError(ctx, "refuse: %s is no code; the codes are %s", text, all_codes);
  JS_FreeCString(ctx, text);
  return -1;
}

static int code_of(JSValueConst given) {
  if (JS_IsNumber(given)) {
    double number = 0;
    JS_ToFloat64(ctx, &number, given);
    for (int i = 0; i < (int)COUNT(codes); i++)
      if (number == i + 1) return i;
  }
  if (JS_VALUE_GET_TAG(given) == JS_TAG_STRING && !JS_VALUE_GET_STRING(given)->is_wide_char) {
    const JSString *p = JS_VALUE_GET_STRING(given);
    for (int i = 0; i < (int)COUNT(codes); i++)
      if (equals((ik_text){str8((JSString *)p), p->len}, codes[i], strlen(codes[i]))) return i;
  }
  return unknown_code(given);
}

// What the boundary would trap on without a word. An own reference to the text, flat.
static JSValue checked_message(JSValueConst given) {
  if (!is_text(given)) {
    const char *text = JS_ToCString(ctx, given);
    if (text == NULL) return JS_EXCEPTION;
    JS_ThrowTypeError(ctx, "the message of a refusal is no text: %s", text);
    JS_FreeCString(ctx, text);
    return JS_EXCEPTION;
  }
  JSValue flat = flat_text(given);
  if (JS_IsException(flat) || is_well_formed(JS_VALUE_GET_STRING(flat))) return flat;
  JS_FreeValue(ctx, flat);
  return JS_ThrowRangeError(ctx, "the message of a refusal has half of a surrogate pair, which UTF-8 cannot carry");
}

// Takes all but the code over.
static JSValue new_refusal(int code, JSValue message, JSValue details, JSValue headers, JSValue effects) {
  JSValue made = checked(JS_NewObjectProtoClass(ctx, ctx->class_proto[refusal_class], refusal_class));
  Refusal *a = js_malloc(ctx, sizeof *a);
  if (a == NULL) give_up();
  *a = (Refusal){code, message, details, effects, headers};
  JS_VALUE_GET_OBJ(made)->u.opaque = a;
  return made;
}

// A list of metadata, each entry checked; undefined where there is none.
static JSValue checked_entries(JSValueConst given) {
  if (JS_IsUndefined(given)) return JS_UNDEFINED;
  JSValue entries = JS_UNDEFINED;
  int64_t length;
  if (JS_GetLength(ctx, given, &length)) return JS_EXCEPTION;
  for (int64_t i = 0; i < length; i++) {
    JSValue entry = JS_GetPropertyInt64(ctx, given, i), parts[2] = {JS_UNDEFINED, JS_UNDEFINED};
    bool thrown = JS_IsException(entry);
    for (uint32_t k = 0; k < 2 && !thrown; k++) {
      parts[k] = JS_GetPropertyUint32(ctx, entry, k);
      thrown = JS_IsException(parts[k]);
    }
    if (!thrown) thrown = add_to(&entries, JS_Call(ctx, entry_of, JS_UNDEFINED, 2, (JSValueConst *)parts)) < 0;
    JS_FreeValue(ctx, parts[0]);
    JS_FreeValue(ctx, parts[1]);
    JS_FreeValue(ctx, entry);
    if (thrown) {
      JS_FreeValue(ctx, entries);
      return JS_EXCEPTION;
    }
  }
  return entries;
}

// refuse(code, message, { details, metadata }); new Refusal(code, message), too.
static JSValue js_refuse(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self;
  int code = code_of(argv[0]);
  JSValue message = code < 0 ? JS_EXCEPTION : checked_message(argv[1]);
  if (JS_IsException(message)) return message;
  if (argc < 3 || JS_IsUndefined(argv[2])) return new_refusal(code, message, JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED);
  JSValue details = JS_GetProperty(ctx, argv[2], atom_details);
  JSValue given = JS_IsException(details) ? details : JS_GetProperty(ctx, argv[2], atom_metadata);
  JSValue headers = JS_IsException(given) ? given : checked_entries(given);
  JS_FreeValue(ctx, given);
  if (!JS_IsException(headers)) return new_refusal(code, message, details, headers, JS_UNDEFINED);
  JS_FreeValue(ctx, details);
  JS_FreeValue(ctx, message);
  return headers;
}

// effect, after and at. Another refusal: one that is kept in a constant must not gather effects.
static JSValue refusal_effect(JSContext *c, JSValueConst self, int argc, JSValueConst *argv, int word) {
  (void)c;
  Refusal *a = refusal_of(self);
  if (a == NULL) return JS_ThrowTypeError(ctx, "this is no answer of refuse");
  JSValue effects = copy_or_none(a->effects);
  JSValue effect = word == W_EFFECT ? new_effect(argc, argv) : said(word, argc, argv);
  if (JS_IsException(effect)) {
    JS_FreeValue(ctx, effects);
    return effect;
  }
  push(effects, effect);
  return new_refusal(a->code, js_dup(a->message), js_dup(a->details), js_dup(a->headers), effects);
}

static JSValue refusal_property(JSContext *c, JSValueConst self, int property) {
  (void)c;
  Refusal *a = refusal_of(self);
  if (a == NULL) return JS_UNDEFINED;
  switch (property) {
    case P_CODE: return JS_NewString(ctx, codes[a->code]);
    case P_MESSAGE: return js_dup(a->message);
    case P_DETAILS: return list_or_none(a->details);
    case P_EFFECTS: return copy_or_none(a->effects);
    default: return copy_or_none(a->headers);
  }
}

static const JSCFunctionListEntry refusal_functions[] = {
  JS_CFUNC_MAGIC_DEF("effect", 2, refusal_effect, W_EFFECT),
  JS_CFUNC_MAGIC_DEF("after", 3, refusal_effect, W_AFTER),
  JS_CFUNC_MAGIC_DEF("at", 3, refusal_effect, W_AT),
  JS_CGETSET_MAGIC_DEF("code", refusal_property, NULL, P_CODE),
  JS_CGETSET_MAGIC_DEF("message", refusal_property, NULL, P_MESSAGE),
  JS_CGETSET_MAGIC_DEF("details", refusal_property, NULL, P_DETAILS),
  JS_CGETSET_MAGIC_DEF("effects", refusal_property, NULL, P_EFFECTS),
  JS_CGETSET_MAGIC_DEF("headers", refusal_property, NULL, P_HEADERS),
};
