/* poll_uv.c - readiness from uv_poll, where there is no epoll.
 *
 * The interest stays on between two waits, and is turned off when an event
 * arrives that nobody waits for. libuv 1.44 reports a reset or a refused
 * connection as an error and stops the handle: then everything counts as ready,
 * since the system call will tell. */
#include "io.h"

/* Owned by its poll and by the loop; the loop lets go last. */
typedef struct uv_watch {
  uv_poll_t poll;
  cs_poll *owner; /* NULL: forgotten */
  cs_runtime *rt;
} uv_watch;

int cs_backend_open(cs_runtime *rt, cs_polls *polls) {
  (void)rt;
  (void)polls;
  return 0;
}

void cs_backend_close(cs_runtime *rt, cs_polls *polls) {
  (void)rt;
  (void)polls;
}

static void on_closed(uv_handle_t *handle) {
  uv_watch *watch = (uv_watch *)handle;
  cs_free(watch->rt, watch, sizeof *watch);
}

static void on_poll(uv_poll_t *handle, int status, int events);

static int update(uv_watch *watch) {
  int events = 0;
  if ((watch->owner->watched >> CS_READ & 1) != 0)
    events |= UV_READABLE | UV_DISCONNECT;
  if ((watch->owner->watched >> CS_WRITE & 1) != 0) events |= UV_WRITABLE;
  if (events == 0) return uv_poll_stop(&watch->poll);
  return uv_poll_start(&watch->poll, events, on_poll);
}

/* An acceptor that backs off does not want to know. */
static bool is_wanted(const cs_task *task) {
  return task != NULL &&
         (task->state != CS_TASK_PARKED || task->wait.ops->outside);
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  uv_watch *watch = (uv_watch *)handle;
  cs_poll *poll = watch->owner;
  bool hangup = status < 0 || (events & UV_DISCONNECT) != 0;
  int ready = status < 0 ? 1 << CS_READ | 1 << CS_WRITE : 0;
  if (hangup || (events & UV_READABLE) != 0) ready |= 1 << CS_READ;
  if ((events & UV_WRITABLE) != 0) ready |= 1 << CS_WRITE;
  int unwanted = 0;
  for (int i = CS_READ; i <= CS_WRITE; i++)
    if ((ready >> i & 1) != 0 && !is_wanted(poll->waiter[i]))
      unwanted |= 1 << i;
  if (status < 0) unwanted = 1 << CS_READ | 1 << CS_WRITE;
  poll->watched &= (uint8_t)~unwanted;
  if (unwanted != 0) update(watch);
  cs_poll_event(poll, ready, hangup);
}

static int make_watch(cs_poll *poll) {
  uv_watch *watch = cs_alloc(poll->rt, sizeof *watch);
  if (watch == NULL) return UV_ENOMEM;
  int status = uv_poll_init(&poll->rt->loop, &watch->poll, poll->fd);
  if (status != 0) {
    cs_free(poll->rt, watch, sizeof *watch);
    return status;
  }
  watch->owner = poll;
  watch->rt = poll->rt;
  poll->backend.handle = watch;
  return 0;
}

int cs_backend_watch(cs_poll *poll, int directions) {
  int status = poll->backend.handle == NULL ? make_watch(poll) : 0;
  if (status != 0) return status;
  uint8_t watched = poll->watched;
  poll->watched |= (uint8_t)directions;
  status = update(poll->backend.handle);
  if (status != 0) poll->watched = watched;
  return status;
}

void cs_backend_forget(cs_poll *poll) {
  uv_watch *watch = poll->backend.handle;
  if (watch == NULL) return;
  watch->owner = NULL;
  poll->backend.handle = NULL;
  uv_close((uv_handle_t *)&watch->poll, on_closed);
}
