// Load: how `inn build` makes a component. One instance compiles the bundle, another runs what was compiled; the memory that this
// leaves becomes the component's, and what only these two steps need goes (sdk/build/languages/typescript/snapshot.ts).
//
// L1. What loading used and gave back is cleared, so that it is not in the component.
// L2. The same bundle leaves the same memory, byte for byte.

static JSValue describe_function;

static void lower_view(JSValueConst item, void *into) {
  static const char *const views[] = {"all", "nothing", "element", "dynamic"};
  ik_method_view *view = into;
  JSValue given = field_of(item, "view");
  ik_text tag = text_field(given, "tag");
  view->method = text_field(item, "method");
  for (uint8_t i = 0; i < COUNT(views); i++)
    if (equals(tag, views[i], strlen(views[i]))) view->view = i;
  if (view->view == IK_VIEW_ELEMENT) view->field = text_field(given, "val");
  JS_FreeValue(ctx, given);
}

static uint8_t kind_field(JSValueConst item) {
  static const char *const kinds[] = {"event-sourced", "value", "replicated", "action"};
  ik_text kind = text_field(item, "kind");
  for (uint8_t i = 0; i < COUNT(kinds); i++)
    if (equals(kind, kinds[i], strlen(kinds[i]))) return i;
  ik_fault("a service is of a kind that does not exist");
}

static void lower_service(JSValueConst item, void *into) {
  ik_described_service *service = into;
  service->name = text_field(item, "name");
  service->kind = kind_field(item);
  service->persistence_id = optional_field(item, "persistenceId", true);
  service->snapshot_every = int_field(item, "snapshotEvery");
  service->passivate_after_ms = (uint32_t)int_field(item, "passivateAfterMs");
  service->state_type = optional_field(item, "stateType", true);
  service->state_version = optional_field(item, "stateVersion", true);
  service->headers.items = list_field(item, "headers", sizeof(ik_text), &service->headers.count, lower_text_item);
  service->views.items = list_field(item, "views", sizeof(ik_method_view), &service->views.count, lower_view);
  service->events.items = list_field(item, "events", sizeof(ik_text), &service->events.count, lower_text_item);
}

static void lower_source(JSValueConst item, void *into) {
  ik_described_source *source = into;
  source->service = text_field(item, "service");
  source->kind = kind_field(item);
  source->types.items = list_field(item, "types", sizeof(ik_text), &source->types.count, lower_text_item);
}

static void lower_view_service(JSValueConst item, void *into) {
  ik_described_view *view = into;
  view->name = text_field(item, "name");
  view->row_type = text_field(item, "rowType");
  view->sources.items = list_field(item, "sources", sizeof(ik_described_source), &view->sources.count, lower_source);
}

void ik_guest_describe(ik_description *answer) {
  JSValue description = call_with(describe_function, 0, NULL);
  answer->sdk_name = text_field(description, "sdkName");
  answer->sdk_version = text_field(description, "sdkVersion");
  answer->descriptors = bytes_field(description, "descriptors");
  answer->services.items = list_field(description, "services", sizeof(ik_described_service), &answer->services.count, lower_service);
  answer->view_services.items =
    list_field(description, "viewServices", sizeof(ik_described_view), &answer->view_services.count, lower_view_service);
  JS_FreeValue(ctx, description);
}

// component({ describe, reads, decide, render, changed, cancelled, stream, keys, project }): functions that it has not are undefined.
static JSValue define_component(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc;
  describe_function = field_of(argv[0], "describe");
  stream_function = field_of(argv[0], "stream");
  view_keys_function = field_of(argv[0], "keys");
  view_project_function = field_of(argv[0], "project");
  for (int i = 0; i < R_FUNCTIONS; i++) replicated_functions[i] = field_of(argv[0], replicated_names[i]);
  return JS_UNDEFINED;
}

// words({ fault, unfit, metadata, entry, malformed, answers, frozenMap, frozenSet })
static JSValue define_words(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc;
  words_of_fault = field_of(argv[0], "fault");
  words_of_unfit = field_of(argv[0], "unfit");
  metadata_of = field_of(argv[0], "metadata");
  entry_of = field_of(argv[0], "entry");
  malformed_error = field_of(argv[0], "malformed");
  JSValue answers = field_of(argv[0], "answers");
  for (int i = 0; i < W_WORDS; i++) words[i] = field_of(answers, names_of_words[i]);
  JS_FreeValue(ctx, answers);
  JSValue map = field_of(argv[0], "frozenMap"), set = field_of(argv[0], "frozenSet");
  begin_freezing(map, set);
  JS_FreeValue(ctx, map);
  JS_FreeValue(ctx, set);
  return JS_UNDEFINED;
}

