// Make: what a message type makes of an author's object: equal to what decoding its own bytes gives (M2 of codec/message.ts).
// Nested messages, lists, maps and bytes are copied; what a field cannot hold is told when it is written.

static JSValue make(const Type *t, JSShape *shape, JSValueConst init);

static JSValue normal(const Field *f, int type, JSValueConst value) {
  switch (type) {
    case T_MESSAGE: return make(f->message, f->message->plain, value);
    case T_BYTES: {
      JSObject *p = object_of_class(value, JS_CLASS_UINT8_ARRAY);
      if (p == NULL) return js_dup(value);
      return JS_NewUint8ArrayCopy(ctx, p->u.array.u.uint8_ptr, p->u.array.count);
    }
    case T_FLOAT: {
      double number;
      return number_of(value, &number) ? js_number((float)number) : js_dup(value);
    }
    case T_INT32: case T_ENUM: case T_SINT32: case T_SFIXED32: case T_UINT32: case T_FIXED32:
      // -0 is written as 0.
      if (JS_TAG_IS_FLOAT64(JS_VALUE_GET_TAG(value)) && JS_VALUE_GET_FLOAT64(value) == 0) return js_int32(0);
      return js_dup(value);
    default: return js_dup(value);
  }
}

static JSValue make_oneof(const Type *t, int slot, JSValueConst value) {
  JSValue name, inner, made = JS_UNINITIALIZED;
  if (!oneof_parts(value, &name, &inner)) {
    if (JS_HasException(ctx)) return JS_EXCEPTION;
    return JS_ThrowTypeError(ctx, "%s: a oneof takes { case, value }", t->name);
  }
  for (int i = 0; i < t->fields && is_uninitialized(made); i++) {
    const Field *f = &t->field[i];
    if (f->slot != slot || !js_strict_eq(ctx, name, f->case_name)) continue;
    JSValue own = normal(f, f->type, inner);
    made = JS_IsException(own) ? own : new_oneof(f, own);
  }
  if (is_uninitialized(made)) {
    JSValue words = JS_JSONStringify(ctx, name, JS_UNDEFINED, JS_UNDEFINED);
    const char *text = JS_IsException(words) ? NULL : JS_ToCString(ctx, words);
    made = text == NULL ? JS_EXCEPTION : JS_ThrowRangeError(ctx, "a oneof has no case %s", text);
    if (text != NULL) JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, words);
  }
  JS_FreeValue(ctx, name);
  JS_FreeValue(ctx, inner);
  return made;
}

static JSValue make_list(const Field *f, JSValueConst value) {
  JSValue list = whole_list(value);
  if (JS_IsException(list)) return JS_HasException(ctx) ? list : JS_ThrowTypeError(ctx, "a repeated field takes an array");
  JSObject *p = JS_VALUE_GET_OBJ(list);
  JSValue copy = checked(JS_NewArray(ctx));
  for (uint32_t i = 0; i < items_of(p); i++) {
    JSValue given = list_at(p, i), item = normal(f, f->type, given);
    JS_FreeValue(ctx, given);
    if (JS_IsException(item)) {
      JS_FreeValue(ctx, copy);
      copy = item;
      break;
    }
    push(copy, item);
  }
  JS_FreeValue(ctx, list);
  return copy;
}

static JSValue make_map(const Field *f, JSValueConst value) {
  JSObject *p = object_of_class(value, JS_CLASS_MAP);
  if (p == NULL) return JS_ThrowTypeError(ctx, "a map field takes a Map");
  JSValue copy = new_map();
  for (JSMapRecord *record = NULL; (record = next_record(p->u.map_state, record, false)) != NULL;) {
    Field key_field = {.type = f->key_type};
    JSValue key = normal(&key_field, f->key_type, record->key), given = js_dup(record->value);
    JSValue item = normal(f, f->type, given);
    bool thrown = JS_IsException(item);
    if (!thrown) put_in_map(copy, key, item);
    JS_FreeValue(ctx, key);
    JS_FreeValue(ctx, given);
    JS_FreeValue(ctx, item);
    if (!thrown) continue;
    unlock(record);
    JS_FreeValue(ctx, copy);
    return JS_EXCEPTION;
  }
  return copy;
}

