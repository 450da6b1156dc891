// Write: objects to protobuf bytes, and bounds of how many they will be.
//
// W1. From the end to the beginning, so that a length is known when it is due: fields, elements and entries last to first.
// W2. Fields without presence are left out when they are zero; -0 is not zero. Every NaN is written as one.
// W3. What a field cannot hold is a RangeError that names message and field.
// W4. A bound is never less than the bytes. It looks at no character of a string.
// W5. Getters of the author's objects run in the middle of a walk, and may change what is walked: each step holds a reference to
//     what it looks into, and asks anew what is there.

static uint8_t *written;
static size_t written_size, written_at;

// The message and the field that are being written, for what is thrown.
static const Type *writing_type;
static const Field *writing_field;
static bool is_writing;

COLD void written_more(size_t size) {
  size_t used = written_size - written_at, room = written_size * 2;
  while (room - used < size) room *= 2;
  uint8_t *grown = malloc(room);
  if (grown == NULL) ik_no_memory();
  memcpy(grown + room - used, written + written_at, used);
  free(written);
  written = grown;
  written_at = room - used;
  written_size = room;
}

HOT uint8_t *space(size_t size) {
  if (written_at < size) written_more(size);
  written_at -= size;
  return written + written_at;
}

HOT size_t written_length(void) {
  return written_size - written_at;
}

HOT void put_bytes(const void *bytes, size_t length) {
  if (length != 0) memcpy(space(length), bytes, length);
}

HOT void put_varint(uint64_t value) {
  if (value < 128) {
    *space(1) = (uint8_t)value;
    return;
  }
  size_t bytes = 1;
  for (uint64_t rest = value >> 7; rest != 0; rest >>= 7) bytes++;
  uint8_t *at = space(bytes);
  for (; bytes > 1; bytes--, value >>= 7) *at++ = (uint8_t)value | 128;
  *at = (uint8_t)value;
}

// `half`: of a surrogate pair.
COLD int unfit(const char *type, JSValueConst value, bool half) {
  JSValue arguments[2] = {JS_NewString(ctx, half ? "" : type), js_dup(value)};
  JSValue words = JS_Call(ctx, words_of_unfit, JS_UNDEFINED, 2, (JSValueConst *)arguments);
  JS_FreeValue(ctx, arguments[0]);
  JS_FreeValue(ctx, arguments[1]);
  if (JS_IsException(words)) return -1;
  const char *text = JS_ToCString(ctx, words);
  JS_FreeValue(ctx, words);
  if (text == NULL) return -1;
  const char *field = NULL;
  if (writing_field != NULL) field = JS_AtomToCString(ctx, writing_type->atoms[writing_field->slot]);
  JS_ThrowRangeError(ctx, "%s%s%s: %s", writing_type->name, field == NULL ? "" : ".", field == NULL ? "" : field, text);
  if (field != NULL) JS_FreeCString(ctx, field);
  JS_FreeCString(ctx, text);
  return -1;
}

static bool bigint_of(JSValueConst value, bool is_signed, uint64_t *out) {
  if (JS_VALUE_GET_TAG(value) == JS_TAG_SHORT_BIG_INT) {
    int64_t number = JS_VALUE_GET_SHORT_BIG_INT(value);
    *out = (uint64_t)number;
    return is_signed || number >= 0;
  }
  if (JS_VALUE_GET_TAG(value) != JS_TAG_BIG_INT) return false;
  const JSBigInt *p = JS_VALUE_GET_PTR(value);
  // Two's complement in limbs of 32 or 64 bits, as short as it can be.
  bool negative = (js_slimb_t)p->tab[p->len - 1] < 0;
  int limbs = 64 / JS_LIMB_BITS;
  uint64_t number = negative ? UINT64_MAX : 0;
  for (int i = (int)p->len < limbs ? (int)p->len : limbs; i-- > 0;)
    number = (limbs == 1 ? 0 : number << (JS_LIMB_BITS & 63)) | p->tab[i];
  *out = number;
  if (is_signed) return (int)p->len <= limbs;
  return !negative && ((int)p->len <= limbs || ((int)p->len == limbs + 1 && p->tab[limbs] == 0));
}

// Not that of UTF-8: of halves of surrogate pairs there is none.
static bool is_well_formed(const JSString *p) {
  if (!p->is_wide_char) return true;
  const uint16_t *units = str16((JSString *)p);
  for (uint32_t i = 0; i < p->len; i++) {
    if (units[i] < 0xd800 || units[i] >= 0xe000) continue;
    if (units[i] >= 0xdc00 || i + 1 == p->len || units[i + 1] < 0xdc00 || units[i + 1] >= 0xe000) return false;
    i++;
  }
  return true;
}

