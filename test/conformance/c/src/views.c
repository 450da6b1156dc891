// Notes, Board and Crowd: the model views.
#include "script.h"

static ik_row_answer noted(const conformance_noted *event, conformance_cell *row, const ik_change *change) {
  row->key = change->entity;
  row->text = ik_format("%.*s%.*s", IK_ARG(row->text), IK_ARG(event->text));
  row->count++;
  return IK_PUT_ROW;
}

static ik_row_answer cleared(const conformance_cleared *event, conformance_cell *row, const ik_change *change) {
  (void)event;
  (void)row;
  (void)change;
  return IK_DELETE_ROW;
}

NOTES_VIEW(IK_EVENTS(events_name, NOTES_ROW(conformance_noted, noted), NOTES_ROW(conformance_cleared, cleared)))

static ik_text word_key(const conformance_noted *event) {
  return ik_format("w:%.*s", IK_ARG(event->text));
}

static void name_word(const conformance_noted *event, const ik_change *change, ik_rows *rows) {
  (void)change;
  ik_row_key(rows, word_key(event));
}

static void count_word(const conformance_noted *event, const ik_change *change, ik_rows *rows) {
  (void)change;
  ik_text key = word_key(event);
  const conformance_cell *word = board_row(rows, key);
  int64_t count = word == NULL ? 1 : word->count + 1;
  board_put(rows, key, &(conformance_cell){.key = key, .text = event->text, .count = count});
}

static ik_text box_key(const conformance_box *box, const ik_change *change) {
  return ik_format("v:%.*s:%.*s", IK_ARG(box->text), IK_ARG(change->entity));
}

static void name_box(const conformance_box *box, const ik_change *change, ik_rows *rows) {
  ik_row_key(rows, box_key(box, change));
}

static void put_box(const conformance_box *box, const ik_change *change, ik_rows *rows) {
  ik_text key = box_key(box, change);
  board_put(rows, key, &(conformance_cell){.key = key, .text = box->text, .count = change->sequence});
}

BOARD_VIEW(IK_EVENTS(events_name, BOARD_ROWS(conformance_noted, name_word, count_word)),
           IK_VALUES(values_name, BOARD_ROWS(conformance_box, name_box, put_box)))

static ik_row_answer show_all(ik_view all, conformance_cell *row, const ik_change *change) {
  *row = (conformance_cell){.key = change->entity, .text = replicas_shown(all), .count = (int64_t)ik_map_size(replicas_at(all, "m"))};
  return IK_PUT_ROW;
}

static ik_text member_key(ik_text text, const ik_change *change) {
  return ik_format("m:%.*s:%.*s", IK_ARG(text), IK_ARG(change->entity));
}

static void name_members(ik_view set, const ik_change *change, ik_rows *rows) {
  ik_bytes element;
  for (size_t i = 0; ik_set_next(set, &i, &element);) ik_row_key(rows, member_key(ik_element_text(element), change));
}

static void put_members(ik_view set, const ik_change *change, ik_rows *rows) {
  ik_bytes element;
  for (size_t i = 0; ik_set_next(set, &i, &element);) {
    ik_text text = ik_element_text(element), key = member_key(text, change);
    crowd_put(rows, key, &(conformance_cell){.key = key, .text = text, .count = (int64_t)ik_set_size(set)});
  }
}

CROWD_VIEW(IK_REPLICAS(replicas_name, CROWD_REPLICA(IK_OR_MAP, show_all)),
           IK_REPLICAS(members_name, CROWD_REPLICA_ROWS(IK_OR_SET, name_members, put_members)))