static JSValue make_slot(const Type *t, int slot, JSValueConst value) {
  if (JS_IsUndefined(value)) return slot_zero(t, slot);
  const Field *f = &t->field[t->field_of_slot[slot]];
  if (f->flags & F_ONEOF) return make_oneof(t, slot, value);
  if (f->flags & F_MAP) return make_map(f, value);
  if (f->flags & F_REPEATED) return make_list(f, value);
  // As `??` has it.
  if (JS_IsNull(value) && !(f->flags & F_PRESENCE)) return slot_zero(t, slot);
  return normal(f, f->type, value);
}

static JSValue make(const Type *t, JSShape *shape, JSValueConst init) {
  JSObject *p = object_of(init);
  if (p == NULL) return JS_ThrowTypeError(ctx, "%s is made of an object with its fields", t->name);
  if (js_check_stack_overflow(rt, 0)) return JS_ThrowStackOverflow(ctx);
  JSProperty few[SLOTS_ON_STACK + 1];
  JSProperty *properties = few;
  if (t->slots > SLOTS_ON_STACK) properties = zeroed((size_t)t->slots + 1, sizeof *properties);
  JSValue message = JS_UNDEFINED;
  for (int i = 0; i < t->slots; i++) {
    JSValue given = get_slot(t, p, i);
    JSValue made = JS_IsException(given) ? given : make_slot(t, i, given);
    JS_FreeValue(ctx, given);
    properties[i].u.value = made;
    if (!JS_IsException(made)) continue;
    while (i-- > 0) JS_FreeValue(ctx, properties[i].u.value);
    message = made;
    break;
  }
  if (!JS_IsException(message)) {
    if (shape == t->tagged) properties[t->slots].u.value = js_dup(t->make);
    message = new_message(shape, properties);
  }
  if (properties != few) free(properties);
  return message;
}

// --- What a message type can do (codec/message.ts) -------------------------------------------------------------------------

static JSValue type_call(JSContext *c, JSValueConst func, JSValueConst self, int argc, JSValueConst *argv, int flags) {
  (void)c; (void)self; (void)flags;
  Type *t = JS_VALUE_GET_OBJ(func)->u.opaque;
  if (argc > 0 && !JS_IsUndefined(argv[0])) return make(t, t->tagged, argv[0]);
  JSValue nothing = JS_NewObject(ctx);
  JSValue message = make(t, t->tagged, nothing);
  JS_FreeValue(ctx, nothing);
  return message;
}

static Type *own_type(JSValueConst self) {
  Type *t = type_of_function(self);
  if (t == NULL) JS_ThrowTypeError(ctx, "this is no message type");
  return t;
}

static JSValue type_encode(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)argc;
  Type *t = own_type(self);
  ik_bytes bytes;
  if (t == NULL || encode(t, argv[0], &bytes) < 0) return JS_EXCEPTION;
  return JS_NewUint8ArrayCopy(ctx, bytes.data, bytes.length);
}

static JSValue type_decode(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)argc;
  Type *t = own_type(self);
  if (t == NULL) return JS_EXCEPTION;
  JSObject *p = object_of_class(argv[0], JS_CLASS_UINT8_ARRAY);
  if (p == NULL) return JS_ThrowTypeError(ctx, "%s is decoded of a Uint8Array", t->name);
  JSValue message;
  const char *problem = decode(t, (ik_bytes){p->u.array.u.uint8_ptr, p->u.array.count}, &message);
  return problem == NULL ? message : throw_malformed(problem);
}

static JSValue type_size_max(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)argc;
  Type *t = own_type(self);
  return t == NULL ? JS_EXCEPTION : js_number((double)message_bound(t, argv[0]));
}

static JSValue type_name(JSContext *c, JSValueConst self) {
  (void)c;
  Type *t = type_of_function(self);
  return t == NULL ? JS_UNDEFINED : JS_NewStringLen(ctx, t->name, t->name_length);
}

static const JSCFunctionListEntry type_functions[] = {
  JS_CFUNC_DEF("encode", 1, type_encode),
  JS_CFUNC_DEF("decode", 1, type_decode),
  JS_CFUNC_DEF("sizeMax", 1, type_size_max),
  JS_CGETSET_DEF("typeName", type_name, NULL),
};

static JSValue message_type_of(JSContext *c, JSValueConst self, int argc, JSValueConst *argv) {
  (void)c; (void)self; (void)argc;
  Type *t = made_by(argv[0]);
  return t == NULL ? JS_UNDEFINED : js_dup(t->make);
}
