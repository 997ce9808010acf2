/* echo — messages over open connections, and over a new connection each. */
#include "meter.h"
#include "modes.h"

#include <stdio.h>
#include <stdlib.h>

static const double WARMUP_S = 0.3;
enum { CONNECT_WINDOW = 256 };

/* Static, not on the stack: the histogram is large. */
static meter meters;
static bool stopping;
static uint64_t depth;    /* messages in flight on each connection */
static uint64_t left = 0; /* connections still to be opened */

static uint64_t after(double seconds) {
  return clock_ns() + (uint64_t)(seconds * 1e9);
}

/* {=== echo: DEPTH messages in flight on every connection === */

static void top_up(load *self, client *c, uint64_t now_ns) {
  if (stopping) return;
  for (; c->started < c->done + depth; c->started++)
    c->asked_ns[c->started % depth] = now_ns;
  client_ask(self, c, c->started * self->size);
}

static void echo_arrived(load *self, client *c) {
  uint64_t now_ns = clock_ns();
  for (; c->got >= (c->done + 1) * self->size; c->done++)
    meter_record(&meters, now_ns - c->asked_ns[c->done % depth]);
  top_up(self, c, now_ns);
}

/* CONNS SIZE SECONDS DEPTH [PID] */
void mode_echo(load *self, const double *numbers) {
  double seconds = numbers[2];
  self->size = (size_t)numbers[1];
  depth = (uint64_t)numbers[3];
  load_open(self, (int)numbers[0]);
  size_t rings = (size_t)self->nclients * depth;
  uint64_t *ring = calloc(rings, sizeof *ring);
  self->arrived = echo_arrived;
  if (load_connect(self, CONNECT_WINDOW)) {
    for (int i = 0; i < self->nclients; i++) {
      self->clients[i].asked_ns = ring + (size_t)i * depth;
      top_up(self, &self->clients[i], clock_ns());
    }
    load_until(self, after(WARMUP_S));
  }
  meter_start(&meters, (int)numbers[4]);
  if (!self->errors) load_until(self, after(seconds));
  meter_stop(&meters);
  stopping = true;
  load_finish(self);
  meter_print(&meters, "msgs");
  printf(" mb_s=%.2f", (double)(meters.messages * self->size) / seconds / 1e6);
  print_errors(self);
  free(ring);
}

/* === echo ===} */

/* {=== churn, count: connect, one message, close === */

static void visit(load *self, client *c) {
  if (stopping || left == 0) return;
  left--;
  uint64_t now_ns = clock_ns();
  if (!client_open(self, c)) return;
  c->asked_ns[0] = now_ns;
  client_ask(self, c, self->size);
}

static void visit_arrived(load *self, client *c) {
  if (c->got < self->size) return;
  meter_record(&meters, clock_ns() - c->asked_ns[0]);
  client_close(self, c);
  visit(self, c);
}

static void visits_begin(load *self, int nclients, double size) {
  self->size = (size_t)size;
  load_open(self, nclients);
  self->arrived = visit_arrived;
  for (int i = 0; i < nclients; i++) {
    self->clients[i].asked_ns = malloc(sizeof(uint64_t));
    visit(self, &self->clients[i]);
  }
}

/* CONNS SIZE SECONDS [PID] */
void mode_churn(load *self, const double *numbers) {
  left = UINT64_MAX;
  visits_begin(self, (int)numbers[0], numbers[1]);
  load_until(self, after(WARMUP_S));
  meter_start(&meters, (int)numbers[3]);
  load_until(self, after(numbers[2]));
  meter_stop(&meters);
  stopping = true;
  load_finish(self);
  meter_print(&meters, "conns");
  print_errors(self);
}

/* N CONC SIZE [PID] */
void mode_count(load *self, const double *numbers) {
  left = (uint64_t)numbers[0];
  meter_start(&meters, (int)numbers[3]);
  visits_begin(self, (int)numbers[1], numbers[2]);
  load_finish(self);
  meter_stop(&meters);
  if (meters.messages != (uint64_t)numbers[0] && self->errors == 0)
    self->errors++;
  meter_print(&meters, "conns");
  print_errors(self);
}

/* === churn, count ===} */
