// Events: the model service of event sourcing.
#include "script.h"

EVENTS_EVENT_SOURCED(conformance_log)

static void change(void *self, const conformance_act *act, ik_context *context) {
  (void)self;
  if (act->act_case == CONFORMANCE_ACT_NOTE) events_emit_noted(context, &(conformance_noted){.text = act->act.note});
  if (act->act_case == CONFORMANCE_ACT_CLEAR) events_emit_cleared(context, &(conformance_cleared){0});
}

static ik_text state_of(void *self) {
  const conformance_log *log = self;
  return script_joined(&log->notes, ",", "-");
}

static const script_words words = {
    .ask = events_heard_ask,
    .resolve_do = events_do_resolve,
    .refuse_do = events_do_resolve_refused,
    .resolve_heard = events_heard_resolve,
    .refuse_heard = events_heard_resolve_refused,
};

ik_answer events_do(const conformance_log *state, const conformance_script *request, conformance_said *reply,
                    ik_context *context) {
  static const script_service service = {.change = change, .state = state_of, .words = &words};
  return script_perform(request, &service, (void *)state, reply, context);
}

ik_answer events_heard(const conformance_log *state, const conformance_answered *request, conformance_said *reply,
                       ik_context *context) {
  (void)state;
  reply->text = script_heard(request);
  events_emit_noted(context, &(conformance_noted){.text = reply->text});
  return IK_REPLY;
}

void events_on_noted(conformance_log *state, const conformance_noted *event) {
  conformance_log_add_notes(state, event->text);
}

void events_on_cleared(conformance_log *state, const conformance_cleared *event) {
  (void)event;
  *state = (conformance_log){0};
}
