#include "bench_floor.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench_peer.h"

enum { most_events = 256 };

struct loop {
  CURLM *multi;
  int epoll;
  long timeout_ms;
  const struct bench_post_options *options;
  struct curl_slist *headers;
  uint64_t started, finished;
  bool failed;
};

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *known) {
  (void)easy;
  struct loop *loop = user;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, socket, NULL);
    return 0;
  }
  uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
  struct epoll_event event = {.events = events, .data.fd = socket};
  if (known == NULL) {
    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, socket, &event);
    curl_multi_assign(loop->multi, socket, loop);
  } else {
    epoll_ctl(loop->epoll, EPOLL_CTL_MOD, socket, &event);
  }
  return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user) {
  (void)multi;
  ((struct loop *)user)->timeout_ms = timeout_ms;
  return 0;
}

static size_t discard(char *bytes, size_t size, size_t count, void *user) {
  (void)bytes;
  (void)user;
  return size * count;
}

static bool start(struct loop *loop, CURL *easy) {
  const struct bench_post_options *options = loop->options;
  curl_easy_setopt(easy, CURLOPT_URL, options->urls[loop->started % options->url_count]);
  loop->started++;
  return curl_multi_add_handle(loop->multi, easy) == CURLM_OK;
}

static struct curl_slist *header_list(const struct bench_post_options *options) {
  struct curl_slist *headers = NULL;
  for (uint32_t index = 0; index < options->header_count; index++) {
    headers = curl_slist_append(headers, options->headers[index]);
  }
  return headers;
}

static CURL *make(const struct bench_post_options *options, struct curl_slist *headers) {
  CURL *easy = curl_easy_init();
  if (easy == NULL) return NULL;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, options->body);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options->body_size);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  return easy;
}

static void take_finished(struct loop *loop) {
  int left;
  CURLMsg *message;
  while ((message = curl_multi_info_read(loop->multi, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL *easy = message->easy_handle;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (message->data.result != CURLE_OK || status / 100 != 2) loop->failed = true;
    curl_multi_remove_handle(loop->multi, easy);
    loop->finished++;
    if (loop->started < loop->options->count && !start(loop, easy)) loop->failed = true;
  }
}

int bench_post(const struct bench_post_options *options, uint64_t *nanoseconds) {
  struct loop loop = {.options = options, .timeout_ms = -1};
  struct epoll_event events[most_events];
  uint32_t handles = options->concurrency;
  if (handles > options->count) handles = (uint32_t)options->count;
  CURL **easies = calloc(handles, sizeof *easies);
  loop.multi = curl_multi_init();
  loop.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (easies == NULL || loop.multi == NULL || loop.epoll < 0) return -1;
  curl_multi_setopt(loop.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(loop.multi, CURLMOPT_SOCKETDATA, &loop);
  curl_multi_setopt(loop.multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(loop.multi, CURLMOPT_TIMERDATA, &loop);
  curl_multi_setopt(loop.multi, CURLMOPT_MAXCONNECTS, (long)(2 * handles));
  loop.headers = header_list(options);

  uint64_t began = bench_now_ns();
  for (uint32_t index = 0; index < handles && !loop.failed; index++) {
    easies[index] = make(options, loop.headers);
    if (easies[index] == NULL || !start(&loop, easies[index])) loop.failed = true;
  }
  int running = 0;
  while (loop.finished < options->count && !loop.failed) {
    int count = loop.timeout_ms == 0 ? 0 : epoll_wait(loop.epoll, events, most_events, (int)loop.timeout_ms);
    if (count == 0) {
      loop.timeout_ms = -1;
      curl_multi_socket_action(loop.multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    for (int index = 0; index < count; index++) {
      int bits = (events[index].events & EPOLLIN ? CURL_CSELECT_IN : 0)
                 | (events[index].events & EPOLLOUT ? CURL_CSELECT_OUT : 0)
                 | (events[index].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
      curl_multi_socket_action(loop.multi, events[index].data.fd, bits, &running);
    }
    take_finished(&loop);
  }
  *nanoseconds = bench_now_ns() - began;

  for (uint32_t index = 0; index < handles; index++) {
    if (easies[index] == NULL) continue;
    curl_multi_remove_handle(loop.multi, easies[index]);
    curl_easy_cleanup(easies[index]);
  }
  curl_multi_cleanup(loop.multi);
  curl_slist_free_all(loop.headers);
  close(loop.epoll);
  free(easies);
  return loop.failed ? -1 : 0;
}

struct bench_poster {
  CURL *easy;
  struct curl_slist *headers;
};

struct bench_poster *bench_poster_make(const struct bench_post_options *options) {
  struct bench_poster *poster = calloc(1, sizeof *poster);
  if (poster == NULL) return NULL;
  poster->headers = header_list(options);
  poster->easy = make(options, poster->headers);
  if (poster->easy == NULL) {
    bench_poster_free(poster);
    return NULL;
  }
  curl_easy_setopt(poster->easy, CURLOPT_URL, options->urls[0]);
  return poster;
}

int bench_poster_post(struct bench_poster *poster) {
  long status = 0;
  if (curl_easy_perform(poster->easy) != CURLE_OK) return -1;
  curl_easy_getinfo(poster->easy, CURLINFO_RESPONSE_CODE, &status);
  return status / 100 == 2 ? 0 : -1;
}

void bench_poster_free(struct bench_poster *poster) {
  if (poster->easy != NULL) curl_easy_cleanup(poster->easy);
  curl_slist_free_all(poster->headers);
  free(poster);
}