// A rope becomes a string; an own reference either way.
static JSValue flat_text(JSValueConst value) {
  if (JS_VALUE_GET_TAG(value) == JS_TAG_STRING_ROPE) return js_linearize_string_rope(ctx, value);
  return js_dup(value);
}

static int put_text(JSValueConst value) {
  if (!is_text(value)) return unfit("string", value, false);
  JSValue flat = flat_text(value);
  if (JS_IsException(flat)) return -1;
  JSString *p = JS_VALUE_GET_STRING(flat);
  size_t length = p->len;
  int done = 0;
  if (!p->is_wide_char && is_ascii(str8(p), length)) {
    put_bytes(str8(p), length);
    put_varint(length);
  } else if (!is_well_formed(p)) done = unfit("string", value, true);
  else {
    const char *text = JS_ToCStringLen(ctx, &length, flat);
    if (text == NULL) done = -1;
    else {
      put_bytes(text, length);
      JS_FreeCString(ctx, text);
      put_varint(length);
    }
  }
  JS_FreeValue(ctx, flat);
  return done;
}

HOT bool number_of(JSValueConst value, double *number) {
  if (JS_VALUE_GET_TAG(value) == JS_TAG_INT) *number = JS_VALUE_GET_INT(value);
  else if (JS_TAG_IS_FLOAT64(JS_VALUE_GET_TAG(value))) *number = JS_VALUE_GET_FLOAT64(value);
  else return false;
  return true;
}

static int put_big(int type, JSValueConst value, bool keep) {
  uint64_t number;
  if (!bigint_of(value, type != T_UINT64 && type != T_FIXED64, &number)) return unfit(type_names[type], value, false);
  if (number == 0 && !keep) return 0;
  if (type == T_SINT64) number = number << 1 ^ (uint64_t)((int64_t)number >> 63);
  if (type == T_FIXED64 || type == T_SFIXED64) put_bytes(&number, 8);
  else put_varint(number);
  return 1;
}

static int put_int32(int type, JSValueConst value, bool keep) {
  int32_t number;
  double given;
  if (JS_VALUE_GET_TAG(value) == JS_TAG_INT) number = JS_VALUE_GET_INT(value);
  else if (number_of(value, &given) && given >= INT32_MIN && given <= INT32_MAX && given == (int32_t)given) number = (int32_t)given;
  else return unfit(type_names[type], value, false);
  if (number == 0 && !keep) return 0;
  if (type == T_SFIXED32) put_bytes(&number, 4);
  else if (type == T_SINT32) put_varint((uint32_t)number << 1 ^ (uint32_t)(number >> 31));
  else put_varint((uint64_t)(int64_t)number);
  return 1;
}

static int put_uint32(int type, JSValueConst value, bool keep) {
  double given;
  if (!number_of(value, &given) || !(given >= 0) || given > UINT32_MAX || given != (uint32_t)given)
    return unfit(type_names[type], value, false);
  uint32_t number = (uint32_t)given;
  if (number == 0 && !keep) return 0;
  if (type == T_FIXED32) put_bytes(&number, 4);
  else put_varint(number);
  return 1;
}

static int put_real(int type, JSValueConst value, bool keep) {
  double given;
  if (!number_of(value, &given)) return unfit(type_names[type], value, false);
  if (type == T_FLOAT) {
    float number = (float)given;
    uint32_t bits;
    memcpy(&bits, &number, 4);
    if (bits == 0 && !keep) return 0;
    if (number != number) bits = 0x7fc00000;
    put_bytes(&bits, 4);
  } else {
    uint64_t bits;
    memcpy(&bits, &given, 8);
    if (bits == 0 && !keep) return 0;
    if (given != given) bits = 0x7ff8000000000000ull;
    put_bytes(&bits, 8);
  }
  return 1;
}

