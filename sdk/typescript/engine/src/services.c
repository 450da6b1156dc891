// Services: those that the engine runs itself (event-sourced, values, unary methods of actions), given once while loading.

typedef struct {
  char *name;
  size_t name_length;
  // What handlers call it.
  char *key;
  size_t key_length;
  // For words: `test.v1.Counter/Add`.
  char *full_name;
  // Its number.
  int service;
  Type *request, *reply;
  // Undefined: it streams.
  JSValue handler;
  int arguments;
} Method;

typedef struct {
  Type *type;
  JSValue fold;
} Event;

typedef struct {
  uint8_t kind;
  char *name;
  size_t name_length;
  int methods, events;
  Method *method;
  Event *event;
  // Of a state or a value that is a message; else it is JSON, by these functions of state.ts.
  Type *state;
  JSValue initial, to_bytes, from_bytes;
} Service;

static Service *services;
static int service_count;

static const Service *service_of(uint8_t kind, ik_text name) {
  for (int i = 0; i < service_count; i++)
    if (services[i].kind == kind && equals(name, services[i].name, services[i].name_length)) return &services[i];
  JS_ThrowTypeError(ctx, "this component has no such service: %.*s", IK_ARG(name));
  give_up();
}

HOT const Method *method_of(const Service *s, ik_text name) {
  for (int i = 0; i < s->methods; i++)
    if (equals(name, s->method[i].name, s->method[i].name_length)) return &s->method[i];
  return NULL;
}

// How many arguments a handler looks at. `arguments` and rest parameters see what is not declared.
static int arity_of(JSValueConst function) {
  JSObject *p = object_of_class(function, JS_CLASS_BYTECODE_FUNCTION);
  if (p == NULL) return INT32_MAX;
  const JSFunctionBytecode *code = p->u.func.function_bytecode;
  bool declares_all = code->arg_count == code->defined_arg_count && !code->has_prototype && !code->arguments_allowed;
  return declares_all ? code->arg_count : INT32_MAX;
}

static Type *type_at(JSValueConst list, uint32_t index) {
  JSValue value = item_at(list, index);
  Type *t = type_of_function(value);
  JS_FreeValue(ctx, value);
  if (t == NULL) ik_fault("the engine is given something that is no message type");
  return t;
}

// By what handlers call it; null where there is none.
static const Method *method_keyed(const Service *s, ik_text key) {
  for (int i = 0; i < s->methods; i++)
    if (equals(key, s->method[i].key, s->method[i].key_length)) return &s->method[i];
  return NULL;
}

static void define_methods(Service *s, int number, JSValueConst methods) {
  s->methods = (int)count_of(methods);
  s->method = zeroed((size_t)s->methods, sizeof *s->method);
  for (int i = 0; i < s->methods; i++) {
    Method *m = &s->method[i];
    JSValue given = item_at(methods, (uint32_t)i);
    m->name = text_at(given, 0, &m->name_length);
    m->full_name = zeroed(s->name_length + m->name_length + 1, 1);
    memcpy(m->full_name, s->name, s->name_length);
    m->full_name[s->name_length] = '/';
    memcpy(m->full_name + s->name_length + 1, m->name, m->name_length);
    m->request = type_at(given, 1);
    m->reply = type_at(given, 2);
    m->handler = item_at(given, 3);
    m->arguments = arity_of(m->handler);
    m->key = text_at(given, 4, &m->key_length);
    m->service = number;
    JS_FreeValue(ctx, given);
  }
}

static void define_events(Service *s, JSValueConst events) {
  s->events = (int)count_of(events);
  s->event = zeroed((size_t)s->events, sizeof *s->event);
  for (int i = 0; i < s->events; i++) {
    JSValue given = item_at(events, (uint32_t)i);
    s->event[i].type = type_at(given, 0);
    s->event[i].fold = item_at(given, 1);
    JS_FreeValue(ctx, given);
  }
}

static void define_state(Service *s, JSValueConst state) {
  s->initial = s->to_bytes = s->from_bytes = JS_UNDEFINED;
  if (JS_IsUndefined(state)) return;
  JSValue name = JS_GetPropertyStr(ctx, state, "typeName");
  if (is_text(name)) {
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, name);
    s->state = type_named((ik_text){(const uint8_t *)text, length});
    JS_FreeCString(ctx, text);
    if (s->state == NULL) ik_fault("a state is of a message that the engine does not know");
  }
  JS_FreeValue(ctx, name);
  s->initial = JS_GetPropertyStr(ctx, state, "initial");
  s->to_bytes = JS_GetPropertyStr(ctx, state, "encode");
  s->from_bytes = JS_GetPropertyStr(ctx, state, "decode");
}

