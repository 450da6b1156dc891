// Types: message types as the bundle's table has them (sdk/build/languages/typescript/table.ts).
//
// A message is an object of a known shape: properties in the order of the .proto, and behind them, if its type made it, the type.

enum {
  T_DOUBLE = 1, T_FLOAT, T_INT64, T_UINT64, T_INT32, T_FIXED64, T_FIXED32, T_BOOL, T_STRING, T_GROUP, T_MESSAGE, T_BYTES,
  T_UINT32, T_ENUM, T_SFIXED32, T_SFIXED64, T_SINT32, T_SINT64
};
enum { F_REPEATED = 1, F_PRESENCE = 2, F_MAP = 4, F_ONEOF = 8, F_PACKED = 16 };
// What a property holds that nothing was said of.
enum { S_ZERO, S_UNDEFINED, S_LIST, S_MAP };

typedef struct Type Type;

typedef struct Field {
  uint32_t number, tag;
  uint8_t type, flags, key_type, wire;
  uint16_t slot;
  // Of a member of a oneof.
  JSValue case_name;
  Type *message;
} Field;

struct Type {
  char *name;
  size_t name_length;
  int slots, fields;
  JSAtom *atoms;
  uint8_t *kinds;
  JSValue *zeros;
  // By number.
  Field *field;
  // Of a property: its field, or of a oneof the first of its members.
  uint16_t *field_of_slot;
  // Index + 1 of the field with this tag of one byte.
  uint8_t by_tag[128];
  JSShape *plain, *tagged, *plain_frozen, *tagged_frozen;
  JSValue make;
};

static const uint8_t wires[] = {0, 1, 5, 0, 0, 0, 1, 5, 0, 2, 3, 2, 2, 0, 0, 5, 1, 0, 0};
static const char *const type_names[] = {"",       "double", "float",    "int64",    "uint64", "int32", "fixed64",
                                         "fixed32", "bool",  "string",   "group",    "message", "bytes", "uint32",
                                         "int32",  "sfixed32", "sfixed64", "sint32", "sint64"};

static JSClassID type_class;
static Type *types;
static int type_count;
static JSAtom tag_atom, atom_case, atom_value;
static JSShape *oneof_shape;
static JSValue no_bytes;

HOT bool is_known(const Type *t, const JSObject *p) {
  const JSShape *shape = p->shape;
  return shape == t->plain || shape == t->plain_frozen || shape == t->tagged || shape == t->tagged_frozen;
}

static Type *type_of_function(JSValueConst value) {
  JSObject *p = object_of_class(value, type_class);
  return p == NULL ? NULL : p->u.opaque;
}

// The type that made a message.
static Type *made_by(JSValueConst value) {
  JSObject *p = object_of(value);
  if (p == NULL) return NULL;
  JSProperty *property;
  JSShapeProperty *shape = find_own_property(&property, p, tag_atom);
  return shape == NULL || (shape->flags & JS_PROP_TMASK) != JS_PROP_NORMAL ? NULL : type_of_function(property->u.value);
}

static Type *type_named(ik_text name) {
  for (int i = 0; i < type_count; i++)
    if (equals(name, types[i].name, types[i].name_length)) return &types[i];
  return NULL;
}

static const Field *field_numbered(const Type *t, uint32_t number) {
  int from = 0, to = t->fields;
  while (from < to) {
    int at = (from + to) / 2;
    if (t->field[at].number == number) return &t->field[at];
    if (t->field[at].number < number) from = at + 1;
    else to = at;
  }
  return NULL;
}

static JSValue zero_of(int type) {
  switch (type) {
    case T_INT64: case T_UINT64: case T_FIXED64: case T_SFIXED64: case T_SINT64: return JS_NewBigInt64(ctx, 0);
    case T_BOOL: return JS_FALSE;
    case T_STRING: return js_empty_string(rt);
    case T_BYTES: return js_dup(no_bytes);
    case T_MESSAGE: return JS_UNDEFINED;
    default: return js_int32(0);
  }
}

static JSValue new_map(void) {
  return checked(js_map_constructor(ctx, JS_UNDEFINED, 0, NULL, 0));
}