static JSValue js_encode_text(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc;
  JSValue flat = is_text(argv[0]) ? flat_text(argv[0]) : JS_ThrowTypeError(ctx, "this is no text");
  if (JS_IsException(flat)) return flat;
  JSValue bytes = JS_EXCEPTION;
  size_t length;
  const char *text = NULL;
  if (!is_well_formed(JS_VALUE_GET_STRING(flat)))
    JS_ThrowRangeError(ctx, "a string has half of a surrogate pair, which UTF-8 cannot carry");
  else text = JS_ToCStringLen(ctx, &length, flat);
  if (text != NULL) {
    bytes = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)text, length);
    JS_FreeCString(ctx, text);
  }
  JS_FreeValue(ctx, flat);
  return bytes;
}

// decodeText(bytes, start, end)
static JSValue js_decode_text(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc;
  JSObject *p = object_of_class(argv[0], JS_CLASS_UINT8_ARRAY);
  uint32_t start, end;
  if (p == NULL) return JS_ThrowTypeError(ctx, "text is decoded of a Uint8Array");
  if (JS_ToUint32(ctx, &start, argv[1]) || JS_ToUint32(ctx, &end, argv[2])) return JS_EXCEPTION;
  if (end > p->u.array.count) end = p->u.array.count;
  if (start > end) start = end;
  ik_text text = {p->u.array.u.uint8_ptr + start, end - start};
  return is_utf8(text) ? new_text(text) : throw_malformed("a string is not UTF-8");
}

static JSValue constructor(const char *name, JSCFunction *function, int length, JSClassID class_id) {
  JSValue made = JS_NewCFunction2(ctx, function, name, length, JS_CFUNC_constructor_or_func, 0);
  JS_SetConstructor(ctx, made, ctx->class_proto[class_id]);
  return made;
}

static const JSCFunctionListEntry natives[] = {
  JS_CFUNC_DEF("messages", 1, define_messages),
  JS_CFUNC_DEF("services", 2, define_services),
  JS_CFUNC_DEF("component", 1, define_component),
  JS_CFUNC_DEF("words", 1, define_words),
  JS_CFUNC_DEF("messageTypeOf", 1, message_type_of),
  JS_CFUNC_DEF("accept", 0, js_accept),
  JS_CFUNC_DEF("update", 1, js_update),
  JS_CFUNC_DEF("remove", 0, js_remove),
  JS_CFUNC_DEF("refuse", 3, js_refuse),
  JS_CFUNC_DEF("freeze", 1, js_freeze),
  JS_CFUNC_DEF("isFrozen", 1, js_is_ours),
  JS_CFUNC_DEF("log", 2, js_log),
  JS_CFUNC_DEF("hasLogs", 0, js_has_logs),
  JS_CFUNC_DEF("takeLogs", 0, js_take_logs),
  JS_CFUNC_DEF("encodeText", 1, js_encode_text),
  JS_CFUNC_DEF("decodeText", 3, js_decode_text),
};

static void new_class(JSClassID *id, const char *name, JSClassFinalizer *finalizer, JSClassGCMark *mark, JSClassCall *call,
                      JSValueConst parent, const JSCFunctionListEntry *functions, int count) {
  JSClassDef definition = {name, .finalizer = finalizer, .gc_mark = mark, .call = call};
  JS_NewClassID(rt, id);
  if (JS_NewClass(rt, *id, &definition) < 0) ik_no_memory();
  JSValue proto = checked(JS_NewObjectProto(ctx, parent));
  JS_SetPropertyFunctionList(ctx, proto, functions, count);
  JS_SetClassProto(ctx, *id, proto);
}

// An object without properties is made of a shape that stays.
static void pin_empty(JSValueConst proto) {
  JSObject *p = object_of(proto);
  JSShape *shape = find_hashed_shape_proto(rt, p);
  if (shape != NULL) js_dup_shape(shape);
  else js_new_shape(ctx, p);
}

// --- Memory that loading gives back --------------------------------------------------------------------------------------------

static bool scrubbing;

static void *scrub_calloc(void *opaque, size_t count, size_t size) {
  (void)opaque;
  return calloc(count, size);
}
static void *scrub_malloc(void *opaque, size_t size) {
  (void)opaque;
  return malloc(size);
}
static size_t scrub_usable(const void *block) {
  return malloc_usable_size((void *)block);
}
static void scrub_free(void *opaque, void *block) {
  (void)opaque;
  if (scrubbing && block != NULL) memset(block, 0, malloc_usable_size(block));
  free(block);
}
static void *scrub_realloc(void *opaque, void *block, size_t size) {
  if (!scrubbing || block == NULL) return realloc(block, size);
  size_t have = malloc_usable_size(block);
  void *moved = malloc(size);
  if (moved == NULL) return NULL;
  memcpy(moved, block, have < size ? have : size);
  scrub_free(opaque, block);
  return moved;
}
static const JSMallocFunctions scrub_functions = {scrub_calloc, scrub_malloc, scrub_free, scrub_realloc, scrub_usable};

