/* rude — clients that leave in the middle, or never read; and the one that only
 * knocks. They need no poll loop: sockets with a time limit do. */
#include "meter.h"
#include "modes.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 32, HOLD_STEP_MS = 20 };

void print_errors(const load *self) {
  printf(" errors=%llu\n", (unsigned long long)self->errors);
}

static int dial_or_report(load *self) {
  int fd = load_dial(self, true);
  if (fd < 0 && self->errors++ < 5)
    fprintf(stderr, "load: connect: %s\n", strerror(errno));
  return fd;
}

/* {=== abort === */

static void leave(int fd, bool reset) {
  if (fd < 0) return;
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  if (reset) setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd);
}

/* N SIZE: half a message from each, and 32 of them open at any time. Every
 * other one is reset, the rest are closed. */
void mode_abort(load *self, const double *numbers) {
  int n = (int)numbers[0], fds[WINDOW];
  self->size = (size_t)numbers[1];
  load_open(self, 1);
  memset(fds, -1, sizeof fds);
  uint64_t begin_ns = clock_ns(), resets = 0, sent = 0;
  for (int i = 0; i < n + WINDOW && self->errors < 100; i++) {
    int *slot = &fds[i % WINDOW];
    bool reset = i % 2 == 0;
    resets += *slot >= 0 && reset;
    leave(*slot, reset);
    *slot = i < n ? dial_or_report(self) : -1;
    if (*slot < 0) continue;
    const unsigned char *bytes = load_bytes(self, 0, 0);
    size_t half = self->size / 2 < 65536 ? self->size / 2 : 65536;
    ssize_t written = send(*slot, bytes, half, MSG_NOSIGNAL | MSG_DONTWAIT);
    sent += written > 0 ? (uint64_t)written : 0;
  }
  printf("conns=%llu resets=%llu bytes=%llu seconds=%.3f",
         (unsigned long long)self->opened, (unsigned long long)resets,
         (unsigned long long)sent, (double)(clock_ns() - begin_ns) / 1e9);
  print_errors(self);
}

/* === abort ===} */

/* {=== stall === */

/* Send until `total`, `until_ns`, or the server leaves; what was sent. */
static uint64_t send_all(load *self, int fd, uint64_t total, uint64_t until_ns,
                         bool *gone) {
  uint64_t sent = 0;
  while (sent < total && clock_ns() < until_ns && !*gone) {
    size_t n = total - sent < 65536 ? total - sent : 65536;
    const unsigned char *bytes = load_bytes(self, 0, sent);
    ssize_t written = send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written > 0)
      sent += (uint64_t)written;
    else if (errno == EAGAIN)
      poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, HOLD_STEP_MS);
    else
      *gone = true;
  }
  return sent;
}

/* TOTAL SECONDS [PID]: sends as far as the server takes it, reads nothing. A
 * server that closes such a client is reported (gone=1), it is no error. */
void mode_stall(load *self, const double *numbers) {
  int pid = (int)numbers[2];
  uint64_t until_ns = clock_ns() + (uint64_t)(numbers[1] * 1e9), sent = 0;
  bool gone = false;
  load_open(self, 1);
  long before_kib = rss_kib(pid);
  int fd = dial_or_report(self);
  if (fd >= 0) sent = send_all(self, fd, (uint64_t)numbers[0], until_ns, &gone);
  struct pollfd event = {.fd = fd, .events = POLLRDHUP};
  while (fd >= 0 && !gone && clock_ns() < until_ns)
    gone = poll(&event, 1, HOLD_STEP_MS) > 0;
  printf("sent=%llu gone=%d", (unsigned long long)sent, gone);
  if (pid)
    printf(" rss_before_kib=%ld rss_after_kib=%ld", before_kib, rss_kib(pid));
  print_errors(self);
  leave(fd, false);
}

/* === stall ===} */

/* SECONDS: until the server accepts a connection */
void mode_wait(load *self, const double *numbers) {
  uint64_t begin_ns = clock_ns();
  uint64_t until_ns = begin_ns + (uint64_t)(numbers[0] * 1e9);
  int fd;
  while ((fd = load_dial(self, true)) < 0 && clock_ns() < until_ns)
    usleep(10000);
  self->errors += fd < 0;
  printf("seconds=%.3f", (double)(clock_ns() - begin_ns) / 1e9);
  print_errors(self);
  leave(fd, false);
}
