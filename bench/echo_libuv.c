/* echo_libuv — an echo server on libuv alone: what the library allows.
 *
 *   libuv PORT
 *
 * One shared read buffer and uv_try_write; uv_write, with a copy, only for what
 * the socket did not take at once. Reading pauses until that is out. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { BACKLOG = 4096, BUFFER = 65536 };

typedef struct {
  uv_tcp_t tcp; /* first: the handle is the connection */
  uv_write_t request;
  char *rest; /* echo that did not fit, or NULL */
} connection;

static char buffer[BUFFER];

static void on_closed(uv_handle_t *handle) {
  connection *c = (connection *)handle;
  free(c->rest);
  free(c);
}

static void finish(uv_stream_t *stream) {
  if (!uv_is_closing((uv_handle_t *)stream))
    uv_close((uv_handle_t *)stream, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
  (void)handle;
  (void)size;
  *buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void on_written(uv_write_t *request, int status) {
  connection *c = (connection *)request->handle;
  free(c->rest);
  c->rest = NULL;
  if (status < 0)
    finish(request->handle);
  else
    uv_read_start(request->handle, on_alloc, on_read);
}

static void write_rest(uv_stream_t *stream, const char *bytes, size_t n) {
  connection *c = (connection *)stream;
  c->rest = malloc(n);
  memcpy(c->rest, bytes, n);
  uv_buf_t rest = uv_buf_init(c->rest, (unsigned)n);
  uv_read_stop(stream);
  if (uv_write(&c->request, stream, &rest, 1, on_written) < 0) finish(stream);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  if (n < 0) finish(stream);
  if (n <= 0) return;
  uv_buf_t echo = uv_buf_init(buf->base, (unsigned)n);
  int written = uv_try_write(stream, &echo, 1);
  if (written == n) return;
  if (written < 0 && written != UV_EAGAIN) {
    finish(stream);
    return;
  }
  size_t done = written < 0 ? 0 : (size_t)written;
  write_rest(stream, buf->base + done, (size_t)n - done);
}

static void on_connection(uv_stream_t *server, int status) {
  if (status < 0) return;
  connection *c = calloc(1, sizeof *c);
  uv_stream_t *stream = (uv_stream_t *)&c->tcp;
  uv_tcp_init(server->loop, &c->tcp);
  if (uv_accept(server, stream) < 0) {
    finish(stream);
    return;
  }
  uv_tcp_nodelay(&c->tcp, 1);
  uv_read_start(stream, on_alloc, on_read);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  uv_tcp_t server;
  struct sockaddr_in address;
  signal(SIGPIPE, SIG_IGN);
  uv_ip4_addr("127.0.0.1", atoi(argv[argc - 1]), &address);
  uv_tcp_init(loop, &server);
  int status = uv_tcp_bind(&server, (struct sockaddr *)&address, 0);
  if (status == 0)
    status = uv_listen((uv_stream_t *)&server, BACKLOG, on_connection);
  if (status < 0) {
    fprintf(stderr, "listen: %s\n", uv_strerror(status));
    return 1;
  }
  return uv_run(loop, UV_RUN_DEFAULT);
}
