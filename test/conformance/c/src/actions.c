// Actions: the model service of what has no state.
#include "script.h"

// The counting stream keeps in f_uint32 what was said, in f_fixed32 up to what, and in f_uint64 how many a step.
ACTIONS_ACTION(conformance_everything, conformance_log, ik_nothing)

static void ignore(void *self, const conformance_act *act, ik_context *context) {
  (void)self;
  (void)act;
  (void)context;
}

static ik_text dash(void *self) {
  (void)self;
  return ik_text_of("-");
}

ik_answer actions_do(const conformance_script *request, conformance_said *reply, ik_context *context) {
  static const script_service service = {.change = ignore, .state = dash};
  return script_perform(request, &service, NULL, reply, context);
}

ik_answer actions_echo(const conformance_everything *request, conformance_everything *reply, ik_context *context) {
  (void)context;
  *reply = *request;
  return IK_REPLY;
}

ik_answer actions_table(const conformance_script *request, conformance_everything *reply, ik_context *context) {
  (void)request;
  (void)context;
  reply->f_double = __builtin_nan("");
  reply->f_float = __builtin_nanf("");
  for (int32_t i = 0; i < 20; i++) conformance_everything_put_strings(reply, ik_format("k%d%d", i / 10, i % 10), i + 1);
  return IK_REPLY;
}

// Count

ik_answer actions_count_start(conformance_everything *state, const conformance_script *request, ik_context *context) {
  state->f_fixed32 = request->count > 1000 ? 1000 : request->count;
  state->f_uint64 = request->chunk == 0 ? 1 : request->chunk;
  for (size_t i = 0; i < request->acts.count; i++) {
    const conformance_act *act = &request->acts.items[i];
    ik_call call;
    if (act->act_case == CONFORMANCE_ACT_EFFECT && script_call(act->act.effect, &call))
      ik_add_effect(context, call, act->act.effect->synchronous);
  }
  return IK_SILENT;
}

ik_answer actions_count_next(conformance_everything *state, ik_context *context) {
  for (uint64_t i = 0; i < state->f_uint64 && state->f_uint32 < state->f_fixed32; i++)
    actions_count_emit(context, &(conformance_said){.text = ik_format("%u", ++state->f_uint32)});
  return state->f_uint32 < state->f_fixed32 ? IK_MORE : IK_END;
}

// Join

static void add_sayings(conformance_log *log, const conformance_script *script) {
  for (size_t i = 0; i < script->acts.count; i++)
    if (script->acts.items[i].act_case == CONFORMANCE_ACT_SAY)
      conformance_log_add_notes(log, script->acts.items[i].act.say);
}

ik_answer actions_join_item(conformance_log *state, const conformance_script *request, conformance_said *reply,
                            ik_context *context) {
  (void)reply;
  const conformance_refusal *refusal = script_refusal(request);
  if (refusal != NULL) return script_refuse(refusal, context);
  add_sayings(state, request);
  return IK_SILENT;
}

ik_answer actions_join_end(conformance_log *state, conformance_said *reply, ik_context *context) {
  (void)context;
  reply->text = script_joined(&state->notes, ",", "");
  return IK_REPLY;
}

// Chat

ik_answer actions_chat_item(ik_nothing *state, const conformance_script *request, ik_context *context) {
  (void)state;
  const conformance_refusal *refusal = script_refusal(request);
  if (refusal != NULL) return script_refuse(refusal, context);
  conformance_log texts = {0};
  add_sayings(&texts, request);
  if (texts.notes.count != 0)
    actions_chat_emit(context, &(conformance_said){.text = script_joined(&texts.notes, ",", "")});
  return script_has(request, CONFORMANCE_ACT_CLEAR) ? IK_END : IK_SILENT;
}

ik_answer actions_chat_end(ik_nothing *state, ik_context *context) {
  (void)state;
  actions_chat_emit(context, &(conformance_said){.text = ik_text_of("bye")});
  return IK_END;
}

ik_answer actions_chat_cancelled(ik_nothing *state, ik_context *context) {
  (void)state;
  conformance_act act = {.act_case = CONFORMANCE_ACT_NOTE, .act = {.note = ik_text_of("left")}};
  conformance_script script = {.id = ik_text_of("left"), .acts = {&act, 1, 0}};
  ik_add_effect(context, events_do_call(&script), false);
  return IK_SILENT;
}
