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

ik_answer events_do(const conformance_log *state, const conformance_script *request, conformance_said *reply,
                    ik_context *context) {
  static const script_service service = {.change = change, .state = state_of};
  return script_perform(request, &service, (void *)state, reply, context);
}

void events_on_noted(conformance_log *state, const conformance_noted *event) {
  conformance_log_add_notes(state, event->text);
}

void events_on_cleared(conformance_log *state, const conformance_cleared *event) {
  (void)event;
  *state = (conformance_log){0};
}
