// View: the interface of wit/view.wit, run by the SDK's JavaScript (../../guest/view.ts) on messages of C.

static JSValue view_keys_function, view_project_function;

static JSValue lift_what(const ik_view_change *change) {
  static const char *const tags[] = {"event", "updated", "deleted"};
  JSValue lifted = new_object();
  set_field(lifted, "tag", JS_NewString(ctx, tags[change->what]));
  if (change->what == IK_WHAT_DELETED) return lifted;
  JSValue typed = new_object();
  set_field(typed, "typeName", new_text(change->message.type_name));
  set_field(typed, "data", new_bytes(change->message.data));
  set_field(lifted, "val", typed);
  return lifted;
}

static JSValue lift_changes(const ik_view_change_list *changes) {
  JSValue list = checked(JS_NewArray(ctx));
  for (size_t i = 0; i < changes->count; i++) {
    const ik_view_change *change = &changes->items[i];
    JSValue lifted = new_object(), keys = checked(JS_NewArray(ctx));
    for (size_t k = 0; k < change->keys.count; k++) push(keys, new_text(change->keys.items[k]));
    set_field(lifted, "service", new_text(change->service));
    set_field(lifted, "entity", new_text(change->entity));
    set_field(lifted, "sequence", js_number(change->sequence));
    set_field(lifted, "atMs", js_number(change->at_ms));
    set_field(lifted, "what", lift_what(change));
    set_field(lifted, "keys", keys);
    push(list, lifted);
  }
  return list;
}

static void lower_keys(JSValueConst item, void *into) {
  ik_bytes_list *keys = into;
  keys->items = lower_list(item, sizeof(ik_text), &keys->count, lower_text_item);
}

void ik_guest_view_keys(ik_text view, const ik_view_change_list *changes, ik_keys_list *answer) {
  JSValue arguments[2] = {new_text(view), lift_changes(changes)};
  JSValue keys = call_with(view_keys_function, 2, arguments);
  answer->items = lower_list(keys, sizeof(ik_bytes_list), &answer->count, lower_keys);
  JS_FreeValue(ctx, keys);
}

static void lower_row(JSValueConst item, void *into) {
  ik_row *row = into;
  row->key = text_field(item, "key");
  row->row = optional_field(item, "row", false);
}

static void lower_rows(JSValueConst item, void *into) {
  ik_row_list *rows = into;
  rows->items = lower_list(item, sizeof(ik_row), &rows->count, lower_row);
}

void ik_guest_view_project(ik_text view, const ik_view_change_list *changes, const ik_row_list *rows, ik_rows_list *answer) {
  JSValue before = checked(JS_NewArray(ctx));
  for (size_t i = 0; i < rows->count; i++) {
    const ik_row *row = &rows->items[i];
    JSValue lifted = new_object();
    set_field(lifted, "key", new_text(row->key));
    set_field(lifted, "row", row->row.present ? new_bytes(row->row.value) : JS_UNDEFINED);
    push(before, lifted);
  }
  JSValue arguments[3] = {new_text(view), lift_changes(changes), before};
  JSValue puts = call_with(view_project_function, 3, arguments);
  answer->items = lower_list(puts, sizeof(ik_row_list), &answer->count, lower_rows);
  JS_FreeValue(ctx, puts);
}
