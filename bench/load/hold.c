/* hold — connections that stay: in rounds, idle, or one with small writes. */
#include "meter.h"
#include "modes.h"

#include <stdio.h>
#include <unistd.h>

enum { IDLE_WINDOW = 64, LINE = 100 };

static double seconds_since(uint64_t begin_ns) {
  return (double)(clock_ns() - begin_ns) / 1e9;
}

/* CONNS SIZE ROUNDS [PID] */
void mode_hold(load *self, const double *numbers) {
  uint64_t rounds = (uint64_t)numbers[2], begin_ns = clock_ns(), round = 0;
  self->size = (size_t)numbers[1];
  load_open(self, (int)numbers[0]);
  bool good = load_connect(self, self->nclients);
  double connect_s = seconds_since(begin_ns);
  for (; good && round < rounds; round++) {
    for (int i = 0; i < self->nclients; i++)
      client_ask(self, &self->clients[i], (round + 1) * self->size);
    good = load_finish(self) && self->errors == 0;
  }
  printf("conns=%d rounds=%llu msgs=%llu connect_s=%.3f seconds=%.3f",
         self->nclients, (unsigned long long)round,
         (unsigned long long)round * (unsigned long long)self->nclients,
         connect_s, seconds_since(begin_ns));
  if (numbers[3] > 0) printf(" srv_rss_kib=%ld", rss_kib((int)numbers[3]));
  print_errors(self);
}

static void ask_one(load *self, client *c) { client_ask(self, c, 1); }

/* CONNS [PID]: the server's memory before, and with all of them open */
void mode_idle(load *self, const double *numbers) {
  int pid = (int)numbers[1];
  uint64_t begin_ns = clock_ns();
  self->size = 1;
  load_open(self, (int)numbers[0]);
  self->connected = ask_one;
  long before_kib = rss_kib(pid);
  load_connect(self, IDLE_WINDOW);
  double setup_s = seconds_since(begin_ns);
  load_until(self, clock_ns() + 300000000);
  long after_kib = rss_kib(pid);
  printf("conns=%d setup_s=%.3f", self->nclients, setup_s);
  if (pid)
    printf(" rss_before_kib=%ld rss_after_kib=%ld bytes_per_conn=%.0f",
           before_kib, after_kib,
           (double)(after_kib - before_kib) * 1024 / self->nclients);
  print_errors(self);
}

/* TOTAL PIECE [PID]: our side is shut after the last byte, so the server has
 * to send the rest of the echo to a half-closed connection, then close. Lines
 * have a length of their own, and the last one is always whole. */
void mode_pieces(load *self, const double *numbers) {
  uint64_t begin_ns = clock_ns();
  uint64_t total = (uint64_t)numbers[0];
  self->piece = (size_t)numbers[1];
  self->half_close = true;
  self->size = LINE;
  if (self->lines) total += LINE - 1 - (total - 1) % LINE;
  load_open(self, 1);
  client *c = self->clients;
  if (load_connect(self, 1)) {
    client_ask(self, c, total);
    load_finish(self);
  }
  uint64_t limit_ns = clock_ns() + 5000000000;
  while (c->fd >= 0 && clock_ns() < limit_ns) load_turn(self);
  if (c->fd >= 0 && self->errors++ == 0)
    fprintf(stderr, "load: the server did not close\n");
  double seconds = seconds_since(begin_ns);
  printf("bytes=%llu piece=%zu seconds=%.3f mb_s=%.2f",
         (unsigned long long)c->got, self->piece, seconds,
         (double)c->got / seconds / 1e6);
  if (numbers[2] > 0) printf(" srv_rss_kib=%ld", rss_kib((int)numbers[2]));
  print_errors(self);
}
