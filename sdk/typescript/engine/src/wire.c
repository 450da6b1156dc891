// Wire: JavaScript objects of the boundary's shapes (../../guest/wire.ts), to the contract's structs and back. For services that
// the SDK's JavaScript runs, and for what an answer carries beside its message.

static JSValue field_of(JSValueConst object, const char *name) {
  return checked(JS_GetPropertyStr(ctx, object, name));
}

// Text as UTF-8 in the arena.
static ik_text lower_text(JSValueConst value) {
  size_t length;
  const char *text = JS_ToCStringLen(ctx, &length, value);
  if (text == NULL) give_up();
  ik_text kept = kept_bytes((ik_bytes){(const uint8_t *)text, length});
  JS_FreeCString(ctx, text);
  if (is_ascii(kept.data, kept.length) || is_utf8(kept)) return kept;
  JS_ThrowRangeError(ctx, "a text has half of a surrogate pair, which UTF-8 cannot carry");
  give_up();
}

static ik_bytes lower_bytes(JSValueConst value) {
  JSObject *p = object_of_class(value, JS_CLASS_UINT8_ARRAY);
  if (p == NULL) {
    JS_ThrowTypeError(ctx, "bytes are a Uint8Array");
    give_up();
  }
  return kept_bytes((ik_bytes){p->u.array.u.uint8_ptr, p->u.array.count});
}

static ik_text text_field(JSValueConst object, const char *name) {
  JSValue value = field_of(object, name);
  ik_text text = lower_text(value);
  JS_FreeValue(ctx, value);
  return text;
}

static ik_bytes bytes_field(JSValueConst object, const char *name) {
  JSValue value = field_of(object, name);
  ik_bytes bytes = lower_bytes(value);
  JS_FreeValue(ctx, value);
  return bytes;
}

static bool bool_field(JSValueConst object, const char *name) {
  JSValue value = field_of(object, name);
  bool is = JS_ToBool(ctx, value) > 0;
  JS_FreeValue(ctx, value);
  return is;
}

static int32_t int_field(JSValueConst object, const char *name) {
  JSValue value = field_of(object, name);
  int32_t number = 0;
  if (JS_ToInt32(ctx, &number, value)) give_up();
  JS_FreeValue(ctx, value);
  return number;
}

static ik_optional_bytes optional_field(JSValueConst object, const char *name, bool is_text_field) {
  JSValue value = field_of(object, name);
  ik_optional_bytes optional = {0};
  if (!JS_IsUndefined(value) && !JS_IsNull(value))
    optional = (ik_optional_bytes){true, is_text_field ? lower_text(value) : lower_bytes(value)};
  JS_FreeValue(ctx, value);
  return optional;
}

// A list in the arena, each item by `lower`. Undefined is none.
static void *lower_list(JSValueConst list, size_t size, size_t *count, void (*lower)(JSValueConst item, void *into)) {
  int64_t length = 0;
  if (!JS_IsUndefined(list) && JS_GetLength(ctx, list, &length)) give_up();
  *count = (size_t)length;
  if (length > INT32_MAX / (int64_t)size) ik_no_memory();
  uint8_t *items = ik_allocate_zeroed((size_t)length * size);
  for (int64_t i = 0; i < length; i++) {
    JSValue item = checked(JS_GetPropertyInt64(ctx, list, i));
    lower(item, items + (size_t)i * size);
    JS_FreeValue(ctx, item);
  }
  return items;
}

static void *list_field(JSValueConst object, const char *name, size_t size, size_t *count, void (*lower)(JSValueConst, void *)) {
  JSValue list = field_of(object, name);
  void *items = lower_list(list, size, count, lower);
  JS_FreeValue(ctx, list);
  return items;
}

static void lower_value(JSValueConst value, ik_metadata_entry *entry) {
  entry->is_binary = !is_text(value);
  entry->value = entry->is_binary ? lower_bytes(value) : lower_text(value);
}

// [name, value], or { name, value: { tag, val } }.
static void lower_entry(JSValueConst item, void *into) {
  ik_metadata_entry *entry = into;
  if (object_of_class(item, JS_CLASS_ARRAY) != NULL) {
    JSValue name = item_at(item, 0), value = item_at(item, 1);
    entry->name = lower_text(name);
    lower_value(value, entry);
    JS_FreeValue(ctx, name);
    JS_FreeValue(ctx, value);
    return;
  }
  JSValue value = field_of(item, "value"), inner = field_of(value, "val");
  entry->name = text_field(item, "name");
  lower_value(inner, entry);
  JS_FreeValue(ctx, inner);
  JS_FreeValue(ctx, value);
}

static void lower_metadata(JSValueConst list, ik_metadata *metadata) {
  metadata->items = lower_list(list, sizeof *metadata->items, &metadata->count, lower_entry);
}

static void lower_call(JSValueConst call, ik_call *into) {
  into->service = text_field(call, "service");
  into->method = text_field(call, "method");
  into->payload = bytes_field(call, "payload");
  into->metadata.items = list_field(call, "metadata", sizeof(ik_metadata_entry), &into->metadata.count, lower_entry);
}

