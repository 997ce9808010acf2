/* load — a TCP client for echo servers that checks every byte coming back.
 *
 * One thread, epoll, only to loopback addresses, every mode bounded in time.
 * Prints one line of key=value pairs; the exit status is 1 when there were
 * errors, which are described on stderr, and 2 for wrong arguments. With -l the
 * messages are lines of letters. With PID, the server's CPU time per message,
 * the share of time that it or the load waited for a core, or its memory.
 *
 * echo and churn are a closed loop: a slow answer delays the next question, so
 * their latencies are those of patient clients. */
#include "load/modes.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_NUMBERS = 5, LIMIT_S = 120 };

typedef struct {
  const char *name;
  load_mode *run;
  int needed;     /* numbers after HOST and PORT, without the optional PID */
  bool takes_pid; /* a PID may follow them */
  int seconds;    /* which number is a time to add to the limit; 0: none */
  const char *numbers;
  const char *about;
} mode;

static const mode modes[] = {
    {"echo", mode_echo, 4, true, 3, "CONNS SIZE SECONDS DEPTH [PID]",
     "DEPTH messages in flight on each of CONNS connections"},
    {"churn", mode_churn, 3, true, 3, "CONNS SIZE SECONDS [PID]",
     "CONNS clients that connect, get one message echoed, close, again"},
    {"count", mode_count, 3, true, 0, "N CONC SIZE [PID]",
     "exactly N such connections, CONC at a time"},
    {"idle", mode_idle, 1, true, 0, "CONNS [PID]",
     "CONNS connections that echo one byte each and stay open"},
    {"hold", mode_hold, 3, true, 0, "CONNS SIZE ROUNDS [PID]",
     "CONNS connections at once, then ROUNDS messages on each, in step"},
    {"pieces", mode_pieces, 2, true, 0, "TOTAL PIECE [PID]",
     "one connection, TOTAL bytes by writes of PIECE, then half-closed"},
    {"abort", mode_abort, 2, false, 0, "N SIZE",
     "N clients that leave after half a message, every other by a reset"},
    {"stall", mode_stall, 2, true, 2, "TOTAL SECONDS [PID]",
     "sends TOTAL bytes, reads nothing, closes after SECONDS"},
    {"wait", mode_wait, 1, false, 1, "SECONDS",
     "until the server accepts a connection, at most SECONDS"},
};

static int usage(void) {
  fputs("usage: load [-l] MODE HOST PORT NUMBERS...\n", stderr);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    fprintf(stderr, "  %-6s %-32s %s\n", modes[i].name, modes[i].numbers,
            modes[i].about);
  return 2;
}

static void on_alarm(int signal_number) {
  static const char text[] = "load: out of time\n";
  (void)signal_number;
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(3);
  _exit(1);
}

static void raise_file_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* A loopback address, or false: this is no tool to point at other machines. */
static bool parse_address(load *self, const char *host, const char *port) {
  char *end;
  unsigned long number = strtoul(port, &end, 10);
  if (*end || number == 0 || number > 65535) return false;
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  v4.sin_port = v6.sin6_port = htons((uint16_t)number);
  if (inet_pton(AF_INET, host, &v4.sin_addr) == 1 &&
      ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET) {
    self->address_size = sizeof v4;
    memcpy(&self->address, &v4, sizeof v4);
    return true;
  }
  if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 &&
      IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)) {
    self->address_size = sizeof v6;
    memcpy(&self->address, &v6, sizeof v6);
    return true;
  }
  return false;
}

/* All but a PID must be positive; those that are counts fit an int. */
static bool parse_numbers(const mode *chosen, int n, char **text,
                          double *numbers) {
  if (n < chosen->needed || n > chosen->needed + chosen->takes_pid)
    return false;
  for (int i = 0; i < n; i++) {
    char *end;
    numbers[i] = strtod(text[i], &end);
    double least = i < chosen->needed ? 1e-3 : 0;
    if (*end || end == text[i] || !(numbers[i] >= least && numbers[i] < 2e9))
      return false;
    if (i + 1 != chosen->seconds && numbers[i] != (long)numbers[i])
      return false;
  }
  return true;
}

int main(int argc, char **argv) {
  static load self = {.size = 1};
  double numbers[MAX_NUMBERS] = {0};
  const mode *chosen = NULL;
  if (argc > 1 && strcmp(argv[1], "-l") == 0) {
    self.lines = true;
    argv++;
    argc--;
  }
  for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
    if (strcmp(argv[1], modes[i].name) == 0) chosen = &modes[i];
  if (!chosen || argc < 4 ||
      !parse_numbers(chosen, argc - 4, argv + 4, numbers))
    return usage();
  if (!parse_address(&self, argv[2], argv[3])) {
    fputs("load: HOST must be a loopback address, PORT a number\n", stderr);
    return 2;
  }
  double extra_s = chosen->seconds ? numbers[chosen->seconds - 1] : 0;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGALRM, on_alarm);
  alarm(LIMIT_S + (unsigned)extra_s);
  raise_file_limit();
  chosen->run(&self, numbers);
  return self.errors > 0;
}
