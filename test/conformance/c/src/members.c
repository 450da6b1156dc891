// Members: the model service of what a method sees of a replicated value, and of its streams.
#include "script.h"

MEMBERS_REPLICATED(IK_OR_SET, .views = IK_VIEWS({"Blind", IK_VIEW_NOTHING, NULL}, {"One", IK_VIEW_ELEMENT, "element"},
                                                {"Some", IK_VIEW_DYNAMIC, NULL}))

static const script_words words = {
    .ask = members_heard_ask,
    .resolve_do = members_do_resolve,
    .refuse_do = members_do_resolve_refused,
    .resolve_heard = members_heard_resolve,
    .refuse_heard = members_heard_resolve_refused,
};

static void change(void *self, const conformance_act *act, ik_context *context) {
  ik_view set = *(const ik_view *)self;
  if (act->act_case == CONFORMANCE_ACT_DELETE) ik_remove(context);
  if (act->act_case == CONFORMANCE_ACT_NOTE) ik_or_set_add(set, ik_text_element(act->act.note));
  if (act->act_case == CONFORMANCE_ACT_DROP) ik_or_set_remove(set, ik_text_element(act->act.drop));
  if (act->act_case == CONFORMANCE_ACT_CLEAR) ik_or_set_clear(set);
}

static ik_text shown(ik_view set) {
  conformance_log texts = {0};
  ik_bytes element;
  for (size_t i = 0; ik_set_next(set, &i, &element);) conformance_log_add_notes(&texts, ik_element_text(element));
  return script_joined(&texts.notes, ",", "-");
}

static ik_text state_of(void *self) {
  return shown(*(const ik_view *)self);
}

static ik_answer perform(ik_view view, const conformance_script *request, conformance_said *reply, ik_context *context,
                         bool sees, const script_words *said) {
  script_service service = {.change = change, .state = state_of, .words = said};
  // Before the acts; a view that does not hold them is not looked at without need.
  if (script_asks(request, CONFORMANCE_ASK_SIZE)) service.size = ik_format("%zu", ik_set_size(view));
  if (sees && script_asks(request, CONFORMANCE_ASK_HAS))
    service.has = ik_text_of(ik_set_has(view, ik_text_element(request->element)) ? "true" : "false");
  return script_perform(request, &service, &view, reply, context);
}

ik_answer members_do(ik_view view, const conformance_script *request, conformance_said *reply, ik_context *context) {
  return perform(view, request, reply, context, true, &words);
}

ik_answer members_blind(ik_view view, const conformance_script *request, conformance_said *reply, ik_context *context) {
  return perform(view, request, reply, context, false, &words);
}

ik_answer members_one(ik_view view, const conformance_script *request, conformance_said *reply, ik_context *context) {
  return perform(view, request, reply, context, true, &words);
}

ik_answer members_some(ik_view view, const conformance_script *request, conformance_said *reply, ik_context *context) {
  return perform(view, request, reply, context, false, &words);
}

void members_some_reads(const conformance_script *request, ik_context *context) {
  for (size_t i = 0; i < request->look.count; i++) ik_read(context, ik_text_element(request->look.items[i]));
}

ik_answer members_heard(ik_view view, const conformance_answered *request, conformance_said *reply, ik_context *context) {
  (void)context;
  reply->text = script_heard(request);
  ik_or_set_add(view, ik_text_element(reply->text));
  return IK_REPLY;
}

ik_answer members_open(ik_view view, const conformance_script *request, conformance_said *reply, ik_context *context) {
  ik_answer answer = perform(view, request, reply, context, true, NULL);
  return answer == IK_REPLY && !script_has(request, CONFORMANCE_ACT_DELETE) ? IK_STREAM : answer;
}

ik_answer members_open_changed(ik_view view, const conformance_script *request, conformance_said *reply,
                               ik_context *context) {
  (void)request;
  if (ik_set_has(view, ik_text_element(ik_text_of("bad")))) return ik_refuse(context, IK_FAILED_PRECONDITION, "bad");
  reply->text = shown(view);
  return ik_set_has(view, ik_text_element(ik_text_of("end"))) ? IK_END_REPLY : IK_EMIT;
}

void members_open_cancelled(ik_view view, const conformance_script *request, ik_context *context) {
  (void)request;
  (void)context;
  ik_or_set_add(view, ik_text_element(ik_text_of("left")));
}
