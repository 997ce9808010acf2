/* poll.h - a task waits until a descriptor can be read or written.
 *
 * The system call is made by the task itself when it resumes, so a wait that
 * ends early has taken no byte from the kernel. What the kernel reported is
 * remembered: a descriptor known to be ready needs no wait.
 *
 * A poll belongs to one descriptor; the table of polls finds it by number. The
 * backend (epoll, or uv_poll elsewhere) only reports events. */
#ifndef CS_POLL_H
#define CS_POLL_H

#include "task.h"

typedef enum cs_direction { CS_READ = 0, CS_WRITE = 1 } cs_direction;

typedef struct cs_poll {
  cs_runtime *rt;
  union {
    void *handle;        /* of uv_poll */
    uint32_t generation; /* epoll: tells this use of the number from others */
  } backend;
  cs_task *waiter[2];  /* by direction; kept until the task has collected */
  int fd;              /* -1: closed */
  uint8_t ready;       /* bit per direction: a call is worth a try */
  uint8_t watched;     /* bit per direction: the backend reports it */
  bool try_again : 1;  /* a short read does not mean that there is no more: the
                          peer is gone, or has sent urgent data */
  bool read_ahead : 1; /* its stream has bytes that nobody has taken yet */
  bool foreign : 1;    /* the descriptor belongs to somebody else */
} cs_poll;

/* Per runtime; io.h has the rest. */
typedef struct cs_polls {
  cs_poll **by_fd;
  int capacity;
  uint32_t last_generation; /* epoll */
  int backend;              /* descriptor of the backend, or -1 */
} cs_polls;

/* Begins to know a descriptor. 0 or an error; then nothing has changed. */
int cs_poll_open(cs_poll *poll, cs_runtime *rt, int fd);

/* Forgets it: whoever waits gets `status`. The descriptor stays open. */
void cs_poll_close(cs_poll *poll, int status);

/* Parks the running task until the direction is ready, or the deadline; the
 * ops' cancel must be or call cs_poll_cancel. CS_PARKED, or an error code. */
int cs_poll_park(cs_task *self, cs_poll *poll, cs_direction direction,
                 const cs_wait_ops *ops, uint64_t deadline);

/* To be called first by the finish of a wait on a poll. */
void cs_poll_collect(cs_task *self, cs_poll *poll);

/* The cancel of a wait on a poll that holds nothing else. */
void cs_poll_cancel(cs_task *self);

static inline bool cs_poll_ready(const cs_poll *poll, cs_direction direction) {
  return (poll->ready >> direction & 1) != 0;
}

/* A system call has found that it would block. */
static inline void cs_poll_blocked(cs_poll *poll, cs_direction direction) {
  poll->ready &= (uint8_t) ~(1 << direction);
}

/* A read took less than it could have. */
static inline void cs_poll_drained(cs_poll *poll) {
  if (!poll->try_again) cs_poll_blocked(poll, CS_READ);
}

/* {=== for the backends === */

/* What is ready now, as bits per direction. */
void cs_poll_event(cs_poll *poll, int ready, bool try_again);

int cs_backend_open(cs_runtime *rt, cs_polls *polls);
void cs_backend_close(cs_runtime *rt, cs_polls *polls);
/* Reports the directions (bits) from now on. UV_EPERM: always ready. */
int cs_backend_watch(cs_poll *poll, int directions);
void cs_backend_forget(cs_poll *poll);

/* }=== */

#endif
