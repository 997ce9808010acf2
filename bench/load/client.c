/* client — the connections of a load, and the turn of its poll loop. */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
  CHUNK = 256 * 1024, /* the largest single send or receive */
  PERIOD = 65521,     /* a prime: messages start at different bytes */
  EVENTS = 1024,
  TURN_MS = 20,
  SOURCES = 16,     /* 127.0.0.2 to 127.0.0.17 */
  MAX_ERRORS = 100, /* then there is no point in going on */
  MAX_REPORTS = 5,  /* errors that are described */
};
static const uint64_t STUCK_NS = 10000000000; /* without any progress */

uint64_t clock_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* {=== the bytes === */

static unsigned char pattern_byte(const load *self, size_t i, uint32_t random) {
  if (!self->lines) return (unsigned char)(random >> 8);
  if (i % self->size == self->size - 1) return '\n';
  return (unsigned char)('a' + random % 26);
}

/* One period and a chunk more, so that any send or check is in one piece. */
static void pattern_make(load *self) {
  size_t per_period = PERIOD / self->size ? PERIOD / self->size : 1;
  self->period = self->lines ? per_period * self->size : PERIOD;
  self->pattern = malloc(self->period + CHUNK);
  uint32_t random = 88172645;
  for (size_t i = 0; i < self->period; i++) {
    random = random * 1664525u + 1013904223u;
    self->pattern[i] = pattern_byte(self, i, random >> 4);
  }
  for (size_t i = 0; i < CHUNK; i++)
    self->pattern[self->period + i] = self->pattern[i];
}

static size_t pattern_phase(const load *self) {
  size_t unit = self->lines ? self->size : 1;
  return self->opened * 7919 * unit % self->period;
}

const unsigned char *load_bytes(load *self, size_t phase, uint64_t position) {
  return self->pattern + (phase + position) % self->period;
}

/* === the bytes ===} */

void load_open(load *self, int nclients) {
  self->poller = epoll_create1(EPOLL_CLOEXEC);
  self->nclients = nclients;
  self->clients = calloc((size_t)nclients, sizeof *self->clients);
  self->buffer = malloc(CHUNK);
  for (int i = 0; i < nclients; i++) self->clients[i].fd = -1;
  pattern_make(self);
  self->progress_ns = clock_ns();
}

/* {=== one client === */

static void client_fail(load *self, client *c, const char *what) {
  if (self->errors++ < MAX_REPORTS)
    fprintf(stderr, "load: client %d: %s (sent %llu, got %llu of %llu)\n",
            (int)(c - self->clients), what, (unsigned long long)c->sent,
            (unsigned long long)c->got, (unsigned long long)c->goal);
  client_close(self, c);
}

/* Sources rotate, so that ports of closed connections do not run out. */
static int bind_source(load *self, int fd) {
  if (self->address.ss_family != AF_INET) return 0;
  struct sockaddr_in source = {.sin_family = AF_INET};
  source.sin_addr.s_addr =
      htonl(INADDR_LOOPBACK + 1 + (uint32_t)(self->opened % SOURCES));
  int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  return bind(fd, (struct sockaddr *)&source, sizeof source);
}

int load_dial(load *self, bool blocking) {
  int type = SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK);
  int fd = socket(self->address.ss_family, type, 0);
  if (fd < 0) return -1;
  int on = 1;
  struct timeval limit = {.tv_sec = 5};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (bind_source(self, fd) ||
      (connect(fd, (struct sockaddr *)&self->address, self->address_size) &&
       errno != EINPROGRESS)) {
    int code = errno;
    close(fd);
    errno = code;
    return -1;
  }
  self->opened++;
  return fd;
}

static void watch(load *self, client *c, int operation, bool writing) {
  struct epoll_event event = {.data.ptr = c};
  event.events = EPOLLIN | (writing ? (uint32_t)EPOLLOUT : 0);
  epoll_ctl(self->poller, operation, c->fd, &event);
  c->writing = writing;
}

bool client_open(load *self, client *c) {
  c->phase = pattern_phase(self);
  c->sent = c->got = c->goal = c->started = c->done = 0;
  c->shut = false;
  c->fd = load_dial(self, false);
  if (c->fd < 0) {
    client_fail(self, c, strerror(errno));
    return false;
  }
  c->connecting = true;
  self->connecting++;
  watch(self, c, EPOLL_CTL_ADD, true);
  return true;
}

void client_close(load *self, client *c) {
  if (c->fd < 0) return;
  close(c->fd);
  c->fd = -1;
  self->connecting -= c->connecting;
  self->waiting -= c->got < c->goal;
  c->connecting = false;
}

