/* meter — counts messages and how long they took, and what the server spent. */
#include "meter.h"

#include "client.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

/* {=== /proc === */

static void add_thread(cpu_time *sum, int pid, const char *thread) {
  char path[320];
  unsigned long long run_ns, wait_ns;
  snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, thread);
  FILE *file = fopen(path, "r");
  if (!file) return;
  if (fscanf(file, "%llu %llu", &run_ns, &wait_ns) == 2) {
    sum->run += (double)run_ns / 1e9;
    sum->wait += (double)wait_ns / 1e9;
  }
  fclose(file);
}

static cpu_time cpu_of(int pid) {
  cpu_time sum = {0, 0};
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *folder = pid ? opendir(path) : NULL;
  if (!folder) return sum;
  for (struct dirent *entry; (entry = readdir(folder));)
    if (entry->d_name[0] != '.') add_thread(&sum, pid, entry->d_name);
  closedir(folder);
  return sum;
}

long rss_kib(int pid) {
  char path[32], line[256];
  long kib = 0;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = pid ? fopen(path, "r") : NULL;
  if (!file) return 0;
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
  fclose(file);
  return kib;
}

/* === /proc ===} */

/* {=== histogram === */

/* Below 64 ns a bucket is a nanosecond; above, the six bits after the first. */
static unsigned bucket_of(uint64_t ns) {
  if (ns < 64) return (unsigned)ns;
  unsigned shift = 57 - (unsigned)__builtin_clzll(ns);
  return shift * 64 + (unsigned)(ns >> shift);
}

static double bucket_middle_ns(unsigned bucket) {
  if (bucket < 128) return bucket;
  unsigned shift = bucket / 64 - 1;
  uint64_t low = (uint64_t)(bucket - shift * 64) << shift;
  return (double)low + (double)(1ull << shift) / 2;
}

static double quantile_us(const meter *self, double share) {
  uint64_t rank = (uint64_t)(share * (double)self->messages), seen = 0;
  double longest_ns = (double)self->longest_ns;
  for (unsigned i = 0; i < METER_BUCKETS; i++) {
    seen += self->buckets[i];
    if (seen <= rank) continue;
    double middle_ns = bucket_middle_ns(i);
    return (middle_ns < longest_ns ? middle_ns : longest_ns) / 1000;
  }
  return longest_ns / 1000;
}

void meter_record(meter *self, uint64_t took_ns) {
  if (!self->counting) return;
  self->messages++;
  self->buckets[bucket_of(took_ns)]++;
  if (took_ns > self->longest_ns) self->longest_ns = took_ns;
}

/* === histogram ===} */

void meter_start(meter *self, int pid) {
  self->pid = pid;
  self->server[0] = cpu_of(pid);
  self->own[0] = cpu_of((int)getpid());
  self->counting = true;
  self->begin_ns = clock_ns();
}

void meter_stop(meter *self) {
  self->end_ns = clock_ns();
  self->counting = false;
  self->server[1] = cpu_of(self->pid);
  self->own[1] = cpu_of((int)getpid());
}

static void print_server(const meter *self, double seconds) {
  const cpu_time *server = self->server, *own = self->own;
  double run = server[1].run - server[0].run;
  double wait = server[1].wait - server[0].wait;
  double own_wait = own[1].wait - own[0].wait;
  printf(" srv_us=%.3f srv_cpu=%.3f contended=%.3f srv_rss_kib=%ld",
         self->messages ? run * 1e6 / (double)self->messages : 0, run / seconds,
         (wait > own_wait ? wait : own_wait) / seconds, rss_kib(self->pid));
}

void meter_print(const meter *self, const char *unit) {
  double seconds = (double)(self->end_ns - self->begin_ns) / 1e9;
  printf("%s=%llu seconds=%.3f %s_s=%.0f", unit,
         (unsigned long long)self->messages, seconds, unit,
         (double)self->messages / seconds);
  printf(" p50_us=%.1f p99_us=%.1f p999_us=%.1f max_us=%.1f",
         quantile_us(self, .5), quantile_us(self, .99), quantile_us(self, .999),
         (double)self->longest_ns / 1000);
  printf(" load_cpu=%.3f", (self->own[1].run - self->own[0].run) / seconds);
  if (self->pid) print_server(self, seconds);
}