// services(kind, [[name, [[method, request, reply, handler, key], ...], [[event, fold], ...], codec], ...]): after the messages.
static JSValue define_services(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc;
  int32_t kind = 0;
  JS_ToInt32(ctx, &kind, argv[0]);
  int count = (int)count_of(argv[1]);
  services = realloc(services, (size_t)(service_count + count) * sizeof *services);
  if (services == NULL) ik_no_memory();
  for (int i = 0; i < count; i++) {
    Service *s = &services[service_count++];
    memset(s, 0, sizeof *s);
    s->kind = (uint8_t)kind;
    JSValue given = item_at(argv[1], (uint32_t)i), methods = item_at(given, 1), events = item_at(given, 2), state = item_at(given, 3);
    s->name = text_at(given, 0, &s->name_length);
    define_methods(s, service_count - 1, methods);
    define_events(s, events);
    define_state(s, state);
    JS_FreeValue(ctx, state);
    JS_FreeValue(ctx, events);
    JS_FreeValue(ctx, methods);
    JS_FreeValue(ctx, given);
  }
  return JS_UNDEFINED;
}

// --- States as bytes ---------------------------------------------------------------------------------------------------------

// -1: thrown.
static int state_bytes(const Service *s, JSValueConst state, ik_bytes *bytes) {
  if (s->state != NULL) return encode(s->state, state, bytes);
  JSValue given = JS_Call(ctx, s->to_bytes, JS_UNDEFINED, 1, &state);
  if (JS_IsException(given)) return -1;
  *bytes = lower_bytes(given);
  JS_FreeValue(ctx, given);
  return 0;
}

// Not frozen.
static JSValue state_of(const Service *s, ik_bytes bytes) {
  if (s->state != NULL) {
    JSValue state;
    const char *problem = decode(s->state, bytes, &state);
    return problem == NULL ? state : throw_malformed(problem);
  }
  JSValue given = new_bytes(bytes);
  JSValue state = JS_Call(ctx, s->from_bytes, JS_UNDEFINED, 1, (JSValueConst *)&given);
  JS_FreeValue(ctx, given);
  return state;
}

static uint64_t state_bound(const Service *s, JSValueConst state) {
  return s->state != NULL ? message_bound(s->state, state) : json_bound(state);
}

// --- Lending (../../guest/lending.ts) ------------------------------------------------------------------------------------------
//
// N1. First the author's code is given frozen values. So a change throws, and reaches no state.
// N2. Code that throws on frozen values runs once more, with copies of its own. It says so in the log, which makes `inn check` fail.
// N3. Code that throws on copies, too, has failed: its second error is told.

static bool lends_copies;

// What the author's code gets of a value that is kept. An own reference.
static JSValue lend_state(const Service *s, JSValueConst state) {
  if (!lends_copies || JS_IsUndefined(state)) return js_dup(state);
  ik_bytes bytes;
  return state_bytes(s, state, &bytes) < 0 ? JS_EXCEPTION : state_of(s, bytes);
}

// What is kept of a value that the author's code gave. Takes it over.
static JSValue keep_state(const Service *s, JSValue state) {
  if (!lends_copies || JS_IsUndefined(state)) return frozen(state);
  ik_bytes bytes;
  JSValue copy = state_bytes(s, state, &bytes) < 0 ? JS_EXCEPTION : state_of(s, bytes);
  JS_FreeValue(ctx, state);
  return JS_IsException(copy) ? copy : frozen(copy);
}

// After the first error of code that was lent frozen values.
COLD void lend_again(const char *name) {
  JS_FreeValue(ctx, JS_GetException(ctx));
  bool hears = ik_logs.hears;
  ik_heard();
  if (hears) ik_hear();
  static const char before[] = "L2: ";
  static const char after[] = " changes a value that it is given. It ran again on a copy: return a new value instead.";
  size_t length = strlen(name);
  uint8_t *text = ik_allocate(sizeof before + length + sizeof after, 1);
  memcpy(text, before, sizeof before - 1);
  memcpy(text + sizeof before - 1, name, length);
  memcpy(text + sizeof before - 1 + length, after, sizeof after - 1);
  ik_log_text(IK_WARN, (ik_text){text, sizeof before - 1 + length + sizeof after - 1});
  lends_copies = true;
}