// 1: written, 0: it is zero, and `keep` is not set, -1: thrown.
static int put_scalar(int type, JSValueConst value, bool keep) {
  switch (type) {
    case T_INT64: case T_SINT64: case T_SFIXED64: case T_UINT64: case T_FIXED64: return put_big(type, value, keep);
    case T_INT32: case T_ENUM: case T_SINT32: case T_SFIXED32: return put_int32(type, value, keep);
    case T_UINT32: case T_FIXED32: return put_uint32(type, value, keep);
    case T_FLOAT: case T_DOUBLE: return put_real(type, value, keep);
    case T_BOOL:
      if (JS_VALUE_GET_TAG(value) != JS_TAG_BOOL) return unfit("bool", value, false);
      if (!JS_VALUE_GET_BOOL(value) && !keep) return 0;
      *space(1) = JS_VALUE_GET_BOOL(value) != 0;
      return 1;
    case T_STRING:
      if (!keep && JS_VALUE_GET_TAG(value) == JS_TAG_STRING && JS_VALUE_GET_STRING(value)->len == 0) return 0;
      return put_text(value) < 0 ? -1 : 1;
    default: {
      JSObject *p = object_of_class(value, JS_CLASS_UINT8_ARRAY);
      if (p == NULL) return unfit("bytes", value, false);
      size_t length = p->u.array.count;
      if (length == 0 && !keep) return 0;
      put_bytes(p->u.array.u.uint8_ptr, length);
      put_varint(length);
      return 1;
    }
  }
}

static int put_message(const Type *t, JSValueConst value);

HOT int put_value(const Field *f, JSValueConst value, bool keep) {
  if (f->type != T_MESSAGE) return put_scalar(f->type, value, keep);
  size_t before = written_length();
  if (put_message(f->message, value) < 0) return -1;
  put_varint(written_length() - before);
  return 1;
}

static int put_entry(const Field *f, JSValueConst key, JSValueConst value) {
  size_t before = written_length();
  if (put_value(f, value, true) < 0) return -1;
  put_varint(16 | wires[f->type]);
  if (put_scalar(f->key_type, key, true) < 0) return -1;
  put_varint(8 | wires[f->key_type]);
  put_varint(written_length() - before);
  put_varint(f->tag);
  return 0;
}

static int put_map(const Field *f, JSValueConst value) {
  JSObject *p = object_of_class(value, JS_CLASS_MAP);
  if (p == NULL) return unfit("map", value, false);
  JSValue map = js_dup(value);
  int done = 0;
  for (JSMapRecord *record = NULL; done == 0 && (record = next_record(p->u.map_state, record, true)) != NULL;) {
    JSValue key = js_dup(record->key), item = js_dup(record->value);
    done = put_entry(f, key, item);
    JS_FreeValue(ctx, key);
    JS_FreeValue(ctx, item);
    if (done < 0) unlock(record);
  }
  JS_FreeValue(ctx, map);
  return done;
}

// A list with holes, or any other that has a length, as one without: an own reference, or an exception.
static JSValue copied_list(JSValueConst value) {
  int64_t length;
  JSValue list = js_dup(value), copy = checked(JS_NewArray(ctx));
  bool thrown = JS_GetLength(ctx, list, &length) != 0;
  for (int64_t i = 0; !thrown && i < length; i++) {
    JSValue item = JS_GetPropertyInt64(ctx, list, i);
    thrown = JS_IsException(item);
    if (!thrown) push(copy, item);
  }
  JS_FreeValue(ctx, list);
  if (!thrown) return copy;
  JS_FreeValue(ctx, copy);
  return JS_EXCEPTION;
}

// A list whose items lie in one piece: itself, or where there are holes, a copy without. An own reference; an exception if it is
// no list, thrown only where asking for its items threw.
static JSValue whole_list(JSValueConst value) {
  JSObject *p = object_of_class(value, JS_CLASS_ARRAY);
  if (p == NULL) return JS_EXCEPTION;
  return is_whole(p) ? js_dup(value) : copied_list(value);
}

static int put_list(const Field *f, JSValueConst value) {
  JSValue list = whole_list(value);
  if (JS_IsException(list)) return JS_HasException(ctx) ? -1 : unfit("list", value, false);
  JSObject *p = JS_VALUE_GET_OBJ(list);
  size_t before = written_length();
  uint32_t count = items_of(p);
  int done = 0;
  for (uint32_t i = count; i-- > 0 && done >= 0;) {
    JSValue item = list_at(p, i);
    done = put_value(f, item, true);
    JS_FreeValue(ctx, item);
    writing_field = f;
    if (!(f->flags & F_PACKED)) put_varint(f->tag);
  }
  JS_FreeValue(ctx, list);
  if (done < 0) return -1;
  if ((f->flags & F_PACKED) && count != 0) {
    put_varint(written_length() - before);
    put_varint(f->number << 3 | 2);
  }
  return 0;
}

