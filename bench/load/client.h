/* client — the connections of a load, and the turn of its poll loop.
 *
 * Every connection sends one endless stream of known bytes, from a place of its
 * own, and checks that the same bytes come back. A mode says by client_ask how
 * far the stream has to go; `waiting` counts the connections that have not got
 * everything back yet, so a mode is done when it is zero. */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct load load;
typedef struct client client;

struct client {
  int fd;          /* -1 while closed */
  bool connecting; /* connect has not been answered yet */
  bool writing;    /* the poller watches for room to send */
  bool shut;       /* our side is shut: the server's end of stream is due */
  size_t phase;    /* where in the pattern its stream begins */
  uint64_t sent;   /* positions in the stream, in bytes */
  uint64_t got;
  uint64_t goal;
  uint64_t started; /* messages */
  uint64_t done;
  uint64_t *asked_ns; /* when each message in flight was asked for */
};

struct load {
  struct sockaddr_storage address;
  socklen_t address_size;
  size_t size;  /* of a message, in bytes */
  size_t piece; /* one write of at most so many bytes per turn; 0: no limit */
  bool lines;   /* messages are lines of letters */
  bool half_close; /* shut our side once the goal is sent */

  int poller;
  client *clients;
  int nclients;
  uint64_t opened; /* connections ever opened */
  int connecting;  /* clients whose connect is under way */
  int waiting;     /* clients that have not got all they asked for */
  uint64_t errors;
  uint64_t progress_ns; /* when something last arrived */

  unsigned char *pattern;
  size_t period;
  unsigned char *buffer;

  void (*connected)(load *self, client *c); /* may be NULL */
  void (*arrived)(load *self, client *c);   /* may be NULL */
};

uint64_t clock_ns(void);

/* Allocate `nclients` closed clients and the bytes that they send. */
void load_open(load *self, int nclients);

/* A socket bound to the next source address and connecting to the server; -1
 * and errno when that failed. Blocking ones give up after five seconds. */
int load_dial(load *self, bool blocking);

/* Wait a moment for events and serve them. */
void load_turn(load *self);

/* Turns until `until_ns`; false when the load should be given up. */
bool load_until(load *self, uint64_t until_ns);

/* Turns until all is connected and everything asked for has come back; false,
 * and an error for each client that is left, when that does not happen. */
bool load_finish(load *self);

/* Open all clients, at most `window` connects at a time, and finish. */
bool load_connect(load *self, int window);

/* The bytes that a client sends at a position of its stream. */
const unsigned char *load_bytes(load *self, size_t phase, uint64_t position);

bool client_open(load *self, client *c);
void client_ask(load *self, client *c, uint64_t goal);
void client_close(load *self, client *c);

#endif
