// Read: protobuf bytes to objects.
//
// R1. Never reads past `end`, the end of the innermost open message. The first thing that is wrong is noted in `problem`, and
//     everything after it reads as the end.
// R2. At most 100 messages are open at once, and the machine's stack is not used up by wide ones: hostile nesting is a refusal.
// R3. The last of a singular field wins, embedded messages merge, packed and unpacked lists are both accepted, unknown fields and
//     known ones with another wire type are passed over (G1 of the generated code, which Node runs).

typedef struct {
  const uint8_t *at, *end;
  const char *problem;
  int depth;
} Reader;

#define DEPTH_MAX 100
// Properties of wider messages do not lie on the stack.
#define SLOTS_ON_STACK 32

HOT Reader reader_of(ik_bytes bytes) {
  return (Reader){bytes.data, bytes.data + bytes.length, NULL, 0};
}

COLD JSValue malformed(Reader *r, const char *why) {
  if (r->problem == NULL) r->problem = why;
  r->at = r->end;
  return JS_UNDEFINED;
}

static const char cut_off[] = "the message is cut off";

COLD uint64_t long_varint(Reader *r) {
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (r->at >= r->end) {
      malformed(r, cut_off);
      return 0;
    }
    uint8_t byte = *r->at++;
    if (shift < 64) value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) return value;
  }
  malformed(r, "a varint has more than ten bytes");
  return 0;
}

HOT uint64_t varint(Reader *r) {
  return r->at < r->end && *r->at < 128 ? *r->at++ : long_varint(r);
}

COLD uint32_t long_tag(Reader *r) {
  const uint8_t *from = r->at;
  uint64_t tag = long_varint(r);
  if (r->problem == NULL && (r->at - from > 5 || (uint32_t)tag >> 3 == 0)) malformed(r, "a tag is no field number");
  return (uint32_t)tag;
}

// There is more to read.
HOT uint32_t read_tag(Reader *r) {
  if (*r->at >= 128) return long_tag(r);
  if (*r->at < 8) malformed(r, "a field has number 0");
  return r->at < r->end ? *r->at++ : 0;
}

static uint32_t fixed32(Reader *r) {
  uint32_t value = 0;
  if (r->end - r->at < 4) {
    malformed(r, cut_off);
    return 0;
  }
  memcpy(&value, r->at, 4);
  r->at += 4;
  return value;
}

static uint64_t fixed64(Reader *r) {
  uint64_t value = 0;
  if (r->end - r->at < 8) {
    malformed(r, cut_off);
    return 0;
  }
  memcpy(&value, r->at, 8);
  r->at += 8;
  return value;
}

// The bytes behind a length.
HOT ik_bytes read_bytes(Reader *r) {
  uint64_t length = varint(r);
  if (length > (uint64_t)(r->end - r->at)) {
    malformed(r, cut_off);
    return (ik_bytes){r->at, 0};
  }
  ik_bytes bytes = {r->at, (size_t)length};
  r->at += bytes.length;
  return bytes;
}

static bool is_utf8(ik_bytes bytes) {
  const uint8_t *at = bytes.data, *end = at + bytes.length;
  while (at != end) {
    uint8_t first = *at++;
    if (first < 0x80) continue;
    if (first < 0xc2 || first > 0xf4) return false;
    size_t more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if ((size_t)(end - at) < more) return false;
    // Overlong forms, surrogates, and what is above U+10FFFF show in the second byte.
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[0] < low || at[0] > high) return false;
    for (size_t i = 1; i < more; i++)
      if ((at[i] & 0xc0) != 0x80) return false;
    at += more;
  }
  return true;
}

HOT bool is_ascii(const uint8_t *text, size_t length) {
  uint64_t all = 0, word;
  for (; length >= 8; text += 8, length -= 8) {
    memcpy(&word, text, 8);
    all |= word;
  }
  for (; length > 0; length--) all |= *text++;
  return (all & 0x8080808080808080ull) == 0;
}

// Of bytes that are UTF-8.
static JSValue new_text(ik_text text) {
  if (text.length == 0) return js_empty_string(rt);
  if (is_ascii(text.data, text.length)) return checked(js_new_string8_len(ctx, (const char *)text.data, (int)text.length));
  return checked(JS_NewStringLen(ctx, (const char *)text.data, text.length));
}

static JSValue new_bytes(ik_bytes bytes) {
  return checked(JS_NewUint8ArrayCopy(ctx, bytes.data, bytes.length));
}

