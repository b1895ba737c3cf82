#ifndef BENCH_RECEIVE_H
#define BENCH_RECEIVE_H

#include <stdint.h>

struct bench_receive_options {
  /// Of a peer, such as "http://127.0.0.1:1234".
  const char *url;
  const char *user_agent;
  /// The accounts' ids count up from here; each has an easy handle of its own.
  uint64_t first_id;
  uint32_t accounts;
  /// Between two requests of an account, which are spread evenly over it.
  uint32_t period_ms;
};

/// The least that polling can cost with libcurl: the requests that the relay makes, one multi handle driven by epoll, connections
/// kept, every byte of the answers thrown away. Goes on until the pipe that is its stdin is closed; returns 0 then, or an errno value.
int bench_receive(const struct bench_receive_options *options);

#endif