static double checked_number(JSValueConst value) {
  double number = 0;
  if (JS_ToFloat64(ctx, &number, value)) give_up();
  return number;
}

// { tag, val }; undefined: at once.
static void lower_due(JSValueConst due, ik_due *into) {
  if (JS_IsUndefined(due)) return;
  ik_text tag = text_field(due, "tag");
  into->kind = equals(tag, "after", 5) ? IK_DUE_AFTER : equals(tag, "at", 2) ? IK_DUE_AT : IK_DUE_AT_ONCE;
  if (into->kind == IK_DUE_AT_ONCE) return;
  JSValue value = field_of(due, "val");
  into->ms = checked_number(value);
  JS_FreeValue(ctx, value);
}

// What is undefined, the effect has not.
static void lower_effect(JSValueConst item, void *into) {
  ik_effect *effect = into;
  JSValue call = field_of(item, "call"), due = field_of(item, "due"), answer = field_of(item, "answer"),
          within = field_of(item, "within");
  lower_call(call, &effect->call);
  effect->synchronous = bool_field(item, "synchronous");
  lower_due(due, &effect->due);
  effect->name = optional_field(item, "name", true);
  effect->has_answer = object_of(answer) != NULL;
  if (effect->has_answer) effect->answer = (ik_answer_to){text_field(answer, "method"), bytes_field(answer, "note")};
  effect->has_within = JS_IsNumber(within);
  if (effect->has_within) effect->within_ms = checked_number(within);
  JS_FreeValue(ctx, within);
  JS_FreeValue(ctx, answer);
  JS_FreeValue(ctx, due);
  JS_FreeValue(ctx, call);
}

static void lower_typed(JSValueConst item, void *into) {
  ik_typed *typed = into;
  typed->type_name = text_field(item, "typeName");
  typed->data = bytes_field(item, "data");
}

static const char *const levels[] = {"debug", "info", "warn", "error"};

static uint8_t level_of(ik_text level) {
  for (uint8_t i = 0; i < COUNT(levels); i++)
    if (equals(level, levels[i], strlen(levels[i]))) return i;
  return IK_INFO;
}

static void lower_line(JSValueConst item, void *into) {
  ik_log_line *line = into;
  line->level = level_of(text_field(item, "level"));
  line->text = text_field(item, "text");
}

// `failed-precondition` as the boundary has it.
static uint8_t lower_code(ik_text code) {
  for (uint8_t i = 0; i < COUNT(codes); i++) {
    size_t length = strlen(codes[i]), at = 0;
    if (length != code.length) continue;
    while (at < length && (codes[i][at] == '_' ? '-' : codes[i][at] | 32) == code.data[at]) at++;
    if (at == length) return i;
  }
  ik_fault("an outcome has a code that does not exist");
}

// { ticket, within }: seconds, or undefined.
static void lower_deferred(JSValueConst deferred, ik_deferred *into) {
  JSValue within = field_of(deferred, "within");
  into->ticket = text_field(deferred, "ticket");
  into->has_within = JS_IsNumber(within);
  if (into->has_within) into->within_s = (uint32_t)checked_number(within);
  JS_FreeValue(ctx, within);
}

static void lower_failure(JSValueConst given, ik_failure *failure) {
  failure->code = lower_code(text_field(given, "code"));
  failure->message = text_field(given, "message");
  failure->details.items = list_field(given, "details", sizeof(ik_typed), &failure->details.count, lower_typed);
}

static void lower_resolution(JSValueConst item, void *into) {
  ik_resolution *resolution = into;
  JSValue answer = field_of(item, "answer"), value = field_of(answer, "val");
  resolution->ticket = text_field(item, "ticket");
  resolution->method = text_field(item, "method");
  resolution->is_failure = equals(text_field(answer, "tag"), "err", 3);
  if (resolution->is_failure) lower_failure(value, &resolution->answer.failure);
  else resolution->answer.message = lower_bytes(value);
  resolution->metadata.items =
    list_field(item, "metadata", sizeof(ik_metadata_entry), &resolution->metadata.count, lower_entry);
  JS_FreeValue(ctx, value);
  JS_FreeValue(ctx, answer);
}

static void lower_text_item(JSValueConst item, void *into) {
  *(ik_text *)into = lower_text(item);
}

static void lower_reply(JSValueConst reply, ik_wire_reply *into) {
  ik_text tag = text_field(reply, "tag");
  if (equals(tag, "none", 4)) {
    into->kind = IK_REPLY_NONE;
    return;
  }
  JSValue value = field_of(reply, "val");
  if (equals(tag, "message", 7)) {
    into->kind = IK_REPLY_MESSAGE;
    into->value.message = lower_bytes(value);
  } else if (equals(tag, "later", 5)) {
    into->kind = IK_REPLY_LATER;
    lower_deferred(value, &into->value.later);
  } else {
    into->kind = IK_REPLY_FORWARD;
    lower_call(value, &into->value.forward);
  }
  JS_FreeValue(ctx, value);
}

