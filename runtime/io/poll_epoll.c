/* poll_epoll.c - readiness from an edge-triggered epoll of the runtime's own.
 *
 * A descriptor is registered once, at its first wait, and needs no call
 * afterwards. The set holds the libuv loop's descriptor, too, so the scheduler
 * sleeps here and runs the loop only when that has something to do: a turn
 * costs one epoll_wait. An event names the descriptor's number and the
 * generation of its poll, so one that comes late meets nobody. */
#include "io.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 512 };

static const uint64_t loop_event = UINT64_MAX;

static void deliver(cs_runtime *rt, const struct epoll_event *event) {
  int fd = (int)(event->data.u64 & UINT32_MAX);
  uint32_t generation = (uint32_t)(event->data.u64 >> 32);
  cs_polls *polls = &rt->io->polls;
  cs_poll *poll = fd < polls->capacity ? polls->by_fd[fd] : NULL;
  if (poll == NULL || poll->watched == 0 ||
      poll->backend.generation != generation)
    return;
  bool gone = (event->events & (EPOLLHUP | EPOLLERR)) != 0;
  bool hangup = gone || (event->events & EPOLLRDHUP) != 0;
  int ready = 0;
  if (hangup || (event->events & (EPOLLIN | EPOLLPRI)) != 0)
    ready |= 1 << CS_READ;
  if (gone || (event->events & EPOLLOUT) != 0) ready |= 1 << CS_WRITE;
  cs_poll_event(poll, ready, hangup || (event->events & EPOLLPRI) != 0);
}

static bool wait_for_events(cs_runtime *rt, int timeout_ms) {
  struct epoll_event events[EVENTS];
  bool loop_has_work = false;
  int n = epoll_wait(rt->io->polls.backend, events, EVENTS, timeout_ms);
  for (int i = 0; i < n; i++) {
    if (events[i].data.u64 == loop_event)
      loop_has_work = true;
    else
      deliver(rt, &events[i]);
  }
  return loop_has_work; /* an interrupted wait is just a short one */
}

static const cs_poller poller = {wait_for_events};

int cs_backend_open(cs_runtime *rt, cs_polls *polls) {
  polls->backend = epoll_create1(EPOLL_CLOEXEC);
  if (polls->backend < 0) return -errno;
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = loop_event};
  int loop = uv_backend_fd(&rt->loop);
  if (epoll_ctl(polls->backend, EPOLL_CTL_ADD, loop, &event) != 0)
    return -errno; /* closed by cs_backend_close */
  rt->poller = &poller;
  return 0;
}

void cs_backend_close(cs_runtime *rt, cs_polls *polls) {
  rt->poller = NULL;
  if (polls->backend >= 0) close(polls->backend);
  polls->backend = -1;
}

int cs_backend_watch(cs_poll *poll, int directions) {
  int watched = poll->watched | directions;
  cs_polls *polls = &poll->rt->io->polls;
  if (poll->watched == 0) poll->backend.generation = ++polls->last_generation;
  struct epoll_event event = {.events = EPOLLET | EPOLLRDHUP};
  if ((watched >> CS_READ & 1) != 0) event.events |= EPOLLIN | EPOLLPRI;
  if ((watched >> CS_WRITE & 1) != 0) event.events |= EPOLLOUT;
  event.data.u64 =
      (uint64_t)poll->backend.generation << 32 | (uint32_t)poll->fd;
  int op = poll->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(polls->backend, op, poll->fd, &event) != 0) return -errno;
  poll->watched = (uint8_t)watched;
  return 0;
}

/* A descriptor that is about to be closed leaves the set by itself; one that
 * stays open does not. */
void cs_backend_forget(cs_poll *poll) {
  if (!poll->foreign || poll->watched == 0) return;
  struct epoll_event event = {0};
  epoll_ctl(poll->rt->io->polls.backend, EPOLL_CTL_DEL, poll->fd, &event);
}