#ifdef __wasm__
static void scrub_arenas(void) {
  for (int i = 0; i < JS_ARENA_BLOCK_SIZE_COUNT; i++) {
    struct list_head *el;
    list_for_each(el, &rt->arena_state.free_arena_list[i]) {
      JSArena *arena = list_entry(el, JSArena, free_link);
      unsigned size = arena_block_sizes[i];
      for (unsigned at = arena->first_free_block; at != JS_ARENA_FREE_NIL;) {
        JSMallocBlockHeader *block = arena_get_block(arena, at, size);
        at = block->u.free_next;
        memset(block->user_data, 0, size - sizeof(JSMallocBlockHeader));
      }
    }
  }
}
#endif

#ifndef STACK_BYTES
#define STACK_BYTES (200 * 1024)
#endif
// Garbage in circles is looked for from here on.
#ifndef GC_BYTES
#define GC_BYTES (4 * 1024 * 1024)
#endif

static int begin(bool compiles) {
  scrubbing = true;
  rt = JS_NewRuntime2(&scrub_functions, NULL);
  JS_SetMaxStackSize(rt, STACK_BYTES);
  JS_SetGCThreshold(rt, (size_t)-1);
  ctx = JS_NewContextRaw(rt);
  if (JS_AddIntrinsicBaseObjects(ctx) || JS_AddIntrinsicDate(ctx) || JS_AddIntrinsicRegExp(ctx) || JS_AddIntrinsicJSON(ctx) ||
      JS_AddIntrinsicProxy(ctx) || JS_AddIntrinsicMapSet(ctx) || JS_AddIntrinsicTypedArrays(ctx) || JS_AddIntrinsicPromise(ctx))
    return -1;
  return compiles ? JS_AddIntrinsicEval(ctx) : 0;
}

static void define_atoms(void) {
  atom_case = JS_NewAtom(ctx, "case");
  atom_value = JS_NewAtom(ctx, "value");
  atom_call = JS_NewAtom(ctx, "call");
  atom_synchronous = JS_NewAtom(ctx, "synchronous");
  atom_name = JS_NewAtom(ctx, "name");
  atom_within = JS_NewAtom(ctx, "within");
  atom_deferred = JS_NewAtom(ctx, "deferred");
  atom_details = JS_NewAtom(ctx, "details");
  atom_metadata = JS_NewAtom(ctx, "metadata");
  atom_kind = JS_NewAtom(ctx, "kind");
  atom_reply = JS_NewAtom(ctx, "reply");
  JSValue tag = JS_NewSymbol(ctx, "innkeeper.type", false);
  tag_atom = JS_ValueToAtom(ctx, tag);
  JS_FreeValue(ctx, tag);
  kept_symbol = JS_NewSymbol(ctx, "kept", false);
  removed_symbol = JS_NewSymbol(ctx, "removed", false);
}

static void define_natives(void) {
  JSValueConst object_proto = ctx->class_proto[JS_CLASS_OBJECT];
  written_size = written_at = 4096;
  written = zeroed(written_size, 1);
  no_bytes = JS_NewUint8ArrayCopy(ctx, NULL, 0);
  define_atoms();
  JSShapeProperty oneof[2] = {{.atom = atom_case, .flags = JS_PROP_C_W_E}, {.atom = atom_value, .flags = JS_PROP_C_W_E}};
  oneof_shape = new_shape(JS_VALUE_GET_OBJ(object_proto), 2, oneof);
  new_class(&type_class, "MessageType", NULL, NULL, type_call, ctx->function_proto, type_functions, COUNT(type_functions));
  new_class(&acceptance_class, "Acceptance", acceptance_finalizer, acceptance_mark, NULL, object_proto, acceptance_functions,
            COUNT(acceptance_functions));
  new_class(&refusal_class, "Refusal", refusal_finalizer, refusal_mark, NULL, object_proto, refusal_functions,
            COUNT(refusal_functions));
  new_class(&context_class, "Context", context_finalizer, context_mark, NULL, object_proto, context_functions,
            COUNT(context_functions));
  JSValue sdk = JS_NewObject(ctx);
  JS_SetPropertyFunctionList(ctx, sdk, natives, COUNT(natives));
  set_field(sdk, "Acceptance", constructor("Acceptance", js_accept, 0, acceptance_class));
  set_field(sdk, "Refusal", constructor("Refusal", js_refuse, 3, refusal_class));
  set_field(sdk, "kept", js_dup(kept_symbol));
  set_field(sdk, "removed", js_dup(removed_symbol));
  JS_SetPropertyStr(ctx, ctx->global_obj, "__innkeeper", sdk);
}

