/* host.c - fails every allocation of a scenario in turn.
 *
 * usage: host [-m POLICY] [-s STRIDE] [-f FIRST] [-t SECONDS] [-p PATH] [-b]
 * [-c] SCENARIO -m  once, from-then or first-try: what is refused (memory.h) -s
 * every so many points (1); -f the first of them (1) -t  seconds for one point,
 * after which it counts as hung (5) -p  package.path -b  fail from the very
 * beginning, the opening of Lua and cosched included -c  fail in lua_close only
 *
 * The points run in a child, one after another; when it dies, the point that
 * killed it is a failure, and another child goes on behind it. The last line
 * says how many points, runs and failures there were. */
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  QUIET = 3, /* points in a row without a refusal: the end is reached */
  MAX_POINTS = 1000000,
  MAX_DEATHS = 8, /* then the rest is left out, and said to be */
  SHOWN = 12,     /* failures of one sweep that are printed */
};

typedef struct options {
  plan plan;
  const char *policy_name;
  long first, stride;
  unsigned seconds;
} options;

/* What the children tell the parent. */
typedef struct progress {
  long n; /* the point that runs now */
  long points, runs, failures;
  int quiet;
  bool hung, done;
} progress;

/* {=== options === */

static const struct {
  const char *name;
  policy policy;
} policies[] = {
    {"once", ONCE}, {"from-then", FROM_THEN}, {"first-try", FIRST_TRY}};

static void refuse_usage(void) {
  fprintf(stderr, "usage: host [-m once|from-then|first-try] [-s stride] "
                  "[-f first] [-t seconds] [-p path] [-b] [-c] scenario\n");
  exit(2);
}

static policy parse_policy(const char *name) {
  for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
    if (strcmp(policies[i].name, name) == 0) return policies[i].policy;
  refuse_usage();
  return NEVER;
}

static long parse_count(const char *text) {
  char *end;
  long n = strtol(text, &end, 10);
  if (*end != '\0' || n <= 0) refuse_usage();
  return n;
}

static options parse(int argc, char **argv) {
  options o = {.plan = {.policy = ONCE, .lua_path = "lua/?.lua;lua/?/init.lua"},
               .policy_name = "once",
               .first = 1,
               .stride = 1,
               .seconds = 5};
  for (int option; (option = getopt(argc, argv, "m:s:f:t:p:bc")) != -1;) {
    switch (option) {
    case 'm':
      o.plan.policy = parse_policy(o.policy_name = optarg);
      break;
    case 's':
      o.stride = parse_count(optarg);
      break;
    case 'f':
      o.first = parse_count(optarg);
      break;
    case 't':
      o.seconds = (unsigned)parse_count(optarg);
      break;
    case 'p':
      o.plan.lua_path = optarg;
      break;
    case 'b':
      o.plan.from_start = true;
      break;
    case 'c':
      o.plan.at_close = true;
      break;
    default:
      refuse_usage();
    }
  }
  if (optind + 1 != argc) refuse_usage();
  o.plan.scenario = argv[optind];
  return o;
}

/* }=== */

/* {=== the child === */

static const char *where(const options *o) {
  return o->plan.at_close ? ", in lua_close" : "";
}

static void tell(const options *o, progress *p, const char *what) {
  if (p->failures++ >= SHOWN) return;
  printf("FAILED %s: %s n=%ld%s: %s\n", o->plan.scenario, o->policy_name, p->n,
         where(o), what);
  fflush(stdout);
}

static progress *watched;

/* Ends the child by a signal that the sanitizer answers with a stack trace. */
static void on_alarm(int number) {
  (void)number;
  watched->hung = true;
  abort();
}

static outcome run_calm(const options *o, progress *p) {
  plan calm = o->plan;
  calm.policy = NEVER;
  outcome result = run_point(&calm, 0);
  p->runs += result.runs;
  return result;
}

static void run_one(const options *o, progress *p) {
  alarm(o->seconds);
  outcome result = run_point(&o->plan, p->n);
  outcome next = run_calm(o, p); /* in a Lua state of its own */
  alarm(0);
  p->points++;
  p->runs += result.runs;
  if (*result.complaint != '\0')
    tell(o, p, result.complaint);
  else if (*next.complaint != '\0')
    tell(o, p, next.complaint);
  p->quiet = result.refused ? 0 : p->quiet + 1;
}

/* A run that nothing disturbs comes first: what the process keeps for good,
 * such as libuv's threads, is there when the counting begins. */
static bool warm_up(const options *o, progress *p) {
  alarm(o->seconds);
  p->n = 0;
  run_calm(o, p);
  outcome second = run_calm(o, p);
  alarm(0);
  if (*second.complaint != '\0') tell(o, p, second.complaint);
  return *second.complaint == '\0';
}

static void run_points(const options *o, progress *p, long from) {
  bool single = o->plan.policy == FIRST_TRY;
  watched = p;
  signal(SIGALRM, on_alarm);
  run_begin();
  if (!warm_up(o, p)) exit(0);
  for (p->n = from; p->quiet < QUIET && p->n <= MAX_POINTS; p->n += o->stride) {
    run_one(o, p);
    if (single) break;
  }
  p->done = true;
  exit(0); /* LeakSanitizer looks here */
}

/* }=== */

/* {=== the parent === */

/* False: the child has come to its end and is well. */
static bool died(const options *o, progress *p, int status) {
  char what[80];
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return false;
  if (p->hung)
    snprintf(what, sizeof what, "hangs for %u s", o->seconds);
  else if (WIFSIGNALED(status))
    snprintf(what, sizeof what, "dies: %s", strsignal(WTERMSIG(status)));
  else
    snprintf(what, sizeof what, "%s with status %d",
             p->done ? "leaks: ends" : "dies: ends", WEXITSTATUS(status));
  tell(o, p, what);
  return true;
}

static int run_child(const options *o, progress *p, long from) {
  int status = 0;
  fflush(NULL);
  p->hung = false;
  pid_t child = fork();
  if (child == 0) run_points(o, p, from);
  if (child < 0) {
    perror("fork");
    exit(2);
  }
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

static void sweep(const options *o, progress *p) {
  long from = o->first;
  for (int deaths = 0; deaths < MAX_DEATHS; deaths++) {
    if (!died(o, p, run_child(o, p, from)) || p->done || p->n == 0) return;
    from = p->n + o->stride;
  }
  printf("%s: too many deaths, left out from n=%ld on\n", o->plan.scenario,
         from);
}

/* }=== */

int main(int argc, char **argv) {
  options o = parse(argc, argv);
  progress *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) {
    perror("mmap");
    return 2;
  }
  sweep(&o, p);
  if (p->failures > SHOWN)
    printf("%s: %ld failures more\n", o.plan.scenario, p->failures - SHOWN);
  printf("%s, %s%s: %ld points, %ld runs, %ld failures\n", o.plan.scenario,
         o.policy_name, where(&o), p->points, p->runs, p->failures);
  return p->failures != 0;
}