static JSValue slot_zero(const Type *t, int slot) {
  switch (t->kinds[slot]) {
    case S_LIST: return checked(JS_NewArray(ctx));
    case S_MAP: return new_map();
    default: return js_dup(t->zeros[slot]);
  }
}

// Takes the properties over.
HOT JSValue new_message(JSShape *shape, JSProperty *properties) {
  return checked(JS_NewObjectFromShape(ctx, js_dup_shape(shape), JS_CLASS_OBJECT, properties));
}

static JSValue new_oneof(const Field *f, JSValue value) {
  JSProperty properties[2];
  properties[0].u.value = js_dup(f->case_name);
  properties[1].u.value = value;
  return new_message(oneof_shape, properties);
}

// How many items of a list lie in one piece: all, unless it has holes. Of a frozen one the engine is told that there are none
// (freeze.c), since it writes to those that it knows without asking.
HOT uint32_t items_of(const JSObject *list) {
  return list->fast_array ? list->u.array.count : list->u.array.u1.size;
}

HOT bool is_whole(const JSObject *list) {
  JSValue length = list->prop[0].u.value;
  return JS_VALUE_GET_TAG(length) == JS_TAG_INT && (uint32_t)JS_VALUE_GET_INT(length) == items_of(list);
}

// Takes the value over.
static void push(JSValue list, JSValue value) {
  JSObject *p = JS_VALUE_GET_OBJ(list);
  uint32_t n = p->u.array.count;
  if (n + 1 > p->u.array.u1.size && expand_fast_array(ctx, p, n + 1)) give_up();
  p->u.array.u.values[n] = value;
  p->u.array.count = n + 1;
  p->prop[0].u.value = js_int32((int)n + 1);
}

// The record after (or before) one of a map, null behind the last. It is locked, so that code that runs meanwhile can delete it and
// change the map; asking for another gives it back, as `unlock` does where the walk ends early. The map is the caller's to keep.
static JSMapRecord *next_record(JSMapState *map, JSMapRecord *from, bool backwards) {
  struct list_head *el = from == NULL ? &map->records : &from->link;
  JSMapRecord *record;
  do {
    el = backwards ? el->prev : el->next;
    record = el == &map->records ? NULL : list_entry(el, JSMapRecord, link);
  } while (record != NULL && record->empty);
  if (record != NULL) record->ref_count++;
  if (from != NULL) map_decref_record(rt, from);
  return record;
}

static void unlock(JSMapRecord *record) {
  map_decref_record(rt, record);
}

// An own reference to an item of a list, which may have become shorter since it was counted.
HOT JSValue list_at(const JSObject *list, uint32_t index) {
  return index < items_of(list) ? js_dup(list->u.array.u.values[index]) : JS_UNDEFINED;
}

// An own reference to what a property holds.
static JSValue get_slot(const Type *t, JSObject *p, int slot) {
  if (is_known(t, p)) return js_dup(p->prop[slot].u.value);
  return JS_GetProperty(ctx, JS_MKPTR(JS_TAG_OBJECT, p), t->atoms[slot]);
}

// --- Of a table ------------------------------------------------------------------------------------------------------

static JSValue item_at(JSValueConst list, uint32_t index) {
  return checked(JS_GetPropertyUint32(ctx, list, index));
}

static int int_at(JSValueConst list, uint32_t index) {
  JSValue value = item_at(list, index);
  int32_t number = 0;
  JS_ToInt32(ctx, &number, value);
  JS_FreeValue(ctx, value);
  return number;
}

static uint32_t count_of(JSValueConst list) {
  int64_t count = 0;
  JS_GetLength(ctx, list, &count);
  return (uint32_t)count;
}

// For as long as the component lives.
static char *text_at(JSValueConst list, uint32_t index, size_t *length) {
  JSValue value = item_at(list, index);
  const char *text = JS_ToCStringLen(ctx, length, value);
  if (text == NULL) give_up();
  char *copy = zeroed(*length, 1);
  memcpy(copy, text, *length);
  JS_FreeCString(ctx, text);
  JS_FreeValue(ctx, value);
  return copy;
}

static JSShape *pinned_frozen(JSShape *shape);

