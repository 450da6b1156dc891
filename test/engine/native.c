// Native: the engine of TypeScript guests built for this machine, under AddressSanitizer, with what a host would ask of it.
//
//   native SCRIPT CALLS ROUNDS    SCRIPT: a bundle. CALLS: the calls of a round, as native.test.ts writes them.
//
// After each round it counts what is alive; from the second half on that must stay the same: a reference that is not given back shows.
#include <stdio.h>

static _Noreturn void test_fault(const char *text);
#include "engine.c"

static _Noreturn void test_fault(const char *text) {
  printf("fault: %s\n", text == NULL ? "without words" : text);
  fflush(stdout);
  // Not a leak of ours: the call never ended.
  _exit(3);
}

static uint8_t *at;

static uint32_t number(void) {
  uint32_t value;
  memcpy(&value, at, 4);
  at += 4;
  return value;
}

static ik_bytes bytes(void) {
  size_t length = number();
  ik_bytes given = {at, length};
  at += length;
  return given;
}

static ik_command command(void) {
  ik_command given = {.method = bytes(), .payload = bytes(), .now_ms = 1.7e12, .seed = {1, 2, 3, 4}};
  if (number() == 1) {
    given.metadata.count = 1;
    given.metadata.items = ik_allocate_zeroed(sizeof(ik_metadata_entry));
    given.metadata.items[0] = (ik_metadata_entry){{(const uint8_t *)"x-name", 6}, false, {(const uint8_t *)"value", 5}};
  }
  return given;
}

static ik_command_list commands(void) {
  size_t count = number();
  ik_command_list list = {ik_allocate_zeroed((count + 1) * sizeof(ik_command)), count};
  for (size_t i = 0; i < count; i++) list.items[i] = command();
  return list;
}

#define ENTITIES 8
// What was last held of an entity of a service, by the number of the call's place in the file.
static struct {
  ik_basis basis;
  uint8_t *kept;
} known[2][ENTITIES];

static void keep(int kind, uint32_t entity, ik_basis basis) {
  free(known[kind][entity].kept);
  known[kind][entity].kept = NULL;
  if (basis.kind == IK_BASIS_BYTES) {
    known[kind][entity].kept = malloc(basis.bytes.length + 1);
    memcpy(known[kind][entity].kept, basis.bytes.data, basis.bytes.length);
    basis.bytes.data = known[kind][entity].kept;
  }
  known[kind][entity].basis = basis;
}

static ik_text entity_name(uint32_t entity) {
  static char name[2] = "a";
  name[0] = (char)('a' + entity);
  return (ik_text){(uint8_t *)name, 1};
}

static void event_sourced(ik_text service, uint32_t entity, bool want_state) {
  ik_command_list list = commands();
  ik_decide_answer answer = {0};
  ik_guest_event_sourced_decide(service, entity_name(entity), &known[0][entity].basis, &list, want_state, &answer);
  if (answer.unknown) {
    keep(0, entity, (ik_basis){0});
    return;
  }
  // The events are folded once more, from the start.
  ik_typed_list all = {ik_allocate_zeroed(1000 * sizeof(ik_typed)), 0};
  for (size_t i = 0; i < answer.decisions.count; i++)
    for (size_t k = 0; k < answer.decisions.items[i].events.count && all.count < 1000; k++)
      all.items[all.count++] = answer.decisions.items[i].events.items[k];
  ik_evolve_answer evolved = {0};
  ik_basis none = {0};
  ik_guest_event_sourced_evolve(service, (ik_text){(const uint8_t *)"other", 5}, &none, &all, true, &evolved);
  const ik_held_state *held = &answer.next.value.held;
  if (answer.next.kind == IK_NEXT_STATE) keep(0, entity, (ik_basis){IK_BASIS_BYTES, answer.next.value.state, 0});
  else if (answer.next.kind == IK_NEXT_HELD && held->state.present) keep(0, entity, (ik_basis){IK_BASIS_BYTES, held->state.value, 0});
  else if (answer.next.kind == IK_NEXT_HELD) keep(0, entity, (ik_basis){IK_BASIS_HELD, {NULL, 0}, held->token});
}