// The case and the value of a oneof; own references.
static bool oneof_parts(JSValueConst value, JSValue *name, JSValue *inner) {
  if (object_of(value) == NULL) return false;
  JSValue oneof = js_dup(value);
  *name = JS_GetProperty(ctx, oneof, atom_case);
  *inner = JS_IsException(*name) ? JS_UNDEFINED : JS_GetProperty(ctx, oneof, atom_value);
  JS_FreeValue(ctx, oneof);
  if (!JS_IsException(*name) && !JS_IsException(*inner)) return true;
  JS_FreeValue(ctx, *name);
  JS_FreeValue(ctx, *inner);
  return false;
}

static int put_member(const Field *f, JSValueConst value) {
  JSValue name, inner;
  if (JS_IsUndefined(value)) return 0;
  if (!oneof_parts(value, &name, &inner)) return JS_HasException(ctx) ? -1 : unfit("oneof", value, false);
  int done = js_strict_eq(ctx, name, f->case_name) ? put_value(f, inner, true) : 0;
  JS_FreeValue(ctx, name);
  JS_FreeValue(ctx, inner);
  if (done > 0) put_varint(f->tag);
  return done < 0 ? -1 : 0;
}

static int put_field(const Field *f, JSValueConst value) {
  writing_field = f;
  if (f->flags & F_MAP) return put_map(f, value);
  if (f->flags & F_REPEATED) return put_list(f, value);
  if (f->flags & F_ONEOF) return put_member(f, value);
  if (JS_IsUndefined(value) && (f->flags & F_PRESENCE)) return 0;
  int done = put_value(f, value, (f->flags & F_PRESENCE) != 0);
  if (done > 0) put_varint(f->tag);
  return done < 0 ? -1 : 0;
}

static int put_message(const Type *t, JSValueConst value) {
  JSObject *p = object_of(value);
  if (p == NULL) return unfit(t->name, value, false);
  if (js_check_stack_overflow(rt, 0)) {
    JS_ThrowStackOverflow(ctx);
    return -1;
  }
  const Type *outer = writing_type;
  const Field *outer_field = writing_field;
  writing_type = t;
  writing_field = NULL;
  JSValue message = js_dup(value);
  int done = 0;
  for (int i = t->fields; i-- > 0 && done == 0;) {
    const Field *f = &t->field[i];
    JSValue item = get_slot(t, p, f->slot);
    done = JS_IsException(item) ? -1 : put_field(f, item);
    JS_FreeValue(ctx, item);
  }
  JS_FreeValue(ctx, message);
  if (done < 0) return -1;
  writing_type = outer;
  writing_field = outer_field;
  return 0;
}

// The arena's copy.
static ik_bytes kept_bytes(ik_bytes bytes) {
  uint8_t *at = ik_allocate(bytes.length, 1);
  if (bytes.length != 0) memcpy(at, bytes.data, bytes.length);
  return (ik_bytes){at, bytes.length};
}

#define WRITTEN_KEPT_MAX (1024 * 1024)

// In the arena. Getters of the author's objects may encode, too: then the buffer is another. -1: thrown.
static int encode(const Type *t, JSValueConst value, ik_bytes *bytes) {
  bool is_nested = is_writing;
  uint8_t *outer = written;
  size_t outer_size = written_size, outer_at = written_at;
  const Type *outer_type = writing_type;
  const Field *outer_field = writing_field;
  if (is_nested || written_size > WRITTEN_KEPT_MAX) {
    if (!is_nested) free(written);
    written_size = 4096;
    written = zeroed(written_size, 1);
  }
  is_writing = true;
  written_at = written_size;
  writing_type = t;
  writing_field = NULL;
  int done = put_message(t, value);
  if (done == 0) *bytes = kept_bytes((ik_bytes){written + written_at, written_length()});
  is_writing = is_nested;
  if (is_nested) {
    free(written);
    written = outer;
    written_size = outer_size;
    written_at = outer_at;
    writing_type = outer_type;
    writing_field = outer_field;
  }
  return done;
}

// --- Bounds ------------------------------------------------------------------------------------------------------------

HOT uint32_t text_length(JSValueConst value) {
  if (JS_VALUE_GET_TAG(value) == JS_TAG_STRING) return JS_VALUE_GET_STRING(value)->len;
  return JS_VALUE_GET_TAG(value) == JS_TAG_STRING_ROPE ? ((JSStringRope *)JS_VALUE_GET_PTR(value))->len : 0;
}

static uint64_t message_bound(const Type *t, JSValueConst value);

