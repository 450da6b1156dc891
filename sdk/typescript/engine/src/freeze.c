// Freeze: values that the author's code sees and the SDK goes on using (../../frozen.ts). A change of one throws where it is made.
//
// Z1. Objects and lists are frozen, maps and sets refuse to be changed, bytes are copied into a buffer that cannot be written.
// Z2. What is frozen here is marked, and not walked again: a new state that shares most of an old one costs what is new.
// Z3. What the author froze is copied: it may hold what is not frozen.
// Z4. Copying runs getters of the author's. They may change what is being frozen: it is looked at again, until nothing in it is left
//     that is not frozen. Where it throws, what was not frozen is not marked, either.
//
// A frozen object keeps its properties and gets the shape's frozen sibling. A frozen list keeps its items where they are, and is
// neither fast to the engine any more nor has it items: these are asked for through `frozen_list`, which gives them as read-only.
// The engine writes to items that it counts without looking further; so it counts none, and their number is the list's room.

#define OURS tmp_mark

// Siblings: of message types for ever, of other shapes as long as no other takes the place.
typedef struct {
  JSShape *shape, *frozen;
} Sibling;
#define SIBLINGS 512
static Sibling *pinned;
static uint32_t pinned_count, pinned_room;
static Sibling siblings[SIBLINGS];
static JSShape *frozen_list_shape, *frozen_map_shape, *frozen_set_shape;

HOT uint32_t hash_of(const void *pointer) {
  return (uint32_t)((uintptr_t)pointer >> 3) * 2654435761u;
}

