// Replicated: the interface of wit/replicated.wit, run by the SDK's JavaScript (../../guest/replicated.ts) on messages of C.

enum { R_READS, R_DECIDE, R_RENDER, R_CHANGED, R_CANCELLED, R_FUNCTIONS };
static const char *const replicated_names[] = {"reads", "decide", "render", "changed", "cancelled"};
static JSValue replicated_functions[R_FUNCTIONS];

void ik_guest_replicated_reads(ik_text service, const ik_command *command, ik_bytes_list *answer) {
  ik_hear();
  JSValue arguments[2] = {new_text(service), lift_command(command)};
  JSValue list = call_with(replicated_functions[R_READS], 2, arguments);
  answer->items = lower_list(list, sizeof(ik_bytes), &answer->count, lower_bytes_item);
  JS_FreeValue(ctx, list);
}

static void lower_replicated(JSValue decision, ik_replicated_decision *into) {
  JSValue answer = field_of(decision, "answer"), value = field_of(answer, "val");
  if (equals(text_field(answer, "tag"), "now", 3)) {
    into->answer = IK_ANSWER_NOW;
    lower_outcome(value, &into->value.now);
  } else {
    into->answer = IK_ANSWER_AFTER;
    into->value.after = lower_bytes(value);
  }
  JS_FreeValue(ctx, value);
  JS_FreeValue(ctx, answer);
  into->operations = bytes_field(decision, "operations");
  into->is_deleted = bool_field(decision, "delete");
  into->subscribe = optional_field(decision, "subscribe", false);
  JS_FreeValue(ctx, decision);
}

void ik_guest_replicated_decide(ik_text service, ik_text entity, ik_bytes view, const ik_command *command,
                                ik_replicated_decision *answer) {
  ik_hear();
  JSValue arguments[4] = {new_text(service), new_text(entity), new_bytes(view), lift_command(command)};
  lower_replicated(call_with(replicated_functions[R_DECIDE], 4, arguments), answer);
}

void ik_guest_replicated_render(ik_text service, ik_text entity, ik_bytes view, const ik_command *command, ik_bytes note,
                                ik_outcome *answer) {
  ik_hear();
  JSValue arguments[5] = {new_text(service), new_text(entity), new_bytes(view), lift_command(command), new_bytes(note)};
  JSValue outcome = call_with(replicated_functions[R_RENDER], 5, arguments);
  lower_outcome(outcome, answer);
  JS_FreeValue(ctx, outcome);
}

static JSValue lift_subscription(const ik_subscription *subscription) {
  JSValue lifted = new_object();
  set_field(lifted, "id", new_text(subscription->id));
  set_field(lifted, "method", new_text(subscription->method));
  set_field(lifted, "note", new_bytes(subscription->note));
  return lifted;
}

static void lower_step(JSValueConst item, void *into) {
  ik_stream_step *step = into;
  JSValue outcome = field_of(item, "outcome");
  step->subscription = text_field(item, "subscription");
  step->has_outcome = !JS_IsUndefined(outcome);
  if (step->has_outcome) lower_outcome(outcome, &step->outcome);
  step->end = bool_field(item, "end");
  JS_FreeValue(ctx, outcome);
}

void ik_guest_replicated_changed(ik_text service, ik_text entity, ik_bytes view, const ik_subscription_list *subscriptions,
                                 double now_ms, ik_stream_step_list *answer) {
  ik_hear();
  JSValue items = checked(JS_NewArray(ctx));
  for (size_t i = 0; i < subscriptions->count; i++) push(items, lift_subscription(&subscriptions->items[i]));
  JSValue arguments[5] = {new_text(service), new_text(entity), new_bytes(view), items, js_number(now_ms)};
  JSValue steps = call_with(replicated_functions[R_CHANGED], 5, arguments);
  answer->items = lower_list(steps, sizeof(ik_stream_step), &answer->count, lower_step);
  JS_FreeValue(ctx, steps);
}

void ik_guest_replicated_cancelled(ik_text service, ik_text entity, ik_bytes view, const ik_subscription *subscription,
                                   double now_ms, ik_replicated_decision *answer) {
  ik_hear();
  JSValue arguments[5] = {new_text(service), new_text(entity), new_bytes(view), lift_subscription(subscription), js_number(now_ms)};
  lower_replicated(call_with(replicated_functions[R_CANCELLED], 5, arguments), answer);
}