static JSValue read_scalar(Reader *r, int type) {
  switch (type) {
    case T_DOUBLE: {
      uint64_t bits = fixed64(r);
      double value;
      memcpy(&value, &bits, 8);
      return js_number(value);
    }
    case T_FLOAT: {
      uint32_t bits = fixed32(r);
      float value;
      memcpy(&value, &bits, 4);
      return js_number(value);
    }
    case T_INT64: return JS_NewBigInt64(ctx, (int64_t)varint(r));
    case T_UINT64: return JS_NewBigUint64(ctx, varint(r));
    case T_INT32: case T_ENUM: return js_int32((int32_t)varint(r));
    case T_FIXED64: return JS_NewBigUint64(ctx, fixed64(r));
    case T_FIXED32: return js_uint32(fixed32(r));
    case T_BOOL: return js_bool(varint(r) != 0);
    case T_STRING: {
      ik_text text = read_bytes(r);
      if (!is_ascii(text.data, text.length) && !is_utf8(text)) return malformed(r, "a string is not UTF-8");
      return new_text(text);
    }
    case T_BYTES: return new_bytes(read_bytes(r));
    case T_UINT32: return js_uint32((uint32_t)varint(r));
    case T_SFIXED32: return js_int32((int32_t)fixed32(r));
    case T_SFIXED64: return JS_NewBigInt64(ctx, (int64_t)fixed64(r));
    case T_SINT32: {
      uint32_t value = (uint32_t)varint(r);
      return js_int32((int32_t)(value >> 1 ^ -(value & 1)));
    }
    default: {
      uint64_t value = varint(r);
      return JS_NewBigInt64(ctx, (int64_t)(value >> 1 ^ -(value & 1)));
    }
  }
}

static void skip(Reader *r, uint32_t tag) {
  switch (tag & 7) {
    case 0: varint(r); return;
    case 1: fixed64(r); return;
    case 2: read_bytes(r); return;
    case 5: fixed32(r); return;
    case 3: case 4: malformed(r, "groups are not supported"); return;
    case 6: malformed(r, "wire type 6 does not exist"); return;
    default: malformed(r, "wire type 7 does not exist");
  }
}

// Opens a message, a list or an entry; the answer goes to `leave`. Null after a problem.
HOT const uint8_t *enter(Reader *r) {
  ik_bytes inner = read_bytes(r);
  if (r->problem != NULL) return NULL;
  if (++r->depth > DEPTH_MAX) {
    malformed(r, "messages are nested more than 100 deep");
    return NULL;
  }
  const uint8_t *outer = r->end;
  r->at = inner.data;
  r->end = inner.data + inner.length;
  return outer;
}

HOT void leave(Reader *r, const uint8_t *outer) {
  r->depth--;
  r->end = outer;
  if (r->problem != NULL) r->at = outer;
}

static JSValue read_message(Reader *r, const Type *t, JSValueConst into);

static JSValue read_nested(Reader *r, const Type *t, JSValueConst into) {
  const uint8_t *outer = enter(r);
  if (outer == NULL) return JS_UNDEFINED;
  JSValue value = read_message(r, t, into);
  leave(r, outer);
  return value;
}

HOT JSValue read_value(Reader *r, const Field *f, JSValueConst into) {
  return f->type == T_MESSAGE ? read_nested(r, f->message, into) : read_scalar(r, f->type);
}

static void put_in_map(JSValueConst map, JSValueConst key, JSValueConst value) {
  JSValueConst pair[2] = {key, value};
  JS_FreeValue(ctx, checked(js_map_set(ctx, map, 2, pair, 0)));
}

static void read_entry(Reader *r, const Field *f, JSValueConst map) {
  const uint8_t *outer = enter(r);
  if (outer == NULL) return;
  JSValue key = zero_of(f->key_type), value = zero_of(f->type);
  while (r->at < r->end) {
    uint32_t tag = read_tag(r);
    if (r->problem != NULL) break;
    if (tag == (8u | wires[f->key_type])) {
      JS_FreeValue(ctx, key);
      key = read_scalar(r, f->key_type);
    } else if (tag == (16u | wires[f->type])) {
      JSValue before = value;
      value = read_value(r, f, before);
      JS_FreeValue(ctx, before);
    } else skip(r, tag);
  }
  if (f->type == T_MESSAGE && JS_IsUndefined(value)) {
    Reader nothing = {NULL, NULL, NULL, 0};
    value = read_message(&nothing, f->message, JS_UNDEFINED);
  }
  if (r->problem == NULL) put_in_map(map, key, value);
  leave(r, outer);
  JS_FreeValue(ctx, key);
  JS_FreeValue(ctx, value);
}