// Null where properties are no plain data, or one was deleted.
static JSShape *new_frozen_shape(JSShape *shape) {
  JSShapeProperty *own = get_shape_prop(shape);
  if (shape->deleted_prop_count > 0) return NULL;
  // Another without properties would be found in place of this one, and have a sibling of its own in turn.
  if (shape->prop_count == 0) return js_dup_shape(shape);
  JSShapeProperty *properties = zeroed((size_t)shape->prop_count, sizeof *properties);
  JSShape *frozen = NULL;
  int i;
  for (i = 0; i < shape->prop_count; i++) {
    if ((own[i].flags & JS_PROP_TMASK) != JS_PROP_NORMAL) break;
    properties[i].atom = own[i].atom;
    properties[i].flags = own[i].flags & ~(JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
  }
  if (i == shape->prop_count) frozen = new_shape(shape->proto, i, properties);
  free(properties);
  return frozen;
}

static Sibling *pinned_at(JSShape *shape) {
  if (pinned_room == 0) return NULL;
  for (uint32_t at = hash_of(shape) & (pinned_room - 1);; at = (at + 1) & (pinned_room - 1))
    if (pinned[at].shape == shape || pinned[at].shape == NULL) return &pinned[at];
}

static JSShape *pinned_frozen(JSShape *shape) {
  if (2 * (pinned_count + 1) > pinned_room) {
    Sibling *before = pinned;
    uint32_t room = pinned_room;
    pinned_room = room == 0 ? 64 : 2 * room;
    pinned = zeroed(pinned_room, sizeof *pinned);
    for (uint32_t i = 0; i < room; i++)
      if (before[i].shape != NULL) *pinned_at(before[i].shape) = before[i];
    free(before);
  }
  Sibling *sibling = pinned_at(shape);
  if (sibling->shape == NULL) {
    *sibling = (Sibling){js_dup_shape(shape), new_frozen_shape(shape)};
    pinned_count++;
  }
  return sibling->frozen;
}

// An own reference.
static JSShape *frozen_sibling(JSShape *shape) {
  Sibling *sibling = pinned_at(shape);
  if (sibling != NULL && sibling->shape == shape) return js_dup_shape(sibling->frozen);
  if (!shape->is_hashed) return new_frozen_shape(shape);
  sibling = &siblings[hash_of(shape) >> 23 & (SIBLINGS - 1)];
  if (sibling->shape != shape) {
    JSShape *frozen = new_frozen_shape(shape);
    if (frozen == NULL) return NULL;
    Sibling before = *sibling;
    *sibling = (Sibling){js_dup_shape(shape), frozen};
    if (before.shape != NULL) {
      js_free_shape(rt, before.shape);
      js_free_shape(rt, before.frozen);
    }
  }
  return js_dup_shape(sibling->frozen);
}

// Takes the shape over.
static void set_shape(JSObject *p, JSShape *shape) {
  JSShape *before = p->shape;
  p->shape = shape;
  js_free_shape(rt, before);
}

// How often a copy may have run code of the author's.
static uint32_t strangers;

static int freeze_object(JSValue *place);

HOT bool is_frozen_value(JSValueConst value) {
  JSObject *p = object_of(value);
  return p == NULL || p->OURS;
}

typedef JSValue *PlaceOf(void *holder, uint32_t index);

// What a place of a holder holds is frozen, or another is put there. The place is asked for again when that is done: if it is gone,
// or holds something else, that is left to the next round. -1: thrown.
HOT int freeze_place(void *holder, uint32_t index, PlaceOf *place_of) {
  JSValue *place = place_of(holder, index);
  if (place == NULL || is_frozen_value(*place)) return 0;
  JSValue before = js_dup(*place), after = js_dup(before);
  int thrown = freeze_object(&after);
  place = place_of(holder, index);
  if (thrown == 0 && place != NULL && object_of(*place) == JS_VALUE_GET_OBJ(before)) {
    JSValue old = *place;
    *place = after;
    after = old;
  }
  JS_FreeValue(ctx, after);
  JS_FreeValue(ctx, before);
  return thrown;
}

HOT JSValue *property_place(void *object, uint32_t i) {
  JSObject *p = object;
  bool is_data = (int)i < p->shape->prop_count && (get_shape_prop(p->shape)[i].flags & JS_PROP_TMASK) == JS_PROP_NORMAL;
  return is_data ? &p->prop[i].u.value : NULL;
}

HOT JSValue *item_place(void *list, uint32_t i) {
  JSObject *p = list;
  return p->fast_array && i < p->u.array.count ? &p->u.array.u.values[i] : NULL;
}

HOT JSValue *record_place(void *record, uint32_t i) {
  (void)i;
  return &((JSMapRecord *)record)->value;
}

static int freeze_otherwise(JSObject *p) {
  JSValue object = JS_MKPTR(JS_TAG_OBJECT, p);
  JSValue frozen = js_object_seal(ctx, JS_UNDEFINED, 1, (JSValueConst *)&object, 1);
  if (JS_IsException(frozen)) return -1;
  JS_FreeValue(ctx, frozen);
  return 0;
}

// Puts a copy in a place, or gives the exception.
static int replaced_by(JSValue *place, JSValue copy) {
  if (JS_IsException(copy)) return -1;
  JS_FreeValue(ctx, *place);
  *place = copy;
  return 0;
}

static JSValue copied_record(JSValueConst record) {
  JSValue copy = checked(JS_NewObject(ctx));
  strangers++;
  if (JS_CopyDataProperties(ctx, copy, record, JS_UNDEFINED, false) == 0) return copy;
  JS_FreeValue(ctx, copy);
  return JS_EXCEPTION;
}

static int freeze_record(JSValue *place) {
  JSObject *p = JS_VALUE_GET_OBJ(*place);
  if (!p->extensible) {
    if (replaced_by(place, copied_record(*place))) return -1;
    p = JS_VALUE_GET_OBJ(*place);
  }
  p->OURS = 1;
  uint32_t before;
  do {
    before = strangers;
    for (uint32_t i = 0; (int)i < p->shape->prop_count; i++)
      if (freeze_place(p, i, property_place)) return -1;
  } while (before != strangers);
  JSShape *frozen = frozen_sibling(p->shape);
  if (frozen == NULL) return freeze_otherwise(p);
  set_shape(p, frozen);
  p->extensible = 0;
  return 0;
}

// Of a list with holes, or one that the author froze, a copy in one piece.
static int freeze_list(JSValue *place) {
  JSObject *p = JS_VALUE_GET_OBJ(*place);
  if (!p->fast_array || !is_whole(p)) {
    strangers++;
    if (replaced_by(place, copied_list(*place))) return -1;
    p = JS_VALUE_GET_OBJ(*place);
  }
  p->OURS = 1;
  uint32_t before;
  do {
    before = strangers;
    for (uint32_t i = 0; i < p->u.array.count; i++)
      if (freeze_place(p, i, item_place)) return -1;
  } while (before != strangers);
  if (!p->fast_array || !is_whole(p)) {
    JS_ThrowTypeError(ctx, "a list gets holes while it is frozen");
    return -1;
  }
  JSShape *frozen = p->shape == ctx->array_shape ? js_dup_shape(frozen_list_shape) : frozen_sibling(p->shape);
  if (frozen == NULL) return freeze_otherwise(p);
  set_shape(p, frozen);
  p->u.array.u1.size = p->u.array.count;
  p->u.array.count = 0;
  p->fast_array = 0;
  p->extensible = 0;
  return 0;
}

static int freeze(JSValue *place);

// Keys are found by what they are: where one is another after it is frozen, the map or set is made anew.
static int put_frozen(JSValueConst made, bool is_map, const JSMapRecord *record) {
  JSValue key = js_dup(record->key), value = js_dup(record->value), done = JS_EXCEPTION;
  if (freeze(&key) == 0 && freeze(&value) == 0) {
    JSValueConst pair[2] = {key, value};
    done = js_map_set(ctx, made, is_map ? 2 : 1, pair, is_map ? 0 : MAGIC_SET);
  }
  JS_FreeValue(ctx, key);
  JS_FreeValue(ctx, value);
  JS_FreeValue(ctx, done);
  return JS_IsException(done) ? -1 : 0;
}

static JSValue made_anew(JSObject *p, bool is_map) {
  JSValue made = is_map ? new_map() : checked(js_map_constructor(ctx, JS_UNDEFINED, 0, NULL, MAGIC_SET));
  for (JSMapRecord *record = NULL; (record = next_record(p->u.map_state, record, false)) != NULL;)
    if (put_frozen(made, is_map, record)) {
      unlock(record);
      JS_FreeValue(ctx, made);
      return JS_EXCEPTION;
    }
  return made;
}

// 1: a key is not frozen. -1: thrown.
static int freeze_records(JSObject *p) {
  int open_keys = 0;
  uint32_t before;
  do {
    before = strangers;
    for (JSMapRecord *record = NULL; (record = next_record(p->u.map_state, record, false)) != NULL;) {
      if (freeze_place(record, 0, record_place)) {
        unlock(record);
        return -1;
      }
      if (!is_frozen_value(record->key)) open_keys = 1;
    }
  } while (before != strangers);
  return open_keys;
}

static int freeze_collection(JSValue *place) {
  JSObject *p = JS_VALUE_GET_OBJ(*place);
  bool is_map = p->class_id == JS_CLASS_MAP;
  int open_keys = freeze_records(p);
  if (open_keys < 0 || (open_keys && replaced_by(place, made_anew(p, is_map)))) return -1;
  p = JS_VALUE_GET_OBJ(*place);
  JSShape *shape = is_map ? frozen_map_shape : frozen_set_shape;
  if (p->shape->prop_count == 0) set_shape(p, js_dup_shape(shape));
  else if (JS_SetPrototypeInternal(ctx, *place, JS_MKPTR(JS_TAG_OBJECT, shape->proto), true) < 0) return -1;
  p->OURS = 1;
  p->extensible = 0;
  return 0;
}

static int freeze_bytes(JSValue *place) {
  JSObject *p = JS_VALUE_GET_OBJ(*place);
  JSObject *buffer = p->u.typed_array->buffer;
  if (buffer->u.array_buffer->immutable) return 0;
  JSValue copy = JS_NewUint8ArrayCopy(ctx, p->u.array.u.uint8_ptr, p->u.array.count);
  if (JS_IsException(copy)) return -1;
  JSObject *own = JS_VALUE_GET_OBJ(copy);
  own->u.typed_array->buffer->u.array_buffer->immutable = true;
  own->extensible = 0;
  own->OURS = 1;
  JS_FreeValue(ctx, *place);
  *place = copy;
  return 0;
}

static int freeze_by_class(JSValue *place) {
  JSObject *p = JS_VALUE_GET_OBJ(*place);
  switch (p->class_id) {
    case JS_CLASS_OBJECT: return freeze_record(place);
    case JS_CLASS_ARRAY: return freeze_list(place);
    case JS_CLASS_MAP: case JS_CLASS_SET: return freeze_collection(place);
    case JS_CLASS_UINT8_ARRAY: return freeze_bytes(place);
    default:
      // A proxy's traps are the author's.
      strangers++;
      p->OURS = 1;
      return is_typed_array(p->class_id) || p->class_id == JS_CLASS_DATAVIEW ? 0 : freeze_otherwise(p);
  }
}

COLD int freeze_object(JSValue *place) {
  if (js_check_stack_overflow(rt, 0)) {
    JS_ThrowStackOverflow(ctx);
    return -1;
  }
  if (freeze_by_class(place) == 0) return 0;
  JS_VALUE_GET_OBJ(*place)->OURS = 0;
  return -1;
}

// What the place, which nobody else sees, holds is frozen, or another in its place is. -1: thrown.
static int freeze(JSValue *place) {
  return is_frozen_value(*place) ? 0 : freeze_object(place);
}

// Takes the value over, and gives the frozen one.
HOT JSValue frozen(JSValue value) {
  if (freeze(&value) == 0) return value;
  JS_FreeValue(ctx, value);
  return JS_EXCEPTION;
}

static JSValue js_freeze(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc;
  return frozen(js_dup(argv[0]));
}

static JSValue js_is_ours(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc;
  JSObject *p = object_of(argv[0]);
  return js_bool(p != NULL && p->OURS);
}

// --- Items of frozen lists: to the engine a list that is not fast is `exotic` -------------------------------------------------

static int list_item(JSContext *c, JSPropertyDescriptor *descriptor, JSValueConst list, JSAtom name) {
  (void)c;
  JSObject *p = JS_VALUE_GET_OBJ(list);
  if (!__JS_AtomIsTaggedInt(name)) return 0;
  uint32_t index = __JS_AtomToUInt32(name);
  if (p->fast_array || index >= p->u.array.u1.size) return 0;
  if (descriptor != NULL) {
    descriptor->flags = JS_PROP_ENUMERABLE;
    descriptor->value = js_dup(p->u.array.u.values[index]);
    descriptor->getter = descriptor->setter = JS_UNDEFINED;
  }
  return 1;
}

static int list_names(JSContext *c, JSPropertyEnum **names, uint32_t *count, JSValueConst list) {
  JSObject *p = JS_VALUE_GET_OBJ(list);
  *count = p->u.array.u1.size;
  *names = js_malloc(c, sizeof **names * (*count + 1));
  if (*names == NULL) return -1;
  for (uint32_t i = 0; i < *count; i++) (*names)[i] = (JSPropertyEnum){.is_enumerable = true, .atom = __JS_AtomFromUInt32(i)};
  return 0;
}

static int list_delete(JSContext *c, JSValueConst list, JSAtom name) {
  return !list_item(c, NULL, list, name);
}

static const JSClassExoticMethods frozen_list = {
  .get_own_property = list_item,
  .get_own_property_names = list_names,
  .delete_property = list_delete,
};

static void list_finalizer(JSRuntime *r, JSValueConst list) {
  JSObject *p = JS_VALUE_GET_OBJ(list);
  for (uint32_t i = items_of(p); i-- > 0;) JS_FreeValueRT(r, p->u.array.u.values[i]);
  js_free_rt(r, p->u.array.u.values);
}

static void list_mark(JSRuntime *r, JSValueConst list, JS_MarkFunc *mark) {
  JSObject *p = JS_VALUE_GET_OBJ(list);
  for (uint32_t i = items_of(p); i-- > 0;) JS_MarkValue(r, p->u.array.u.values[i], mark);
}

// `frozenMap`, `frozenSet`: prototypes that refuse changes.
static void begin_freezing(JSValueConst frozen_map, JSValueConst frozen_set) {
  JSClass *list = &rt->class_array[JS_CLASS_ARRAY];
  list->exotic = &frozen_list;
  list->finalizer = list_finalizer;
  list->gc_mark = list_mark;
  frozen_list_shape = new_frozen_shape(ctx->array_shape);
  frozen_map_shape = new_shape(JS_VALUE_GET_OBJ(frozen_map), 0, NULL);
  frozen_set_shape = new_shape(JS_VALUE_GET_OBJ(frozen_set), 0, NULL);
}
