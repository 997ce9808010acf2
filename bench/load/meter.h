/* meter — counts messages and how long they took, and what the server spent.
 *
 * Times go to a histogram with 64 buckets per power of two (an error below 1
 * %). CPU time comes from the scheduler's own account in
 * /proc/PID/task/.../schedstat, in nanoseconds, so short runs can be compared.
 */
#ifndef BENCH_LOAD_METER_H
#define BENCH_LOAD_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { METER_BUCKETS = 64 * 64 };

typedef struct {
  double run;  /* seconds on a core */
  double wait; /* seconds ready to run, without a core */
} cpu_time;

typedef struct {
  int pid; /* of the server; 0: unknown */
  bool counting;
  uint64_t begin_ns, end_ns;
  uint64_t messages;
  uint64_t longest_ns;
  uint64_t buckets[METER_BUCKETS];
  cpu_time server[2], own[2]; /* at the beginning and at the end */
} meter;

long rss_kib(int pid);

void meter_start(meter *self, int pid);
void meter_stop(meter *self);
void meter_record(meter *self, uint64_t took_ns);

/* Prints the pairs, without the end of the line; `unit` names the messages. */
void meter_print(const meter *self, const char *unit);

#endif
