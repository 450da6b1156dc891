// Held: decoded states that live between calls, named by tokens. A cache: forgetting any changes no answer (law L6).
//
// H1. At most `HELD_MAX` states and `HELD_WEIGHT_MAX` bytes by estimate; the least recently used go first.
// H2. A token names one state of one entity, and is used up by the call that changes it: it is the place in the table and how many
//     times that was taken, which comes round after 131,072 times.

enum { HELD_MAX = 10000, PLACE_BITS = 14, HELD_WEIGHT_MAX = 24 * 1024 * 1024 };

typedef struct {
  uint32_t token, weight;
  int16_t before, after;
  // Null: free.
  const Service *service;
  uint8_t *entity;
  size_t entity_length;
  JSValue state;
  // Of a value: the bytes it takes at most.
  uint32_t size;
} Held;

static Held *held;
static int held_count, held_room, held_free = -1, held_oldest = -1, held_newest = -1;
static uint32_t held_weight;

static void unlink_held(int at) {
  Held *h = &held[at];
  if (h->before >= 0) held[h->before].after = h->after;
  else held_oldest = h->after;
  if (h->after >= 0) held[h->after].before = h->before;
  else held_newest = h->before;
}

static void link_newest(int at) {
  Held *h = &held[at];
  h->before = (int16_t)held_newest;
  h->after = -1;
  if (held_newest >= 0) held[held_newest].after = (int16_t)at;
  else held_oldest = at;
  held_newest = at;
}

static void touch_held(int at) {
  if (held_newest == at) return;
  unlink_held(at);
  link_newest(at);
}

// The place, or -1 if it is not held (any more), or not of this entity.
static int find_held(uint32_t token, const Service *s, ik_text entity) {
  int at = (int)(token & ((1u << PLACE_BITS) - 1));
  if (at >= held_room || held[at].token != token || held[at].service != s) return -1;
  return equals(entity, (char *)held[at].entity, held[at].entity_length) ? at : -1;
}

static void forget_held(int at) {
  Held *h = &held[at];
  JSValue state = h->state;
  unlink_held(at);
  held_weight -= h->weight;
  held_count--;
  free(h->entity);
  h->state = JS_UNDEFINED;
  h->service = NULL;
  h->entity = NULL;
  h->after = (int16_t)held_free;
  held_free = at;
  JS_FreeValue(ctx, state);
}

static uint32_t renewed_token(uint32_t token) {
  uint32_t place = token & ((1u << PLACE_BITS) - 1), times = (token >> PLACE_BITS) + 1;
  return (times & ((1u << (31 - PLACE_BITS)) - 1)) << PLACE_BITS | place;
}

static int new_place(const Service *s, ik_text entity) {
  int at = held_free;
  if (at >= 0) held_free = held[at].after;
  else {
    // Not until it is moved: `held[...] = f()` may take the place before f moves the table.
    if (held_room % 256 == 0) {
      Held *moved = realloc(held, (size_t)(held_room + 256) * sizeof *held);
      if (moved == NULL) ik_no_memory();
      held = moved;
    }
    at = held_room++;
    held[at].token = (uint32_t)at;
  }
  Held *h = &held[at];
  h->service = s;
  h->entity_length = entity.length;
  h->entity = zeroed(entity.length, 1);
  if (entity.length != 0) memcpy(h->entity, entity.data, entity.length);
  h->state = JS_UNDEFINED;
  h->weight = 0;
  held_count++;
  link_newest(at);
  return at;
}

// Takes the state over; `before` is the place of the one that it follows, or -1. The place, or -1 if it is too large to hold.
static int hold(const Service *s, ik_text entity, JSValue state, uint64_t size, int before) {
  uint64_t weight = size * 2 + 128;
  if (weight > HELD_WEIGHT_MAX) {
    if (before >= 0) forget_held(before);
    JS_FreeValue(ctx, state);
    return -1;
  }
  int at = before >= 0 ? before : new_place(s, entity);
  Held *h = &held[at];
  JSValue old = h->state;
  held_weight += (uint32_t)weight - h->weight;
  h->weight = (uint32_t)weight;
  h->size = (uint32_t)size;
  h->state = state;
  h->token = renewed_token(h->token);
  JS_FreeValue(ctx, old);
  touch_held(at);
  while ((held_count > HELD_MAX || held_weight > HELD_WEIGHT_MAX) && held_oldest != at) forget_held(held_oldest);
  return at;
}
