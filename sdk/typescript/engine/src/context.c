// Context: time and chance of a command, and what its caller sent along (../../context.ts).
//
// C1. The same seed gives the same sequence as random.ts does in Node: sfc32, 12 rounds to mix the seed in.

typedef struct {
  double now;
  uint32_t seed[4];
  bool mixed;
  JSValue entity;
  // A list of [name, value], or undefined for none; then the SDK's object of it.
  JSValue entries, metadata;
} Moment;

static JSClassID context_class;

static void context_finalizer(JSRuntime *r, JSValueConst value) {
  Moment *m = JS_VALUE_GET_OBJ(value)->u.opaque;
  if (m == NULL) return;
  JS_FreeValueRT(r, m->entity);
  JS_FreeValueRT(r, m->entries);
  JS_FreeValueRT(r, m->metadata);
  js_free_rt(r, m);
}

static void context_mark(JSRuntime *r, JSValueConst value, JS_MarkFunc *mark) {
  Moment *m = JS_VALUE_GET_OBJ(value)->u.opaque;
  if (m == NULL) return;
  JS_MarkValue(r, m->entries, mark);
  JS_MarkValue(r, m->metadata, mark);
}

static Moment *moment_of(JSValueConst self) {
  JSObject *p = object_of_class(self, context_class);
  if (p == NULL) JS_ThrowTypeError(ctx, "this is no context; call its functions as context.random()");
  return p == NULL ? NULL : p->u.opaque;
}

static uint32_t mix(uint32_t s[4]) {
  uint32_t sum = s[0] + s[1] + s[3];
  s[3] += 1;
  s[0] = s[1] ^ s[1] >> 9;
  s[1] = s[2] + (s[2] << 3);
  s[2] = (s[2] << 21 | s[2] >> 11) + sum;
  return sum;
}

static uint32_t word(Moment *m) {
  if (!m->mixed)
    for (int round = 0; round < 12; round++) mix(m->seed);
  m->mixed = true;
  return mix(m->seed);
}

static JSValue context_random(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)argc; (void)argv;
  Moment *m = moment_of(self);
  if (m == NULL) return JS_EXCEPTION;
  double high = word(m) >> 5;
  return js_number((high * 67108864 + (word(m) >> 6)) / 9007199254740992.0);
}

static JSValue context_bytes(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)argc;
  Moment *m = moment_of(self);
  uint64_t length;
  if (m == NULL || JS_ToIndex(ctx, &length, argv[0])) return JS_EXCEPTION;
  if (length > INT32_MAX) return JS_ThrowRangeError(ctx, "context.randomBytes: so many bytes there cannot be");
  JSValue bytes = JS_NewUint8ArrayCopy(ctx, NULL, 0);
  if (length > 0) {
    JS_FreeValue(ctx, bytes);
    uint8_t *random = js_malloc(ctx, length);
    if (random == NULL) return JS_EXCEPTION;
    for (uint64_t i = 0; i < length; i++) random[i] = (uint8_t)(word(m) >> 24);
    bytes = JS_NewUint8ArrayCopy(ctx, random, length);
    js_free(ctx, random);
  }
  return bytes;
}

// Version 4, RFC 9562.
static JSValue context_uuid(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)argc; (void)argv;
  Moment *m = moment_of(self);
  if (m == NULL) return JS_EXCEPTION;
  char text[36], *at = text;
  for (int i = 0; i < 16; i++) {
    uint8_t byte = (uint8_t)(word(m) >> 24);
    if (i == 6) byte = (byte & 0x0f) | 0x40;
    if (i == 8) byte = (byte & 0x3f) | 0x80;
    if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
    *at++ = "0123456789abcdef"[byte >> 4];
    *at++ = "0123456789abcdef"[byte & 15];
  }
  return JS_NewStringLen(ctx, text, sizeof text);
}

enum { C_NOW, C_NOW_INT64, C_ENTITY, C_METADATA };

static JSValue context_property(JSContext *c, JSValueConst self, int property) {
  (void)c;
  Moment *m = moment_of(self);
  if (m == NULL) return JS_EXCEPTION;
  if (property == C_NOW) return js_number(m->now);
  if (property == C_NOW_INT64) return JS_NewBigInt64(ctx, (int64_t)m->now);
  if (property == C_ENTITY) return js_dup(m->entity);
  if (JS_IsUndefined(m->metadata)) {
    JSValue entries = list_or_none(m->entries);
    JSValue made = JS_Call(ctx, metadata_of, JS_UNDEFINED, 1, (JSValueConst *)&entries);
    JS_FreeValue(ctx, entries);
    if (JS_IsException(made)) return made;
    m->metadata = made;
  }
  return js_dup(m->metadata);
}

static const JSCFunctionListEntry context_functions[] = {
  JS_CGETSET_MAGIC_DEF("now", context_property, NULL, C_NOW),
  JS_CGETSET_MAGIC_DEF("nowInt64", context_property, NULL, C_NOW_INT64),
  JS_CGETSET_MAGIC_DEF("entity", context_property, NULL, C_ENTITY),
  JS_CGETSET_MAGIC_DEF("metadata", context_property, NULL, C_METADATA),
  JS_CFUNC_DEF("random", 0, context_random),
  JS_CFUNC_DEF("randomBytes", 1, context_bytes),
  JS_CFUNC_DEF("uuid", 0, context_uuid),
};

// A list of [name, value]; undefined for none.
static JSValue new_entries(const ik_metadata *metadata) {
  if (metadata->count == 0) return JS_UNDEFINED;
  JSValue entries = checked(JS_NewArray(ctx));
  for (size_t i = 0; i < metadata->count; i++) {
    const ik_metadata_entry *entry = &metadata->items[i];
    JSValue pair = checked(JS_NewArray(ctx));
    push(pair, new_text(entry->name));
    push(pair, entry->is_binary ? new_bytes(entry->value) : new_text(entry->value));
    push(entries, pair);
  }
  return entries;
}

static JSValue new_context(const ik_command *command, ik_text entity) {
  JSValue made = checked(JS_NewObjectProtoClass(ctx, ctx->class_proto[context_class], context_class));
  Moment *m = js_malloc(ctx, sizeof *m);
  if (m == NULL) give_up();
  m->now = command->now_ms;
  memcpy(m->seed, command->seed, sizeof m->seed);
  m->mixed = false;
  m->entity = new_text(entity);
  m->entries = new_entries(&command->metadata);
  m->metadata = JS_UNDEFINED;
  JS_VALUE_GET_OBJ(made)->u.opaque = m;
  return made;
}