static void lower_outcome(JSValueConst given, ik_outcome *outcome) {
  JSValue answer = field_of(given, "answer"), value = field_of(answer, "val");
  outcome->is_failure = equals(text_field(answer, "tag"), "err", 3);
  if (outcome->is_failure) lower_failure(value, &outcome->answer.failure);
  else lower_reply(value, &outcome->answer.reply);
  JS_FreeValue(ctx, value);
  JS_FreeValue(ctx, answer);
  outcome->effects.items = list_field(given, "effects", sizeof(ik_effect), &outcome->effects.count, lower_effect);
  outcome->metadata.items = list_field(given, "metadata", sizeof(ik_metadata_entry), &outcome->metadata.count, lower_entry);
  outcome->logs.items = list_field(given, "logs", sizeof(ik_log_line), &outcome->logs.count, lower_line);
  outcome->cancels.items = list_field(given, "cancels", sizeof(ik_text), &outcome->cancels.count, lower_text_item);
  outcome->resolves.items = list_field(given, "resolves", sizeof(ik_resolution), &outcome->resolves.count, lower_resolution);
}

static void lower_outcome_item(JSValueConst item, void *into) {
  lower_outcome(item, into);
}

static void lower_bytes_item(JSValueConst item, void *into) {
  *(ik_bytes *)into = lower_bytes(item);
}

// --- Lifting ---------------------------------------------------------------------------------------------------------------

// Takes the value over.
static void set_field(JSValueConst object, const char *name, JSValue value) {
  JSAtom atom = JS_NewAtom(ctx, name);
  if (atom == JS_ATOM_NULL || JS_DefinePropertyValue(ctx, object, atom, value, JS_PROP_C_W_E) < 0) give_up();
  JS_FreeAtom(ctx, atom);
}

static JSValue new_object(void) {
  return checked(JS_NewObject(ctx));
}

static JSValue lift_metadata(const ik_metadata *metadata) {
  JSValue list = checked(JS_NewArray(ctx));
  for (size_t i = 0; i < metadata->count; i++) {
    const ik_metadata_entry *entry = &metadata->items[i];
    JSValue item = new_object(), value = new_object();
    set_field(value, "tag", JS_NewString(ctx, entry->is_binary ? "binary" : "text"));
    set_field(value, "val", entry->is_binary ? new_bytes(entry->value) : new_text(entry->value));
    set_field(item, "name", new_text(entry->name));
    set_field(item, "value", value);
    push(list, item);
  }
  return list;
}

static JSValue lift_seed(const uint32_t *seed) {
  JSValue list = checked(JS_NewArray(ctx));
  for (int i = 0; i < 4; i++) push(list, js_uint32(seed[i]));
  return list;
}

static JSValue lift_command(const ik_command *command) {
  JSValue lifted = new_object();
  set_field(lifted, "method", new_text(command->method));
  set_field(lifted, "payload", new_bytes(command->payload));
  set_field(lifted, "metadata", lift_metadata(&command->metadata));
  set_field(lifted, "nowMs", js_number(command->now_ms));
  set_field(lifted, "seed", lift_seed(command->seed));
  return lifted;
}

// Calls a function of the SDK's JavaScript. Takes the arguments over. A fault if it throws.
static JSValue call_with(JSValueConst function, int count, JSValue *arguments) {
  JSValue answer = JS_Call(ctx, function, JS_UNDEFINED, count, (JSValueConst *)arguments);
  for (int i = 0; i < count; i++) JS_FreeValue(ctx, arguments[i]);
  return checked(answer);
}

// --- Log lines -------------------------------------------------------------------------------------------------------------

static JSValue well_formed(JSValueConst value) {
  JSValue flat = flat_text(value);
  if (JS_IsException(flat) || is_well_formed(JS_VALUE_GET_STRING(flat))) return flat;
  JSValue whole = js_string_toWellFormed(ctx, flat, 0, NULL);
  JS_FreeValue(ctx, flat);
  return whole;
}

// log(level, text): half of a surrogate pair is no reason to fail.
static JSValue js_log(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc;
  if (!ik_hears()) return JS_UNDEFINED;
  JSValue text = is_text(argv[1]) ? well_formed(argv[1]) : JS_ThrowTypeError(ctx, "a line for the log is a text");
  if (JS_IsException(text)) return text;
  ik_log_text((ik_level)level_of(lower_text(argv[0])), lower_text(text));
  JS_FreeValue(ctx, text);
  return JS_UNDEFINED;
}

static JSValue js_has_logs(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc; (void)argv;
  return js_bool(ik_logs.lines.count > 0);
}

// The lines so far, as objects; then there are none.
static JSValue js_take_logs(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc; (void)argv;
  bool hears = ik_logs.hears;
  ik_log_line_list lines = ik_heard();
  if (hears) ik_hear();
  JSValue list = checked(JS_NewArray(ctx));
  for (size_t i = 0; i < lines.count; i++) {
    JSValue line = new_object();
    set_field(line, "level", JS_NewString(ctx, levels[lines.items[i].level]));
    set_field(line, "text", new_text(lines.items[i].text));
    push(list, line);
  }
  return list;
}
