// Loaded into statusrelay by a test (LD_PRELOAD): a disk that does not answer, and a name server that doesn't, for as long as there is a
// file. The originals are called afterwards, so that nothing is done by halves.
#define _GNU_SOURCE
#include "stalls.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void wait_while_there(const char *variable) {
  const char *path = getenv(variable);
  const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
  while (path != NULL && access(path, F_OK) == 0) nanosleep(&pause, NULL);
}

int fsync(int descriptor) {
  static int (*original)(int);
  if (original == NULL) original = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_while_there("STALLED_DISK");
  return original(descriptor);
}

int fdatasync(int descriptor) {
  static int (*original)(int);
  if (original == NULL) original = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  wait_while_there("STALLED_DISK");
  return original(descriptor);
}

// Names that begin with "stalled" are looked up as localhost, once there is an answer.
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
  static int (*original)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  if (original == NULL) {
    original = (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(
        RTLD_NEXT, "getaddrinfo");
  }
  if (node != NULL && strncmp(node, "stalled", strlen("stalled")) == 0) {
    wait_while_there("STALLED_NAMES");
    return original("127.0.0.1", service, hints, result);
  }
  return original(node, service, hints, result);
}