// Of a list or a map a copy: what it was merged into may be somebody's.
static JSValue copy_of_slot(const Type *t, JSObject *before, int slot) {
  JSValue value = get_slot(t, before, slot);
  JSObject *from = object_of(value);
  if (t->kinds[slot] == S_LIST && from != NULL) {
    JSValue copy = checked(JS_NewArray(ctx));
    for (uint32_t i = 0; i < items_of(from); i++) push(copy, js_dup(from->u.array.u.values[i]));
    JS_FreeValue(ctx, value);
    return copy;
  }
  if (t->kinds[slot] == S_MAP && from != NULL) {
    JSValue copy = new_map();
    struct list_head *el;
    list_for_each(el, &from->u.map_state->records) {
      JSMapRecord *record = list_entry(el, JSMapRecord, link);
      if (!record->empty) put_in_map(copy, record->key, record->value);
    }
    JS_FreeValue(ctx, value);
    return copy;
  }
  return value;
}

static void read_list_item(Reader *r, const Field *f, uint32_t tag, JSValue list) {
  if ((tag & 7) == f->wire) {
    push(list, read_value(r, f, JS_UNDEFINED));
    return;
  }
  if ((tag & 7) != 2) {
    skip(r, tag);
    return;
  }
  const uint8_t *outer = enter(r);
  if (outer == NULL) return;
  while (r->at < r->end) push(list, read_scalar(r, f->type));
  leave(r, outer);
}

static void read_field(Reader *r, const Type *t, const Field *f, uint32_t tag, JSValue *slot) {
  if (f->flags & (F_MAP | F_REPEATED)) {
    if (is_uninitialized(*slot)) *slot = slot_zero(t, f->slot);
    if (!(f->flags & F_MAP)) read_list_item(r, f, tag, *slot);
    else if ((tag & 7) == 2) read_entry(r, f, *slot);
    else skip(r, tag);
    return;
  }
  if ((tag & 7) != f->wire) {
    skip(r, tag);
    return;
  }
  JSValue before = *slot;
  if (f->flags & F_ONEOF) {
    JSValue inner = JS_UNDEFINED;
    JSObject *p = object_of(before);
    if (p != NULL && f->type == T_MESSAGE && js_strict_eq(ctx, p->prop[0].u.value, f->case_name)) inner = p->prop[1].u.value;
    *slot = new_oneof(f, read_value(r, f, inner));
  } else *slot = read_value(r, f, before);
  JS_FreeValue(ctx, before);
}

// `into`: an earlier message of the same field, or undefined.
static JSValue read_message(Reader *r, const Type *t, JSValueConst into) {
  JSProperty few[SLOTS_ON_STACK];
  JSProperty *properties = few;
  if (t->slots > SLOTS_ON_STACK) properties = zeroed((size_t)t->slots, sizeof *properties);
  JSObject *before = object_of(into);
  for (int i = 0; i < t->slots; i++)
    properties[i].u.value = before == NULL ? JS_UNINITIALIZED : copy_of_slot(t, before, i);
  while (r->at < r->end) {
    uint32_t tag = read_tag(r);
    if (r->problem != NULL) break;
    const Field *f;
    if (tag < 128) f = t->by_tag[tag] == 0 ? NULL : &t->field[t->by_tag[tag] - 1];
    else f = field_numbered(t, tag >> 3);
    if (f == NULL) skip(r, tag);
    else read_field(r, t, f, tag, &properties[f->slot].u.value);
  }
  for (int i = 0; i < t->slots; i++)
    if (is_uninitialized(properties[i].u.value)) properties[i].u.value = slot_zero(t, i);
  JSValue message = new_message(t->plain, properties);
  if (properties != few) free(properties);
  return message;
}

// Null, or what is wrong with the bytes.
static const char *decode(const Type *t, ik_bytes bytes, JSValue *message) {
  Reader r = reader_of(bytes);
  *message = read_message(&r, t, JS_UNDEFINED);
  if (r.problem == NULL) return NULL;
  JS_FreeValue(ctx, *message);
  *message = JS_UNDEFINED;
  return r.problem;
}

COLD JSValue throw_malformed(const char *why) {
  JSValue text = JS_NewString(ctx, why);
  JSValue error = JS_CallConstructor(ctx, malformed_error, 1, (JSValueConst *)&text);
  JS_FreeValue(ctx, text);
  return JS_IsException(error) ? error : JS_Throw(ctx, error);
}
