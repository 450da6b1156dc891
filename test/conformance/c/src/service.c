// The model services in C: what they share. Each has a source of its own.
#include "script.h"

ik_text script_joined(const ik_text_array *texts, const char *separator, const char *none) {
  size_t length = 0, between = strlen(separator), at = 0;
  if (texts->count == 0) return ik_text_of(none);
  for (size_t i = 0; i < texts->count; i++) length += texts->items[i].length + between;
  uint8_t *joined = ik_allocate(length, 1);
  for (size_t i = 0; i < texts->count; i++) {
    if (i != 0) memcpy(joined + at, separator, between);
    if (i != 0) at += between;
    if (texts->items[i].length != 0) memcpy(joined + at, texts->items[i].data, texts->items[i].length);
    at += texts->items[i].length;
  }
  return (ik_text){joined, at};
}

bool script_has(const conformance_script *script, int32_t act_case) {
  for (size_t i = 0; i < script->acts.count; i++)
    if (script->acts.items[i].act_case == act_case) return true;
  return false;
}

bool script_asks(const conformance_script *script, conformance_ask ask) {
  for (size_t i = 0; i < script->acts.count; i++)
    if (script->acts.items[i].act_case == CONFORMANCE_ACT_ASK && script->acts.items[i].act.ask == ask) return true;
  return false;
}

const conformance_refusal *script_refusal(const conformance_script *script) {
  const conformance_refusal *last = NULL;
  for (size_t i = 0; i < script->acts.count; i++)
    if (script->acts.items[i].act_case == CONFORMANCE_ACT_REFUSE) last = script->acts.items[i].act.refuse;
  return last;
}

ik_answer script_refuse(const conformance_refusal *refusal, ik_context *context) {
  ik_code code = refusal->code >= 1 && refusal->code <= 16 ? ik_code_of(refusal->code) : IK_UNKNOWN;
  if (refusal->detail.length != 0) conformance_noted_detail(context, &(conformance_noted){.text = refusal->detail});
  return ik_refuse(context, code, "%.*s", IK_ARG(refusal->message));
}

bool script_call(const conformance_target *target, ik_call *call) {
  static const conformance_script nothing;
  const conformance_script *script = target->script == NULL ? &nothing : target->script;
  ik_text name = ik_format("%.*s/%.*s", IK_ARG(target->service), IK_ARG(target->method));
  if (ik_is(name, "Events/Do"))
    *call = events_do_call(script);
  else if (ik_is(name, "Values/Do"))
    *call = values_do_call(script);
  else if (ik_is(name, "Replicas/Do"))
    *call = replicas_do_call(script);
  else if (ik_is(name, "Members/Do"))
    *call = members_do_call(script);
  else if (ik_is(name, "Members/Open"))
    *call = members_open_call(script);
  else if (ik_is(name, "Actions/Do"))
    *call = actions_do_call(script);
  else if (ik_is(name, "Actions/Count"))
    *call = actions_count_call(script);
  else
    return false;
  return true;
}

static ik_text hexadecimal(ik_bytes bytes) {
  uint8_t *text = ik_allocate(2 * bytes.length, 1);
  for (size_t i = 0; i < bytes.length; i++) {
    text[2 * i] = (uint8_t)"0123456789abcdef"[bytes.data[i] >> 4];
    text[2 * i + 1] = (uint8_t)"0123456789abcdef"[bytes.data[i] & 15];
  }
  return (ik_text){text, 2 * bytes.length};
}

static ik_text metadata_of(const ik_context *context) {
  conformance_log entries = {0};
  const ik_metadata *metadata = ik_get_metadata(context);
  for (size_t i = 0; i < metadata->count; i++) {
    const ik_metadata_entry *entry = &metadata->items[i];
    ik_text value = entry->is_binary ? hexadecimal(entry->value) : entry->value;
    conformance_log_add_notes(&entries, ik_format("%.*s=%.*s", IK_ARG(entry->name), IK_ARG(value)));
  }
  return script_joined(&entries.notes, ",", "-");
}

static ik_text or_dash(ik_text text) {
  return text.length == 0 ? ik_text_of("-") : text;
}