// What was thrown, for the author.
static char problem[4096];

static void note_problem(void) {
  JSValue thrown = JS_GetException(ctx);
  const char *text = JS_ToCString(ctx, thrown);
  JSValue stack = JS_GetPropertyStr(ctx, thrown, "stack");
  const char *frames = is_text(stack) ? JS_ToCString(ctx, stack) : NULL;
  snprintf(problem, sizeof problem, "%s\n%s", text == NULL ? "something that cannot be told" : text, frames == NULL ? "" : frames);
  if (text != NULL) JS_FreeCString(ctx, text);
  if (frames != NULL) JS_FreeCString(ctx, frames);
  JS_FreeValue(ctx, stack);
  JS_FreeValue(ctx, thrown);
}

static int run_code(JSValue code) {
  JSValue done = JS_IsException(code) ? code : JS_EvalFunction(ctx, code);
  if (JS_IsException(done)) {
    note_problem();
    return -1;
  }
  JS_FreeValue(ctx, done);
  pin_empty(ctx->class_proto[JS_CLASS_OBJECT]);
  pin_empty(ctx->class_proto[acceptance_class]);
  pin_empty(ctx->class_proto[refusal_class]);
  pin_empty(ctx->class_proto[context_class]);
  pin_empty(ctx->function_proto);
  JS_RunGC(rt);
  JS_SetGCThreshold(rt, GC_BYTES);
  return 0;
}

#define COMPILE_FLAGS (JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY | JS_EVAL_FLAG_STRICT)
#define SCRIPT_NAME "service.js"

#ifdef __wasm__

IK_EXPORT("engine_problem") const char *engine_problem(void) {
  return problem;
}

IK_EXPORT("engine_fault") uint32_t engine_fault(void) {
  return (uint32_t)&innkeeper_fault;
}

IK_EXPORT("engine_allocate") void *engine_allocate(size_t size) {
  return malloc(size);
}

static size_t compiled_length;
IK_EXPORT("engine_compiled_length") size_t engine_compiled_length(void) {
  return compiled_length;
}

// `source` ends with a 0 behind `length`. Null if it does not compile.
IK_EXPORT("engine_compile") uint8_t *engine_compile(const char *source, size_t length) {
  if (begin(true) < 0) return NULL;
  JSValue code = JS_Eval(ctx, source, length, SCRIPT_NAME, COMPILE_FLAGS);
  if (JS_IsException(code)) {
    note_problem();
    return NULL;
  }
  return JS_WriteObject(ctx, &compiled_length, code, JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE);
}

// 0, or what was thrown is in engine_problem.
IK_EXPORT("engine_load") int engine_load(uint8_t *bytes, size_t length) {
  if (begin(false) < 0) return -1;
  arena_more(0);
  define_natives();
  JSValue code = JS_ReadObject(ctx, bytes, length, JS_READ_OBJ_BYTECODE);
  memset(bytes, 0, length);
  free(bytes);
  if (run_code(code) < 0) return -1;
  ik_release();
  memset(problem, 0, sizeof problem);
  memset(written, 0, written_size);
  memset((void *)arena_at, 0, arena_end - arena_at);
  scrub_arenas();
  scrubbing = false;
  return 0;
}

// Which kinds of services there are, as bits by the number of the kind, and whether there are views.
IK_EXPORT("engine_kinds") uint32_t engine_kinds(void) {
  uint32_t kinds = 0;
  for (int i = 0; i < service_count; i++) kinds |= 1u << services[i].kind;
  if (!JS_IsUndefined(replicated_functions[R_DECIDE])) kinds |= 1u << IK_KIND_REPLICATED;
  if (!JS_IsUndefined(view_project_function)) kinds |= 1u << IK_HAS_VIEWS;
  return kinds;
}

// Functions whose address was taken and that no component calls, as indices of the table: what reaches only them is dropped.
IK_EXPORT("engine_build_only") uint32_t engine_build_only(uint32_t index) {
  static void *const functions[] = {(void *)__JS_EvalInternal};
  return index < COUNT(functions) ? (uint32_t)functions[index] : 0;
}

#endif
