/* runtime.h - what one runtime owns: the loop, the queues, the clock, and the
 * Lua values that must not be collected.
 *
 * A runtime is a userdata in the registry of its lua_State and the first
 * upvalue of each C function of the module, so that reaching it costs no
 * lookup. Its user values are the anchors below. */
#ifndef CS_RUNTIME_H
#define CS_RUNTIME_H

#include "nursery.h"
#include "timers.h"

#include <lua.h>
#include <signal.h>
#include <uv.h>

typedef struct cs_runtime cs_runtime;

/* Waits for I/O in place of uv_run, where the system has something better. */
typedef struct cs_poller {
  /* Sleeps up to timeout_ms (-1: for ever) and wakes tasks. Returns true if
   * the libuv loop has work, too. */
  bool (*wait)(cs_runtime *rt, int timeout_ms);
} cs_poller;

/* A debug hook that is put back later. */
typedef struct cs_saved_hook {
  lua_Hook hook;
  int mask, count;
} cs_saved_hook;

struct cs_runtime {
  uv_loop_t loop;
  uv_timer_t alarm; /* ends a poll at the next deadline */
  lua_Alloc alloc;
  void *alloc_data;
  lua_State *L; /* the stack that `run` works on; NULL: not running */
  struct cs_task *current;      /* the task that is running now */
  const struct cs_syscall *row; /* the call that is being made */
  int budget;                   /* calls left that `current` may finish */
  uint32_t waiting_outside;     /* parked tasks that the loop may wake */
  uint32_t live;                /* tasks that are not done */
  lua_State *pool;              /* its stack holds threads to use again */
  uint32_t pooled;              /* how many */
  int64_t last_tid;
  cs_link ready;        /* tasks to resume, by wait.link */
  cs_link killed;       /* tasks to kill between two steps, by wait.link */
  cs_link blocks;       /* all there are */
  cs_ring held_locks;   /* those that somebody owns, by cs_lock.held */
  cs_timers timers;     /* deadlines of waits */
  cs_nursery root;      /* owns the main task of `run` */
  cs_timer grace;       /* of a shutdown: then all are killed */
  uint64_t grace_end;   /* when */
  uint32_t stuck_after; /* deliveries until a task is reported */
  int64_t swallower;    /* the task that was last told twice, since when, */
  uint64_t swallows_since, swallowed_at; /* and when it was told again */
  uint64_t random;                       /* state of cs_random */
  cs_link **shuffled;                    /* room for a batch */
  uint32_t shuffle_room;                 /* how much */
  uint32_t batch;                        /* tasks of the batch that are left */
  uint32_t instruments;                  /* how many there are */
  bool telling;                          /* one of them is called */
  bool measures_cpu;                     /* of each task */
  bool special;                          /* it shuffles, or has instruments */
  bool shuffles;                         /* batches run in a random order */
  uint64_t virtual_now;  /* the time, where the clock is virtual */
  bool wants_virtual;    /* a run that was asked for does */
  bool virtual_clock;    /* time jumps to the next deadline, and only so */
  bool killed_unsorted;  /* the newest is not first */
  uint32_t last_reason;  /* key in CS_CANCELLED that was given last */
  bool open;             /* the loop is there */
  bool polling;          /* inside uv_run */
  bool loop_changed;     /* a libuv handle was started since the last turn */
  bool deadlocked;       /* the report is made, the tasks are unwinding */
  bool signal_pending;   /* the tasks must be told that the program is to end */
  int signal;            /* that asked the program to end; 0: none */
  uint32_t checks;       /* turns that cs_check was asked for */
  uint64_t steps, polls; /* for stats */
  uint64_t last_poll;    /* when I/O was last polled while tasks were ready */
  const void *task_meta; /* metatable of tasks, for quick checks */
  const cs_poller *poller;     /* NULL: uv_run waits for all */
  struct cs_io *io;            /* what the files of io/ share */
  struct cs_task *raising;     /* a raw yield of this one is about to raise */
  cs_saved_hook raising_over;  /* the user's hook on that task's thread */
  struct cs_ticker *ticker;    /* NULL: neither slices nor a watchdog */
  uint64_t slice, watchdog;    /* ns; CS_NEVER: off */
  int slice_instructions;      /* a slice ends after so many; 0: off */
  bool slice_ended;            /* by the step that was just made */
  bool unmarking;              /* the step goes on after a slice: see hook.c */
  bool watches_steps;          /* any of this, or the CPU time of tasks */
  cs_saved_hook armed_over;    /* the user's hook under that of hook.c */
  volatile sig_atomic_t armed; /* that one was set in this step */
  volatile sig_atomic_t hook_requests; /* cs_hook_request: what it is to do */
};