static void value(ik_text service, uint32_t entity) {
  ik_command_list list = commands();
  ik_value_answer answer = {0};
  ik_guest_value_decide(service, entity_name(entity), &known[1][entity].basis, &list, &answer);
  keep(1, entity, answer.unknown || !answer.is_held ? (ik_basis){0} : (ik_basis){IK_BASIS_HELD, {NULL, 0}, answer.token});
}

static void action(ik_text service) {
  ik_command_list list = commands();
  ik_outcome_list answer = {0};
  ik_guest_action_call(service, &list, &answer);
}

static void replicated(ik_text service, uint32_t entity) {
  ik_bytes view = bytes();
  ik_command_list list = commands();
  for (size_t i = 0; i < list.count; i++) {
    ik_bytes_list reads = {0};
    ik_replicated_decision answer = {0};
    ik_guest_replicated_reads(service, &list.items[i], &reads);
    ik_guest_replicated_decide(service, entity_name(entity), view, &list.items[i], &answer);
  }
}

static void stream(ik_text service) {
  ik_text method = bytes();
  size_t count = number();
  ik_input *inputs = ik_allocate_zeroed((count + 2) * sizeof *inputs);
  inputs[0].kind = IK_INPUT_START;
  for (size_t i = 0; i < count; i++) inputs[i + 1] = (ik_input){IK_INPUT_ITEM, {.item = bytes()}};
  inputs[count + 1].kind = IK_INPUT_END;
  ik_input_list list = {inputs, count + 2};
  uint32_t seed[4] = {1, 2, 3, 4};
  ik_action_step answer = {0};
  ik_guest_action_stream(service, method, NULL, &list, 1.7e12, seed, &answer);
}

static void round_of(uint8_t *calls) {
  at = calls;
  for (uint32_t left = number(); left > 0; left--) {
    uint32_t kind = number(), entity = number() % ENTITIES, want_state = number();
    ik_text service = bytes();
    if (kind == 0) event_sourced(service, entity, want_state);
    else if (kind == 1) value(service, entity);
    else if (kind == 2) replicated(service, entity);
    else if (kind == 3) action(service);
    else stream(service);
    ik_release();
  }
  // States that no call names any more stay until others take their place.
  while (held_oldest >= 0) forget_held(held_oldest);
  for (int kind = 0; kind < 2; kind++)
    for (uint32_t entity = 0; entity < ENTITIES; entity++) keep(kind, entity, (ik_basis){0});
}

static uint8_t *read_file(const char *name, size_t *length) {
  FILE *file = fopen(name, "rb");
  if (file == NULL) exit(4);
  fseek(file, 0, SEEK_END);
  *length = (size_t)ftell(file);
  rewind(file);
  uint8_t *text = calloc(*length + 1, 1);
  if (fread(text, 1, *length, file) != *length) exit(4);
  fclose(file);
  return text;
}

int main(int argc, char **argv) {
  size_t length, ignored;
  if (argc != 4) return 4;
  char *script = (char *)read_file(argv[1], &length);
  uint8_t *calls = read_file(argv[2], &ignored);
  int rounds = atoi(argv[3]);
  if (begin(true) < 0) return 4;
  define_natives();
  JSValue code = JS_Eval(ctx, script, length, SCRIPT_NAME, COMPILE_FLAGS);
  if (run_code(code) < 0) {
    printf("not loaded: %s\n", problem);
    return 2;
  }
  for (int i = 0; i < rounds; i++) {
    round_of(calls);
    JS_RunGC(rt);
    JSMemoryUsage usage;
    JS_ComputeMemoryUsage(rt, &usage);
    printf("alive: %lld objects, %lld texts, %lld bytes\n", (long long)usage.obj_count, (long long)usage.str_count,
           (long long)usage.malloc_size);
  }
  return 0;
}