static ik_text asked(conformance_ask ask, const script_service *service, ik_context *context) {
  switch (ask) {
    case CONFORMANCE_ASK_NOW:
      return ik_format("%" IK_D64, ik_now(context));
    case CONFORMANCE_ASK_RANDOM:
      return ik_format("%" IK_U64, (uint64_t)(ik_random(context) * 4294967296.0));
    case CONFORMANCE_ASK_UUID:
      return ik_uuid(context);
    case CONFORMANCE_ASK_ENTITY:
      return or_dash(ik_entity(context));
    case CONFORMANCE_ASK_METADATA:
      return metadata_of(context);
    case CONFORMANCE_ASK_SIZE:
      return or_dash(service->size);
    case CONFORMANCE_ASK_HAS:
      return or_dash(service->has);
    default:
      return ik_text_of("-");
  }
}

static void fail(conformance_fault fault) {
  switch (fault) {
    case CONFORMANCE_FAULT_TRAP:
      ik_fault("armed to fail");
    case CONFORMANCE_FAULT_LOOP:
      // The statement keeps the loop: C lets a compiler take one away that does nothing.
      for (;;) __asm__ volatile("");
    case CONFORMANCE_FAULT_GROW:
      for (;;) *(volatile uint8_t *)ik_allocate(1 << 20, 8) = 1;
    default:
      return;
  }
}

static void add_header(const conformance_header *header, ik_context *context) {
  if (header->name.length < 2 || header->name.data[0] != 'x' || header->name.data[1] != '-') return;
  const char *name = (const char *)ik_format("%.*s%c", IK_ARG(header->name), 0).data;
  size_t length = header->name.length;
  if (length >= 4 && memcmp(name + length - 4, "-bin", 4) == 0)
    ik_add_binary_metadata(context, name, header->data);
  else
    ik_add_metadata(context, name, header->text);
}

ik_text script_heard(const conformance_answered *answered) {
  ik_text note = answered->note == NULL ? ik_text_of("") : answered->note->text;
  if (answered->outcome_case == CONFORMANCE_ANSWERED_REPLY)
    return ik_format("%.*s=%.*s", IK_ARG(note), IK_ARG(answered->outcome.reply->text));
  bool has_failed = answered->outcome_case == CONFORMANCE_ANSWERED_FAILURE;
  switch (has_failed ? rpc_status_reason(answered->outcome.failure) : IK_REASON_UNKNOWN) {
    case IK_REASON_REFUSED:
      return ik_format("%.*s!REFUSED", IK_ARG(note));
    case IK_REASON_NOT_SENT:
      return ik_format("%.*s!NOT_SENT", IK_ARG(note));
    default:
      return ik_format("%.*s!UNKNOWN", IK_ARG(note));
  }
}

// The script's spans are microseconds.
static int64_t span_of(double microseconds) {
  return ik_seconds(microseconds / 1e6);
}

// `names`: those that earlier effects have.
static void add_timed(const conformance_timed *timed, const script_words *words, conformance_log *names, ik_context *context) {
  ik_call call;
  if (timed->target == NULL || !script_call(timed->target, &call)) return;
  ik_terms terms = {.within_ms = span_of(timed->within)};
  bool is_after = timed->due_case == CONFORMANCE_TIMED_AFTER, is_at = timed->due_case == CONFORMANCE_TIMED_AT;
  int64_t after_ms = is_after ? span_of(timed->due.after) : 0;
  int64_t at_ms = is_at ? ik_now(context) + span_of(timed->due.at) : 0;
  if (words != NULL && timed->name.length != 0) {
    terms.name = timed->name;
    for (size_t i = 0; i < names->notes.count; i++)
      if (ik_equal(names->notes.items[i], timed->name)) terms.name = (ik_text){NULL, 0};
    conformance_log_add_notes(names, timed->name);
  }
  bool is_heard = ik_is(timed->target->service, "Events") && ik_is(timed->target->method, "Do");
  if (timed->asks && is_heard && words != NULL && words->ask != NULL) {
    terms.after_ms = after_ms;
    terms.at_ms = at_ms;
    conformance_noted note = {.text = timed->note};
    words->ask(context, call, timed->note.length == 0 ? NULL : &note, terms);
  } else if (is_after) {
    ik_after(context, after_ms, call, terms);
  } else if (is_at) {
    ik_at(context, at_ms, call, terms);
  } else {
    terms.synchronous = timed->target->synchronous;
    ik_add_effect_on(context, call, terms);
  }
}