static JSShape *new_shape(JSObject *proto, int count, const JSShapeProperty *properties) {
  JSShape *shape = count == 0 ? js_new_shape(ctx, proto) : js_new_shape_with2(ctx, proto, count, properties);
  if (shape == NULL) give_up();
  return shape;
}

static void define_slots(Type *t, JSValueConst slots) {
  t->slots = (int)count_of(slots);
  t->atoms = zeroed((size_t)t->slots, sizeof *t->atoms);
  t->kinds = zeroed((size_t)t->slots, 1);
  t->zeros = zeroed((size_t)t->slots, sizeof *t->zeros);
  t->field_of_slot = zeroed((size_t)t->slots, sizeof *t->field_of_slot);
  JSShapeProperty *properties = zeroed((size_t)t->slots + 1, sizeof *properties);
  for (int s = 0; s < t->slots; s++) {
    JSValue slot = item_at(slots, (uint32_t)s), key = item_at(slot, 0);
    t->atoms[s] = JS_ValueToAtom(ctx, key);
    t->kinds[s] = (uint8_t)int_at(slot, 1);
    t->zeros[s] = JS_UNDEFINED;
    properties[s].atom = t->atoms[s];
    properties[s].flags = JS_PROP_C_W_E;
    JS_FreeValue(ctx, key);
    JS_FreeValue(ctx, slot);
  }
  properties[t->slots].atom = tag_atom;
  properties[t->slots].flags = JS_PROP_C_W_E;
  JSObject *proto = JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT]);
  // Shapes on the way to it stay: an object that the author's code builds property by property finds them.
  for (int n = 1; n < t->slots && n < 64; n++) new_shape(proto, n, properties);
  t->plain = new_shape(proto, t->slots, properties);
  t->tagged = new_shape(proto, t->slots + 1, properties);
  t->plain_frozen = pinned_frozen(t->plain);
  t->tagged_frozen = pinned_frozen(t->tagged);
  free(properties);
}

static void define_fields(Type *t, JSValueConst fields) {
  t->fields = (int)count_of(fields);
  t->field = zeroed((size_t)t->fields, sizeof *t->field);
  for (int i = t->fields; i-- > 0;) {
    Field *field = &t->field[i];
    JSValue given = item_at(fields, (uint32_t)i);
    field->number = (uint32_t)int_at(given, 0);
    field->type = (uint8_t)int_at(given, 1);
    field->flags = (uint8_t)int_at(given, 2);
    field->slot = (uint16_t)int_at(given, 3);
    field->case_name = item_at(given, 4);
    int message = int_at(given, 5);
    field->message = message < 0 ? NULL : &types[message];
    field->key_type = (uint8_t)int_at(given, 6);
    field->wire = field->flags & F_MAP ? 2 : wires[field->type];
    field->tag = field->number << 3 | field->wire;
    if (field->tag < 128) t->by_tag[field->tag] = (uint8_t)(i + 1);
    uint32_t packed = field->number << 3 | 2;
    if ((field->flags & F_REPEATED) && packed < 128) t->by_tag[packed] = (uint8_t)(i + 1);
    if (t->kinds[field->slot] == S_ZERO) t->zeros[field->slot] = zero_of(field->type);
    t->field_of_slot[field->slot] = (uint16_t)i;
    JS_FreeValue(ctx, given);
  }
}

// messages([[name, [[property, kind], ...], [[number, type, flags, property, case, message, key], ...]], ...])
static JSValue define_messages(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc;
  type_count = (int)count_of(argv[0]);
  types = zeroed((size_t)type_count, sizeof *types);
  JSValue list = checked(JS_NewArray(ctx));
  for (int i = 0; i < type_count; i++) {
    Type *t = &types[i];
    JSValue given = item_at(argv[0], (uint32_t)i), slots = item_at(given, 1), fields = item_at(given, 2);
    t->name = text_at(given, 0, &t->name_length);
    t->make = checked(JS_NewObjectProtoClass(ctx, ctx->class_proto[type_class], type_class));
    JS_VALUE_GET_OBJ(t->make)->u.opaque = t;
    define_slots(t, slots);
    define_fields(t, fields);
    push(list, js_dup(t->make));
    JS_FreeValue(ctx, fields);
    JS_FreeValue(ctx, slots);
    JS_FreeValue(ctx, given);
  }
  return list;
}
