// Replicas: the model service of replicated values, all kinds in one map.
#include "script.h"

REPLICAS_REPLICATED(IK_OR_MAP)

ik_view replicas_at(ik_view map, const char *key) {
  return ik_map_at(map, ik_text_element(ik_text_of(key)));
}

static ik_view inner(ik_view map, const char *key, ik_text inner_key) {
  return ik_map_at(replicas_at(map, key), ik_text_element(inner_key));
}

static void operate(ik_view map, const conformance_change *change) {
  switch (change->change_case) {
    case CONFORMANCE_CHANGE_INCREMENT:
      ik_g_counter_add(replicas_at(map, "g"), change->change.increment);
      return;
    case CONFORMANCE_CHANGE_ADD:
      ik_pn_counter_add(replicas_at(map, "p"), change->change.add);
      return;
    case CONFORMANCE_CHANGE_GROW:
      ik_g_set_add(replicas_at(map, "gs"), ik_text_element(change->change.grow));
      return;
    case CONFORMANCE_CHANGE_INSERT:
      ik_or_set_add(replicas_at(map, "os"), ik_text_element(change->change.insert));
      return;
    case CONFORMANCE_CHANGE_REMOVE:
      ik_or_set_remove(replicas_at(map, "os"), ik_text_element(change->change.remove));
      return;
    case CONFORMANCE_CHANGE_CLEAR:
      ik_or_set_clear(replicas_at(map, "os"));
      return;
    case CONFORMANCE_CHANGE_ASSIGN: {
      const conformance_assign *assign = change->change.assign;
      ik_clock clock = assign->clock <= IK_CLOCK_CUSTOM_AUTO_INCREMENT ? (ik_clock)assign->clock : IK_CLOCK_DEFAULT;
      ik_register_set_with(replicas_at(map, "r"), ik_text_element(assign->value), clock, assign->custom_clock);
      return;
    }
    case CONFORMANCE_CHANGE_ENABLE:
      ik_flag_enable(replicas_at(map, "f"));
      return;
    case CONFORMANCE_CHANGE_VOTE:
      ik_vote_set(replicas_at(map, "v"), change->change.vote);
      return;
    case CONFORMANCE_CHANGE_COUNT:
      ik_pn_counter_add(inner(map, "m", change->change.count->key), change->change.count->by);
      return;
    case CONFORMANCE_CHANGE_UNCOUNT:
      ik_map_remove(replicas_at(map, "m"), ik_text_element(change->change.uncount));
      return;
    case CONFORMANCE_CHANGE_CLEAR_COUNTS:
      ik_map_clear(replicas_at(map, "m"));
      return;
    case CONFORMANCE_CHANGE_NEST:
      ik_or_set_add(inner(map, "n", change->change.nest->key), ik_text_element(change->change.nest->element));
      return;
    case CONFORMANCE_CHANGE_CREATE_COUNT:
      ik_map_create(replicas_at(map, "m"), ik_text_element(change->change.create_count), IK_PN_COUNTER);
      return;
    case CONFORMANCE_CHANGE_CREATE_NEST:
      ik_map_create(replicas_at(map, "n"), ik_text_element(change->change.create_nest), IK_OR_SET);
      return;
    case CONFORMANCE_CHANGE_UNNEST:
      ik_map_remove(replicas_at(map, "n"), ik_text_element(change->change.unnest));
      return;
    default:
      return;
  }
}

static void change(void *self, const conformance_act *act, ik_context *context) {
  if (act->act_case == CONFORMANCE_ACT_CLEAR) ik_remove(context);
  if (act->act_case == CONFORMANCE_ACT_CONSISTENCY && act->act.consistency <= IK_ALL)
    ik_write_consistency(context, (ik_consistency)act->act.consistency);
  if (act->act_case == CONFORMANCE_ACT_CHANGE) operate(*(const ik_view *)self, act->act.change);
}

static ik_text elements(ik_view set, const char *separator) {
  conformance_log texts = {0};
  ik_bytes element;
  for (size_t i = 0; ik_set_next(set, &i, &element);) conformance_log_add_notes(&texts, ik_element_text(element));
  return script_joined(&texts.notes, separator, "");
}

static ik_text counts(ik_view map) {
  conformance_log texts = {0};
  ik_bytes key;
  for (size_t i = 0; ik_map_next(map, &i, &key);) {
    ik_text name = ik_element_text(key);
    conformance_log_add_notes(&texts, ik_format("%.*s:%" IK_D64, IK_ARG(name), ik_pn_counter(ik_map_at(map, key))));
  }
  return script_joined(&texts.notes, ",", "");
}

static ik_text nested(ik_view map) {
  conformance_log texts = {0};
  ik_bytes key;
  for (size_t i = 0; ik_map_next(map, &i, &key);) {
    ik_text name = ik_element_text(key), set = elements(ik_map_at(map, key), "+");
    conformance_log_add_notes(&texts, ik_format("%.*s:%.*s", IK_ARG(name), IK_ARG(set)));
  }
  return script_joined(&texts.notes, ",", "");
}

ik_text replicas_shown(ik_view map) {
  ik_text grown = elements(replicas_at(map, "gs"), ","), set = elements(replicas_at(map, "os"), ",");
  ik_text text = ik_element_text(ik_register(replicas_at(map, "r"), (ik_bytes){NULL, 0}));
  ik_text many = counts(replicas_at(map, "m")), deep = nested(replicas_at(map, "n"));
  ik_vote vote = ik_votes(replicas_at(map, "v"));
  return ik_format("g=%" IK_U64 " p=%" IK_D64 " gs=%.*s os=%.*s r=%.*s f=%s m=%.*s v=%u/%u/%s n=%.*s",
                   ik_g_counter(replicas_at(map, "g")), ik_pn_counter(replicas_at(map, "p")), IK_ARG(grown), IK_ARG(set), IK_ARG(text),
                   ik_flag(replicas_at(map, "f")) ? "true" : "false", IK_ARG(many), vote.votes_for, vote.voters,
                   vote.self ? "true" : "false", IK_ARG(deep));
}

static ik_text state_of(void *self) {
  return replicas_shown(*(const ik_view *)self);
}

static const script_words words = {
    .ask = NULL,
    .resolve_do = replicas_do_resolve,
    .refuse_do = replicas_do_resolve_refused,
    .resolve_heard = NULL,
    .refuse_heard = NULL,
};

ik_answer replicas_do(ik_view view, const conformance_script *request, conformance_said *reply, ik_context *context) {
  static const script_service service = {.change = change, .state = state_of, .words = &words};
  return script_perform(request, &service, &view, reply, context);
}
