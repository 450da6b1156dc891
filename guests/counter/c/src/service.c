// The counter: the smallest service with state.
#include "gen/counter.h"

COUNTER_EVENT_SOURCED(counter_value)

static const int64_t value_max = 1000000000000;

ik_answer counter_add(const counter_value *state, const counter_add_request *request, counter_value *reply,
                      ik_context *context) {
  int64_t amount = request->amount;
  if (amount <= 0) return ik_refuse(context, IK_INVALID_ARGUMENT, "amount must be positive, got %" IK_D64, amount);
  // The sum itself could overflow.
  if (amount > value_max - state->value)
    return ik_refuse(context, IK_FAILED_PRECONDITION, "the value may not exceed %" IK_D64, value_max);
  counter_emit_added(context, &(counter_added){.amount = amount});
  *reply = *state;
  return IK_REPLY;
}

ik_answer counter_get(const counter_value *state, const counter_get_request *request, counter_value *reply,
                      ik_context *context) {
  (void)request;
  (void)context;
  *reply = *state;
  return IK_REPLY;
}

void counter_on_added(counter_value *state, const counter_added *event) {
  state->value += event->amount;
}
