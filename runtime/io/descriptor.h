/* descriptor.h - descriptors that neither block nor survive exec. */
#ifndef CS_DESCRIPTOR_H
#define CS_DESCRIPTOR_H

#include <sys/socket.h>

/* Flags for the calls that make a socket, where they can do it at once. */
#ifdef __linux__
enum { CS_TAME = SOCK_NONBLOCK | SOCK_CLOEXEC };
#else
enum { CS_TAME = 0 };
#endif

/* What such a call has returned, made so where it could not: the descriptor, or
 * a negative code. */
int cs_descriptor_tame(int fd);

/* Closes it after a call has failed; returns the code of that. */
int cs_descriptor_fail(int fd);

#endif