enum { CS_POOL_SIZE = 1024 }; /* threads that are kept for new tasks */

/* Slots of run's own stack frame. */
enum { CS_RUN_MAIN = 1, CS_RUN_LOCATE = 2 };

/* The scheduler's loop has an empty frame between two steps; the table of tasks
 * is its second upvalue. */
#define CS_LOOP_TASKS lua_upvalueindex(2)

/* Whether a handler was called by the loop, for a yielded call; in a direct one
 * the second upvalue is the row. */
static inline bool cs_in_loop(lua_State *L) {
  return lua_type(L, CS_LOOP_TASKS) == LUA_TTABLE;
}

/* User values of the runtime's userdata. */
typedef enum cs_anchor {
  CS_TASKS = 1,   /* tid -> task, while not done or not taken */
  CS_POOL,        /* the thread that holds the pool */
  CS_ENTRY,       /* first function of a task's thread */
  CS_HANDLER,     /* message handler of a task's body */
  CS_LOOP,        /* the loop of the scheduler */
  CS_LOCATE,      /* its message handler */
  CS_TASK_META,   /* metatable of tasks */
  CS_CALL_META,   /* metatable of syscall objects */
  CS_CANCELLED,   /* source -> Cancelled; scope -> its own */
  CS_ERRORS_META, /* metatables of what is raised */
  CS_CANCELLED_META,
  CS_TASK_CANCELLED_META,
  CS_DEADLOCK_META,
  CS_RAISED,       /* the error that a raw yield is about to raise */
  CS_REPORTER,     /* writes the Deadlock */
  CS_REPORT,       /* the Deadlock that `run` will raise */
  CS_CALLBACKS,    /* nursery -> on_error; row -> its Lua functions */
  CS_NAMES,        /* block -> its name */
  CS_LEAF_SETS,    /* list of leaves -> set of them */
  CS_GATHER,       /* gathers errors, under protection */
  CS_ERROR_KEY,    /* "error": a string that need not be made */
  CS_HELD,         /* task -> value that its wait keeps */
  CS_INSTRUMENTS,  /* list of tables of functions */
  CS_DELIVER,      /* tells them */
  CS_STEPPING,     /* the task whose step they were told of */
  CS_ON_DUMP,      /* is called when a dump is wanted */
  CS_STUCK_REPORT, /* reports a task that is stuck */
  CS_ON_STUCK,     /* is told of tasks that swallow cancellations */
  CS_LOCALS,       /* task -> its task-local values */
  CS_TIMEOUT_META, /* metatable of Timeout */
  CS_SCOPE_META,   /* metatables of handles of blocks */
  CS_NURSERY_META,
  CS_REQUEST_META, /* metatables of boxes of requests, */
  CS_WAIT_META,    /* of waits in rows written in Lua, */
  CS_CHANNEL_META, /* and of what tasks share */
  CS_ARM_META,
  CS_LOCK_META,
  CS_WAIT_LIST_META,
  CS_EXTERNAL_META,
  CS_FIRST_TYPE, /* from here on: metatables of the modules */
  CS_ANCHORS = CS_FIRST_TYPE + 2
} cs_anchor;

/* The runtime of a C function of the module. */
static inline cs_runtime *cs_runtime_of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

/* Pushes an anchored value, inside a C function of the module. */
static inline void cs_push_anchor(lua_State *L, cs_anchor anchor) {
  lua_getiuservalue(L, lua_upvalueindex(1), anchor);
}

/* Pushes the userdata of L's runtime, or nil: for hooks, which have no
 * upvalues, and for opening. */
cs_runtime *cs_runtime_push(lua_State *L);

/* Pushes a new runtime's userdata, without its loop. Raises. */
cs_runtime *cs_runtime_new(lua_State *L);

/* Opens the loop of the runtime on top of the stack, whose finalizer is set by
 * now, and keeps it in the registry. Raises. */
void cs_runtime_start(lua_State *L, cs_runtime *rt);

/* Closes every handle and the loop; harmless when done before. */
void cs_runtime_close(cs_runtime *rt);

/* Memory from the state's own allocator: NULL when there is none. */
void *cs_alloc(cs_runtime *rt, size_t size);
void *cs_realloc(cs_runtime *rt, void *block, size_t old_size, size_t size);
void cs_free(cs_runtime *rt, void *block, size_t size);

/* Nanoseconds on the clock that deadlines are measured by. */
static inline uint64_t cs_now(const cs_runtime *rt) {
  return rt->virtual_clock ? rt->virtual_now : uv_hrtime();
}

#endif
