/* shim.c - system calls that fail when told to; to be preloaded.
 *
 * FAULTS="recv:EINTR:1+2 accept4:EMFILE:2..4 send:short:1+1": which call, how
 * it fails, and which of its calls, counted from 1: `7`, `2..4`, or `1+2`, the
 * first and every second after it. `short` moves one byte only. Only TCP
 * sockets count for the calls that have a descriptor, so output, pipes and
 * libuv's own descriptors are left alone.
 *
 * What is injected is what a kernel could do. After EAGAIN, or a read that was
 * short of what was asked for, the rest arrives: the registration is renewed,
 * which gives an edge-triggered epoll its edge. A connect that is interrupted
 * goes on all the same. */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FAULTS = 16, MAX_DESCRIPTORS = 1024, SHORT = -1 };

typedef struct fault {
  char call[16];
  int error; /* or SHORT */
  long first, last, step;
  long calls, injected;
} fault;

static fault faults[MAX_FAULTS];
static int count = -1;

/* How each descriptor was registered last. */
static struct {
  int epoll;
  struct epoll_event event;
} registered[MAX_DESCRIPTORS];

/* {=== which calls fail === */

static const struct {
  const char *name;
  int error;
} errors[] = {{"short", SHORT},
              {"EINTR", EINTR},
              {"EAGAIN", EAGAIN},
              {"EMFILE", EMFILE},
              {"ENFILE", ENFILE},
              {"ENOMEM", ENOMEM},
              {"ENOBUFS", ENOBUFS},
              {"ECONNABORTED", ECONNABORTED},
              {"ECONNRESET", ECONNRESET},
              {"EPIPE", EPIPE},
              {"ECONNREFUSED", ECONNREFUSED},
              {"ENOSPC", ENOSPC}};

static void refuse(const char *text) {
  fprintf(stderr, "shim: cannot read the fault '%s'\n", text);
  _exit(2);
}

static int parse_error(const char *name) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (strcmp(errors[i].name, name) == 0) return errors[i].error;
  refuse(name);
  return 0;
}

static fault parse(const char *text) {
  fault f = {.step = 1};
  char name[16], range[32];
  if (sscanf(text, "%15[^:]:%15[^:]:%31s", f.call, name, range) != 3)
    refuse(text);
  f.error = parse_error(name);
  if (sscanf(range, "%ld..%ld", &f.first, &f.last) == 2) return f;
  f.last = __LONG_MAX__;
  if (sscanf(range, "%ld+%ld", &f.first, &f.step) == 2 && f.step > 0) return f;
  if (sscanf(range, "%ld", &f.first) != 1) refuse(text);
  f.last = f.first;
  return f;
}

/* Says what was injected, so that a fault that never came is found out. */
static void report(void) {
  for (int i = 0; i < count; i++)
    dprintf(2, "shim: %s: %ld calls, %ld injected\n", faults[i].call,
            faults[i].calls, faults[i].injected);
}

static void begin(void) {
  const char *text = getenv("FAULTS");
  char *rest = NULL, *copy = strdup(text != NULL ? text : "");
  count = 0;
  for (char *each = strtok_r(copy, " ", &rest); each != NULL;
       each = strtok_r(NULL, " ", &rest))
    if (count < MAX_FAULTS) faults[count++] = parse(each);
  free(copy);
  atexit(report);
}

/* The error that this call is to fail with; 0: none. */
static int injected(const char *call) {
  if (count < 0) begin();
  for (int i = 0; i < count; i++) {
    fault *f = &faults[i];
    if (strcmp(f->call, call) != 0) continue;
    long n = ++f->calls;
    if (n < f->first || n > f->last || (n - f->first) % f->step != 0) continue;
    f->injected++;
    return f->error;
  }
  return 0;
}

static int is_tcp(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  int saved = errno;
  int is = getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
           (address.ss_family == AF_INET || address.ss_family == AF_INET6);
  errno = saved;
  return is;
}

/* }=== */

/* {=== the calls === */

#define REAL(name) ((__typeof__(&name))find_real(#name))

static void *find_real(const char *name) {
  void *real = dlsym(RTLD_NEXT, name);
  if (real == NULL) refuse(name);
  return real;
}

static int fail(int error) {
  errno = error;
  return -1;
}

static void give_edge(int fd) {
  int saved = errno;
  if (fd < MAX_DESCRIPTORS && registered[fd].epoll != 0)
    REAL(epoll_ctl)
    (registered[fd].epoll - 1, EPOLL_CTL_MOD, fd, &registered[fd].event);
  errno = saved;
}

static int fail_on(int fd, int error) {
  if (error == EAGAIN) give_edge(fd);
  return fail(error);
}

ssize_t recv(int fd, void *data, size_t size, int flags) {
  int error = is_tcp(fd) ? injected("recv") : 0;
  if (error > 0) return fail_on(fd, error);
  if (error != SHORT || size <= 1) return REAL(recv)(fd, data, size, flags);
  ssize_t n = REAL(recv)(fd, data, 1, flags);
  if (n > 0) give_edge(fd);
  return n;
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
  int error = is_tcp(fd) ? injected("send") : 0;
  if (error > 0) return fail_on(fd, error);
  if (error == SHORT && size > 1) size = 1;
  return REAL(send)(fd, data, size, flags);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags) {
  int error = is_tcp(fd) ? injected("accept4") : 0;
  if (error > 0) return fail_on(fd, error);
  return REAL(accept4)(fd, address, size, flags);
}

int socket(int family, int type, int protocol) {
  int error = family == AF_INET || family == AF_INET6 ? injected("socket") : 0;
  if (error > 0) return fail(error);
  return REAL(socket)(family, type, protocol);
}

int connect(int fd, const struct sockaddr *address, socklen_t size) {
  int error = is_tcp(fd) ? injected("connect") : 0;
  if (error > 0 && error != EINTR) return fail(error);
  int status = REAL(connect)(fd, address, size);
  return error == EINTR ? fail(EINTR) : status;
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms) {
  int error = injected("epoll_wait");
  if (error > 0) return fail(error);
  return REAL(epoll_wait)(epoll, events, max, timeout_ms);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  int error = is_tcp(fd) ? injected("epoll_ctl") : 0;
  if (error > 0) return fail(error);
  int status = REAL(epoll_ctl)(epoll, operation, fd, event);
  if (status == 0 && fd < MAX_DESCRIPTORS && operation != EPOLL_CTL_DEL) {
    registered[fd].epoll = epoll + 1;
    registered[fd].event = *event;
  }
  return status;
}

/* }=== */