static void resolve(const conformance_resolved *resolved, const script_words *words, ik_context *context) {
  bool is_do = ik_is(resolved->method, "Do"), is_heard = ik_is(resolved->method, "Heard") && words->resolve_heard != NULL;
  if (resolved->ticket.length == 0 || (!is_do && !is_heard)) return;
  if (resolved->refuse == NULL) {
    (is_do ? words->resolve_do : words->resolve_heard)(context, resolved->ticket, &(conformance_said){.text = resolved->text});
    return;
  }
  const conformance_refusal *refusal = resolved->refuse;
  ik_code code = refusal->code >= 1 && refusal->code <= 16 ? ik_code_of(refusal->code) : IK_UNKNOWN;
  ik_failure failure = ik_failure_of(code, "%.*s", IK_ARG(refusal->message));
  if (refusal->detail.length != 0)
    ik_add_failure_detail(&failure, &conformance_noted_type, &(conformance_noted){.text = refusal->detail});
  (is_do ? words->refuse_do : words->refuse_heard)(context, resolved->ticket, failure);
}

ik_answer script_perform(const conformance_script *script, const script_service *service, void *self, conformance_said *reply,
                         ik_context *context) {
  const conformance_refusal *refusal = script_refusal(script);
  ik_call forward;
  bool forwards = false;
  const conformance_waiting *later = NULL;
  const script_words *words = service->words;
  conformance_log names = {0};
  conformance_log pieces = {0};
  // Pieces that say the state are filled in at the end.
  static const uint8_t state_piece;
  for (size_t i = 0; i < script->acts.count; i++) {
    const conformance_act *act = &script->acts.items[i];
    ik_call call;
    switch (act->act_case) {
      case CONFORMANCE_ACT_SAY:
        conformance_log_add_notes(&pieces, act->act.say);
        break;
      case CONFORMANCE_ACT_FORWARD:
        if (!script_call(act->act.forward, &forward)) break;
        forwards = true;
        later = NULL;
        break;
      case CONFORMANCE_ACT_TIMED:
        add_timed(act->act.timed, words, &names, context);
        break;
      case CONFORMANCE_ACT_CANCEL:
        if (words != NULL && act->act.cancel.length != 0) ik_cancel(context, act->act.cancel);
        break;
      case CONFORMANCE_ACT_LATER:
        if (words == NULL || act->act.later->ticket.length == 0) break;
        later = act->act.later;
        forwards = false;
        break;
      case CONFORMANCE_ACT_RESOLVE:
        if (words != NULL) resolve(act->act.resolve, words, context);
        break;
      case CONFORMANCE_ACT_EFFECT:
        if (script_call(act->act.effect, &call)) ik_add_effect(context, call, act->act.effect->synchronous);
        break;
      case CONFORMANCE_ACT_HEADER:
        if (refusal == NULL) add_header(act->act.header, context);
        break;
      case CONFORMANCE_ACT_LOG:
        ik_log_info("%.*s", IK_ARG(act->act.log));
        break;
      case CONFORMANCE_ACT_FAULT:
        if (ik_is(script->element, "armed")) fail(act->act.fault);
        break;
      case CONFORMANCE_ACT_ASK:
        if (act->act.ask == CONFORMANCE_ASK_STATE)
          conformance_log_add_notes(&pieces, (ik_text){&state_piece, 0});
        else
          conformance_log_add_notes(&pieces, asked(act->act.ask, service, context));
        break;
      default:
        service->change(self, act, context);
    }
  }
  if (refusal != NULL) return script_refuse(refusal, context);
  if (forwards) return ik_forward(context, forward);
  if (later != NULL) return ik_later(context, later->ticket, span_of(later->within));
  for (size_t i = 0; i < pieces.notes.count; i++)
    if (pieces.notes.items[i].data == &state_piece) pieces.notes.items[i] = service->state(self);
  reply->text = script_joined(&pieces.notes, " ", "");
  return IK_REPLY;
}
