#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stdint.h>

/// What a bare loop over libcurl's multi interface is to post.
struct bench_post_options {
  /// The same request goes to each in turn.
  const char *const *urls;
  uint32_t url_count;
  /// One header line each, such as "Content-Type: application/json".
  const char *const *headers;
  uint32_t header_count;
  const char *body;
  uint64_t body_size;
  /// Requests altogether, and at once.
  uint64_t count;
  uint32_t concurrency;
};

/// Posts with epoll and curl_multi_socket_action on the calling thread, handles and connections kept: as little as posting with libcurl can
/// cost. The time that all of them took goes to `nanoseconds`. Returns 0, or -1 when a request failed or was not answered by 2xx.
int bench_post(const struct bench_post_options *options, uint64_t *nanoseconds);

/// One libcurl handle that posts again and again over its kept connection, on the calling thread.
struct bench_poster;

/// NULL when out of memory. `count` and `concurrency` say nothing here, and there is one URL. The body must stay.
struct bench_poster *bench_poster_make(const struct bench_post_options *options);
/// Returns 0, or -1 when the request failed or was not answered by 2xx.
int bench_poster_post(struct bench_poster *poster);
void bench_poster_free(struct bench_poster *poster);

#endif
