// Values: the model service of values.
#include "script.h"

VALUES_VALUE(conformance_box)

// The value as the acts leave it; null where there is none.
typedef struct {
  const conformance_box *box;
} current;

static void change(void *self, const conformance_act *act, ik_context *context) {
  current *now = self;
  if (act->act_case == CONFORMANCE_ACT_NOTE) {
    conformance_box *box = conformance_box_new();
    box->text = act->act.note;
    now->box = box;
    values_update(context, box);
  }
  if (act->act_case == CONFORMANCE_ACT_CLEAR) {
    now->box = NULL;
    ik_remove(context);
  }
}

static ik_text state_of(void *self) {
  const current *now = self;
  return now->box == NULL ? ik_text_of("-") : ik_format("[%.*s]", IK_ARG(now->box->text));
}

static const script_words words = {
    .ask = values_heard_ask,
    .resolve_do = values_do_resolve,
    .refuse_do = values_do_resolve_refused,
    .resolve_heard = values_heard_resolve,
    .refuse_heard = values_heard_resolve_refused,
};

ik_answer values_do(const conformance_box *value, const conformance_script *request, conformance_said *reply,
                    ik_context *context) {
  static const script_service service = {.change = change, .state = state_of, .words = &words};
  current now = {value};
  return script_perform(request, &service, &now, reply, context);
}

ik_answer values_heard(const conformance_box *value, const conformance_answered *request, conformance_said *reply,
                       ik_context *context) {
  (void)value;
  reply->text = script_heard(request);
  values_update(context, &(conformance_box){.text = reply->text});
  return IK_REPLY;
}
