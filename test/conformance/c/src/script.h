// What the model services share: acts that mean the same in all of them. conformance.proto says what each means.
#pragma once
#include "gen/conformance.h"

// What an entity says of asks and tickets: the generated functions of its methods. `ask` and those of Heard: null if it has none.
typedef struct {
  void (*ask)(ik_context *context, ik_call call, const conformance_noted *note, ik_terms terms);
  void (*resolve_do)(ik_context *context, ik_text ticket, const conformance_said *reply);
  void (*refuse_do)(ik_context *context, ik_text ticket, ik_failure failure);
  void (*resolve_heard)(ik_context *context, ik_text ticket, const conformance_said *reply);
  void (*refuse_heard)(ik_context *context, ik_text ticket, ik_failure failure);
} script_words;

// How a service does the acts that change it, and what it says of itself. `self` is whatever it needs for that.
typedef struct {
  void (*change)(void *self, const conformance_act *act, ik_context *context);
  ik_text (*state)(void *self);
  // What SIZE and HAS say; empty: "-".
  ik_text size, has;
  // Null where an action or a stream has no such words.
  const script_words *words;
} script_service;

// Does the acts in order, and answers: the last refusal, else the last forward or ticket, else what was said, as a reply.
ik_answer script_perform(const conformance_script *script, const script_service *service, void *self, conformance_said *reply,
                         ik_context *context);
// The last refusal of a script; null if there is none.
const conformance_refusal *script_refusal(const conformance_script *script);
ik_answer script_refuse(const conformance_refusal *refusal, ik_context *context);
// What Heard makes of an answer.
ik_text script_heard(const conformance_answered *answered);
bool script_call(const conformance_target *target, ik_call *call);
bool script_has(const conformance_script *script, int32_t act_case);
bool script_asks(const conformance_script *script, conformance_ask ask);
ik_text script_joined(const ik_text_array *texts, const char *separator, const char *none);
// Of the map of Replicas: one of its values, and what it says of all.
ik_view replicas_at(ik_view map, const char *key);
ik_text replicas_shown(ik_view map);
