/* ticker.c - SIGURG is ignored unless somebody wants it, and hardly anybody
 * does; Go preempts by it, too. A handler that was there is still called, and
 * put back afterwards. */
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
  atomic_uint requests; /* for the handler: the step, and what it is asked */
  cs_ticker *outer;     /* of a run around this one, on the same thread */
};

/* {=== the handler === */

enum { BITS = 2, ASKED = (1 << BITS) - 1 }; /* CS_HOOK_SLICE, CS_HOOK_BUSY */

static _Thread_local cs_ticker *running; /* and those around it */
static struct sigaction before;
static unsigned users; /* of the handler: tickers */
static pthread_mutex_t users_mutex = PTHREAD_MUTEX_INITIALIZER;

static unsigned tag(unsigned step) { return step << BITS; }

/* A request for a step that has ended meanwhile is for nobody. */
static void answer(cs_ticker *ticker) {
  unsigned requests = atomic_exchange(&ticker->requests, 0);
  unsigned step = atomic_load(&ticker->step);
  if ((requests & ASKED) != 0 && (requests & ~ASKED) == tag(step))
    cs_hook_arm(ticker->rt, (int)(requests & ASKED));
}

static void on_urgent_signal(int number, siginfo_t *info, void *context) {
  for (cs_ticker *each = running; each != NULL; each = each->outer)
    answer(each);
  if ((before.sa_flags & SA_SIGINFO) != 0)
    before.sa_sigaction(number, info, context);
  else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
    before.sa_handler(number);
}

static void install(void) {
  struct sigaction action = {.sa_sigaction = on_urgent_signal,
                             .sa_flags = SA_RESTART | SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  pthread_mutex_lock(&users_mutex);
  if (users++ == 0) sigaction(SIGURG, &action, &before);
  pthread_mutex_unlock(&users_mutex);
}

/* The last one puts the handler back that was there, unless there is another:
 * this library may be unloaded. */
static void uninstall(void) {
  struct sigaction now;
  pthread_mutex_lock(&users_mutex);
  if (--users == 0 && sigaction(SIGURG, NULL, &now) == 0 &&
      (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_urgent_signal)
    sigaction(SIGURG, &before, NULL);
  pthread_mutex_unlock(&users_mutex);
}

/* }=== */

/* {=== the thread === */

/* What a step that has taken that long is asked for, once each slice, and once
 * by the watchdog. */
static unsigned overdue(const cs_ticker *ticker, uint64_t now, uint64_t since,
                        bool *reported) {
  unsigned requests = now - since >= ticker->slice ? CS_HOOK_SLICE : 0;
  if (!*reported && now - since >= ticker->watchdog) {
    *reported = true;
    requests |= CS_HOOK_BUSY;
  }
  return requests;
}

/* Adds to what the step is asked for already. */
static void ask(cs_ticker *ticker, unsigned step, unsigned requests) {
  unsigned old = atomic_load(&ticker->requests), wanted;
  do {
    unsigned earlier = (old & ~ASKED) == tag(step) ? old & ASKED : 0;
    wanted = tag(step) | earlier | requests;
  } while (!atomic_compare_exchange_weak(&ticker->requests, &old, wanted));
  pthread_kill(ticker->runner, SIGURG);
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
      unsigned requests = overdue(ticker, now, since, &reported);
      if (requests != 0) ask(ticker, step, requests);
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
  install();
  uv_mutex_init(&ticker->mutex);
  uv_cond_init(&ticker->stopping);
  int status = uv_thread_create(&ticker->thread, tick, ticker);
  if (status != 0) {
    uv_cond_destroy(&ticker->stopping);
    uv_mutex_destroy(&ticker->mutex);
    cs_free(rt, ticker, sizeof *ticker);
    uninstall();
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
  uninstall();
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
}