static uint64_t value_bound(const Field *f, int type, JSValueConst value) {
  switch (type) {
    case T_STRING: return 5 + 3 * (uint64_t)text_length(value);
    case T_BYTES: {
      JSObject *p = object_of_class(value, JS_CLASS_UINT8_ARRAY);
      return p == NULL ? 5 : 5 + (uint64_t)p->u.array.count;
    }
    case T_MESSAGE: return 5 + message_bound(f->message, value);
    default: return 10;
  }
}

static uint64_t field_bound(const Field *f, JSValueConst value) {
  uint64_t bound = 0;
  if (f->flags & F_MAP) {
    JSObject *p = object_of_class(value, JS_CLASS_MAP);
    if (p == NULL) return 0;
    for (JSMapRecord *record = NULL; (record = next_record(p->u.map_state, record, false)) != NULL;)
      bound += 12 + value_bound(f, f->key_type, record->key) + value_bound(f, f->type, record->value);
    return bound;
  }
  if (f->flags & F_REPEATED) {
    JSObject *p = object_of_class(value, JS_CLASS_ARRAY);
    for (uint32_t i = 0; p != NULL && i < items_of(p); i++) bound += 5 + value_bound(f, f->type, p->u.array.u.values[i]);
    return 10 + bound;
  }
  if (f->flags & F_ONEOF) {
    JSValue name, inner;
    if (!oneof_parts(value, &name, &inner)) return 0;
    if (js_strict_eq(ctx, name, f->case_name)) bound = 5 + value_bound(f, f->type, inner);
    JS_FreeValue(ctx, name);
    JS_FreeValue(ctx, inner);
    return bound;
  }
  return JS_IsUndefined(value) ? 0 : 5 + value_bound(f, f->type, value);
}

// Of a message that can be written: it has been, or is frozen and so without circles.
static uint64_t message_bound(const Type *t, JSValueConst value) {
  JSObject *p = object_of(value);
  if (p == NULL || js_check_stack_overflow(rt, 0)) return 0;
  JSValue message = js_dup(value);
  uint64_t bound = 0;
  for (int i = 0; i < t->fields; i++) {
    JSValue item = get_slot(t, p, t->field[i].slot);
    bound += field_bound(&t->field[i], item);
    JS_FreeValue(ctx, item);
  }
  JS_FreeValue(ctx, message);
  // What threw here throws again where it is written.
  if (JS_HasException(ctx)) JS_FreeValue(ctx, JS_GetException(ctx));
  return bound;
}

// Of the JSON of state.ts: six bytes for a character (`\u0000`), and room for the longest escape of each kind.
static uint64_t json_bound(JSValueConst value) {
  int tag = JS_VALUE_GET_TAG(value);
  if (is_text(value)) return (uint64_t)text_length(value) * 6 + 2;
  if (tag == JS_TAG_INT || JS_TAG_IS_FLOAT64(tag)) return 28;
  if (tag == JS_TAG_SHORT_BIG_INT) return 36;
  if (tag == JS_TAG_BIG_INT) return 36 + (uint64_t)((JSBigInt *)JS_VALUE_GET_PTR(value))->len * (JS_LIMB_BITS / 3);
  JSObject *p = object_of(value);
  if (p == NULL || js_check_stack_overflow(rt, 0)) return 20;
  uint64_t bound = 32;
  if (p->class_id == JS_CLASS_ARRAY) {
    for (uint32_t i = 0; i < items_of(p); i++) bound += 1 + json_bound(p->u.array.u.values[i]);
  } else if (p->class_id == JS_CLASS_UINT8_ARRAY) {
    return bound + (uint64_t)p->u.array.count * 2;
  } else if (p->class_id == JS_CLASS_MAP || p->class_id == JS_CLASS_SET) {
    struct list_head *el;
    list_for_each(el, &p->u.map_state->records) {
      JSMapRecord *record = list_entry(el, JSMapRecord, link);
      if (record->empty) continue;
      bound += 4 + json_bound(record->key) + (p->class_id == JS_CLASS_MAP ? json_bound(record->value) : 0);
    }
    return bound;
  }
  // Quotes, colon, comma, and the brackets of an escaped entry. Of a list with holes the items are here, too.
  JSShapeProperty *property = get_shape_prop(p->shape);
  for (int i = 0; i < p->shape->prop_count; i++, property++) {
    if (property->atom == JS_ATOM_NULL || (property->flags & JS_PROP_TMASK) != JS_PROP_NORMAL) continue;
    JSAtomStruct *name = __JS_AtomIsTaggedInt(property->atom) ? NULL : rt->atom_array[property->atom];
    bound += 8 + (name == NULL ? 60 : (uint64_t)name->len * 6) + json_bound(p->prop[i].u.value);
  }
  return bound;
}
