/* descriptor.c - what some systems can do in one call, and others cannot. */
#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int cs_descriptor_fail(int fd) {
  int status = -errno;
  close(fd);
  return status;
}

int cs_descriptor_tame(int fd) {
  if (fd < 0) return -errno;
#ifndef __linux__
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
    return cs_descriptor_fail(fd);
#endif
#ifdef SO_NOSIGPIPE
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof one);
#endif
  return fd;
}