static void client_send(load *self, client *c) {
  size_t limit = self->piece && self->piece < CHUNK ? self->piece : CHUNK;
  while (c->sent < c->goal) {
    size_t n = c->goal - c->sent < limit ? c->goal - c->sent : limit;
    const unsigned char *bytes = load_bytes(self, c->phase, c->sent);
    ssize_t written = send(c->fd, bytes, n, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN) {
      client_fail(self, c, strerror(errno));
      return;
    }
    if (written < 0) break;
    c->sent += (size_t)written;
    if (self->piece) break;
  }
  bool more = c->sent < c->goal;
  if (more != c->writing) watch(self, c, EPOLL_CTL_MOD, more);
  if (!more && self->half_close && c->goal > 0 && !c->shut) {
    shutdown(c->fd, SHUT_WR);
    c->shut = true;
  }
}

void client_ask(load *self, client *c, uint64_t goal) {
  if (c->fd < 0) return;
  self->waiting += c->got == c->goal && goal > c->goal;
  c->goal = goal;
  if (!c->connecting) client_send(self, c);
}

static void client_connected(load *self, client *c) {
  int code = 0;
  socklen_t size = sizeof code;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &size);
  if (code) {
    client_fail(self, c, strerror(code));
    return;
  }
  c->connecting = false;
  self->connecting--;
  self->progress_ns = clock_ns();
  if (self->connected) self->connected(self, c);
  if (c->fd >= 0) client_send(self, c);
}

/* Take in `n` bytes of the buffer; false when they are not the ones sent. */
static bool client_check(load *self, client *c, size_t n) {
  if (c->got + n > c->sent) {
    client_fail(self, c, "more came back than was sent");
    return false;
  }
  if (memcmp(self->buffer, load_bytes(self, c->phase, c->got), n) != 0) {
    client_fail(self, c, "wrong bytes came back");
    return false;
  }
  c->got += n;
  self->waiting -= c->got == c->goal;
  return true;
}

static void client_ended(load *self, client *c) {
  if (c->shut && c->got == c->goal)
    client_close(self, c);
  else
    client_fail(self, c, "closed by the server");
}

static void client_receive(load *self, client *c) {
  ssize_t n;
  do {
    n = recv(c->fd, self->buffer, CHUNK, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) {
      client_fail(self, c, strerror(errno));
      return;
    }
    if (n == 0) {
      client_ended(self, c);
      return;
    }
    if (!client_check(self, c, (size_t)n)) return;
    if (self->arrived) self->arrived(self, c);
  } while (n == CHUNK && c->fd >= 0);
}

/* === one client ===} */

/* {=== all clients === */

static void serve(load *self, client *c, uint32_t events) {
  if (c->fd < 0) return;
  if (c->connecting) {
    client_connected(self, c);
    return;
  }
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) client_receive(self, c);
  if (c->fd >= 0 && c->writing && !c->connecting) client_send(self, c);
}

void load_turn(load *self) {
  struct epoll_event events[EVENTS];
  int n = epoll_wait(self->poller, events, EVENTS, TURN_MS);
  if (n > 0) self->progress_ns = clock_ns();
  for (int i = 0; i < n; i++) serve(self, events[i].data.ptr, events[i].events);
}

static bool hopeless(const load *self) {
  return self->errors > MAX_ERRORS || clock_ns() > self->progress_ns + STUCK_NS;
}

bool load_until(load *self, uint64_t until_ns) {
  while (clock_ns() < until_ns) {
    if (self->errors > MAX_ERRORS) return false;
    load_turn(self);
  }
  return true;
}

bool load_finish(load *self) {
  self->progress_ns = clock_ns();
  while (self->waiting || self->connecting) {
    if (hopeless(self)) break;
    load_turn(self);
  }
  if (!self->waiting && !self->connecting) return true;
  for (int i = 0; i < self->nclients; i++) {
    client *c = &self->clients[i];
    if (c->fd >= 0 && (c->connecting || c->got < c->goal))
      client_fail(self, c, c->connecting ? "no connection" : "no answer");
  }
  return false;
}

bool load_connect(load *self, int window) {
  for (int i = 0; i < self->nclients; i++) {
    self->progress_ns = clock_ns();
    while (self->connecting >= window && !hopeless(self)) load_turn(self);
    if (hopeless(self)) break;
    client_open(self, &self->clients[i]);
  }
  return load_finish(self) && self->errors == 0;
}

/* === all clients ===} */
