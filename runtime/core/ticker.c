/* ticker.c - SIGURG is ignored unless somebody wants it, and hardly anybody
 * does; Go preempts by it, too. A handler that was there is still called. */
#include "ticker.h"

#include "hook.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

struct cs_ticker {
  cs_runtime *rt;
  uv_thread_t thread;
  uv_mutex_t mutex;
  uv_cond_t stopping;
  bool stop;
  pthread_t runner;         /* the thread that runs the tasks */
  uint64_t tick;            /* ns between two looks */
  uint64_t slice, watchdog; /* ns; CS_NEVER: off */
  atomic_uint step;         /* number of the step; even: none */
  atomic_int requests;      /* for the handler: cs_hook_request */
  cs_ticker *outer;         /* of a run around this one, on the same thread */
};

/* {=== the handler === */

static _Thread_local cs_ticker *running;
static struct sigaction before;
static uv_once_t once = UV_ONCE_INIT;

static void on_urgent_signal(int number, siginfo_t *info, void *context) {
  if (running != NULL) {
    int requests = atomic_exchange(&running->requests, 0);
    if (requests != 0 && (atomic_load(&running->step) & 1) != 0)
      cs_hook_arm(running->rt, requests);
  }
  if ((before.sa_flags & SA_SIGINFO) != 0)
    before.sa_sigaction(number, info, context);
  else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
    before.sa_handler(number);
}

static void install(void) {
  struct sigaction action = {.sa_sigaction = on_urgent_signal,
                             .sa_flags = SA_RESTART | SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  sigaction(SIGURG, &action, &before);
}

/* }=== */

/* {=== the thread === */

/* What a step that has taken that long is asked for, once each slice, and once
 * by the watchdog. */
static int overdue(const cs_ticker *ticker, uint64_t now, uint64_t since,
                   bool *reported) {
  int requests = now - since >= ticker->slice ? CS_HOOK_SLICE : 0;
  if (!*reported && now - since >= ticker->watchdog) {
    *reported = true;
    requests |= CS_HOOK_BUSY;
  }
  return requests;
}

static void tick(void *data) {
  cs_ticker *ticker = data;
  unsigned last = 0;
  uint64_t since = 0;
  bool reported = false;
  uv_mutex_lock(&ticker->mutex);
  while (!ticker->stop) {
    uv_cond_timedwait(&ticker->stopping, &ticker->mutex, ticker->tick);
    unsigned step = atomic_load(&ticker->step);
    uint64_t now = uv_hrtime();
    if (step != last) {
      last = step;
      since = now;
      reported = false;
    } else if ((step & 1) != 0 && !ticker->stop) {
      int requests = overdue(ticker, now, since, &reported);
      if (requests == 0) continue;
      atomic_fetch_or(&ticker->requests, requests);
      pthread_kill(ticker->runner, SIGURG);
    }
  }
  uv_mutex_unlock(&ticker->mutex);
}

/* }=== */

static uint64_t shorter(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* A slice ends within one and a half of its length, a watchdog barks within
 * one and a quarter. */
static uint64_t tick_length(uint64_t slice, uint64_t watchdog) {
  enum { SHORTEST = 100000 };
  uint64_t tick = shorter(slice / 2, watchdog / 4);
  return tick > SHORTEST ? tick : SHORTEST;
}

int cs_ticker_start(cs_runtime *rt, uint64_t slice, uint64_t watchdog) {
  cs_ticker *ticker = cs_alloc(rt, sizeof *ticker);
  if (ticker == NULL) return UV_ENOMEM;
  *ticker = (cs_ticker){.rt = rt,
                        .runner = pthread_self(),
                        .tick = tick_length(slice, watchdog),
                        .slice = slice,
                        .watchdog = watchdog,
                        .outer = running};
  uv_once(&once, install);
  uv_mutex_init(&ticker->mutex);
  uv_cond_init(&ticker->stopping);
  int status = uv_thread_create(&ticker->thread, tick, ticker);
  if (status != 0) {
    uv_cond_destroy(&ticker->stopping);
    uv_mutex_destroy(&ticker->mutex);
    cs_free(rt, ticker, sizeof *ticker);
    return status;
  }
  rt->ticker = running = ticker;
  return 0;
}

void cs_ticker_stop(cs_runtime *rt) {
  cs_ticker *ticker = rt->ticker;
  if (ticker == NULL) return;
  uv_mutex_lock(&ticker->mutex);
  ticker->stop = true;
  uv_cond_signal(&ticker->stopping);
  uv_mutex_unlock(&ticker->mutex);
  uv_thread_join(&ticker->thread);
  running = ticker->outer;
  rt->ticker = NULL;
  uv_cond_destroy(&ticker->stopping);
  uv_mutex_destroy(&ticker->mutex);
  cs_free(rt, ticker, sizeof *ticker);
}

void cs_ticker_step_begins(cs_ticker *ticker) {
  atomic_fetch_add(&ticker->step, 1);
}

void cs_ticker_step_ended(cs_ticker *ticker) {
  atomic_fetch_add(&ticker->step, 1);
  atomic_store(&ticker->requests, 0);
}
