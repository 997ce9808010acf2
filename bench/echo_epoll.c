/* echo_epoll — an echo server on epoll alone: what this kernel allows.
 *
 *   epoll PORT
 *
 * One shared read buffer. What the socket does not take at once is kept with
 * the connection, which is not read from until that is out. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, EVENTS = 1024, BUFFER = 65536 };

typedef struct {
  int fd;
  char *rest; /* echo that did not fit, or NULL */
  size_t rest_size, rest_sent;
} connection;

static int poller;
static char buffer[BUFFER];

static void watch(connection *c, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  epoll_ctl(poller, operation, c->fd, &event);
}

static void finish(connection *c) {
  close(c->fd);
  free(c->rest);
  free(c);
}

static void keep_rest(connection *c, const char *bytes, size_t n) {
  c->rest = malloc(n);
  memcpy(c->rest, bytes, n);
  c->rest_size = n;
  c->rest_sent = 0;
  watch(c, EPOLL_CTL_MOD, EPOLLOUT);
}

static void on_readable(connection *c) {
  ssize_t n = read(c->fd, buffer, sizeof buffer);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    finish(c);
    return;
  }
  ssize_t written = write(c->fd, buffer, (size_t)n);
  if (written == n) return;
  if (written < 0 && errno != EAGAIN) {
    finish(c);
    return;
  }
  size_t done = written < 0 ? 0 : (size_t)written;
  keep_rest(c, buffer + done, (size_t)n - done);
}

static void on_writable(connection *c) {
  size_t n = c->rest_size - c->rest_sent;
  ssize_t written = write(c->fd, c->rest + c->rest_sent, n);
  if (written < 0 && errno == EAGAIN) return;
  if (written < 0) {
    finish(c);
    return;
  }
  c->rest_sent += (size_t)written;
  if (c->rest_sent < c->rest_size) return;
  free(c->rest);
  c->rest = NULL;
  watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void accept_all(int listener) {
  int fd, on = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
  }
}

static int listen_on(int port) {
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) ||
      listen(fd, BACKLOG)) {
    perror("listen");
    exit(1);
  }
  return fd;
}

int main(int argc, char **argv) {
  connection listener = {.fd = listen_on(atoi(argv[argc - 1]))};
  struct epoll_event events[EVENTS];
  signal(SIGPIPE, SIG_IGN);
  poller = epoll_create1(0);
  watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
  for (;;) {
    int n = epoll_wait(poller, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      connection *c = events[i].data.ptr;
      if (c == &listener)
        accept_all(c->fd);
      else if (c->rest)
        on_writable(c);
      else
        on_readable(c);
    }
  }
}
