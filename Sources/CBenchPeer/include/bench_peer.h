#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdatomic.h>
#include <stdint.h>

/// What a peer has seen, in a file that it shares with whoever measures. Times are CLOCK_MONOTONIC nanoseconds, which all
/// processes of a machine read alike.
struct bench_peer_stats {
  _Atomic uint64_t port;
  /// Whole requests that have arrived, by method.
  _Atomic uint64_t gets;
  _Atomic uint64_t posts;
  /// When the first byte of the first POST, and the last byte of the latest one, was read.
  _Atomic uint64_t first_post_ns;
  _Atomic uint64_t last_post_ns;
  /// When the first byte of the latest POST was read.
  _Atomic uint64_t latest_post_ns;
  /// When the last byte of the latest answer to a GET was handed to the system.
  _Atomic uint64_t answered_ns;
  /// The first POST as it came, cut off where there is no more room; its size is set when it is there.
  _Atomic uint64_t sample_size;
  char sample[8192];
  /// The GETs of `gets` that were answered with records, and when the latest of them was read.
  _Atomic uint64_t polls;
  _Atomic uint64_t last_poll_ns;
};

struct bench_peer_options {
  /// A file of the size of `struct bench_peer_stats`.
  const char *stats_path;
  /// Files: the answers to a GET whose path holds "getSettings", and to any other GET. Another file renamed over one of them is
  /// taken up by the next request.
  const char *settings_path;
  const char *records_path;
  /// How long each POST waits for its answer; 0: none.
  uint32_t delay_ms;
  /// How long the last byte of an answer to a GET is held back after the others: what arrives faster than any network delivers it lies in
  /// the kernel's buffers for a while, and is not there to be read as yet. Everybody else waits meanwhile.
  uint32_t hold_ms;
  /// How many records change before each poll's answer but the first, until all have: the next so many of
  /// `bench_peer_before` in the records become `bench_peer_after`, which is as long. 0: none.
  uint32_t step;
};

#define bench_peer_before "\"sent\"     "
#define bench_peer_after "\"delivered\""

/// A stand-in for GREEN-API and for a consumer, as small as it can be so that it never holds back what it measures: one thread, epoll,
/// connections kept, 200 to every POST. Serves on a free port of 127.0.0.1 until the pipe that is its stdin is closed.
/// Returns 0 then, or an errno value.
int bench_peer_serve(const struct bench_peer_options *options);

/// CLOCK_MONOTONIC in nanoseconds.
uint64_t bench_now_ns(void);

// Swift can't read C's atomics.
uint64_t bench_peer_port(const struct bench_peer_stats *stats);
uint64_t bench_peer_gets(const struct bench_peer_stats *stats);
uint64_t bench_peer_posts(const struct bench_peer_stats *stats);
uint64_t bench_peer_first_post_ns(const struct bench_peer_stats *stats);
uint64_t bench_peer_last_post_ns(const struct bench_peer_stats *stats);
uint64_t bench_peer_latest_post_ns(const struct bench_peer_stats *stats);
uint64_t bench_peer_answered_ns(const struct bench_peer_stats *stats);
uint64_t bench_peer_sample_size(const struct bench_peer_stats *stats);
const char *bench_peer_sample(const struct bench_peer_stats *stats);
uint64_t bench_peer_polls(const struct bench_peer_stats *stats);
uint64_t bench_peer_last_poll_ns(const struct bench_peer_stats *stats);

#endif
