#define _GNU_SOURCE
#include "bench_receive.h"

#include "bench_peer.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { most_events = 256 };

struct receiver {
  const struct bench_receive_options *options;
  CURLM *multi;
  int epoll;
  // When libcurl wants to be called; 0: not at all.
  uint64_t timer_ns;
  CURL **handles;
  bool *busy;
  // Whose turn it is, and when: all periods are the same, so the order never changes.
  uint32_t next;
  uint64_t next_due_ns;
};

static size_t discard(char *bytes, size_t size, size_t count, void *context) {
  (void)bytes;
  (void)context;
  return size * count;
}

static int watch(CURL *easy, curl_socket_t socket, int what, void *context, void *known) {
  (void)easy;
  struct receiver *receiver = context;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(receiver->epoll, EPOLL_CTL_DEL, socket, NULL);
    return curl_multi_assign(receiver->multi, socket, NULL) == CURLM_OK ? 0 : -1;
  }
  struct epoll_event event = {.data.fd = socket};
  if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
  epoll_ctl(receiver->epoll, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event);
  if (known == NULL) curl_multi_assign(receiver->multi, socket, receiver);
  return 0;
}

static int set_timer(CURLM *multi, long milliseconds, void *context) {
  (void)multi;
  struct receiver *receiver = context;
  receiver->timer_ns = milliseconds < 0 ? 0 : bench_now_ns() + (uint64_t)milliseconds * 1000000;
  return 0;
}

static CURL *make_handle(const struct bench_receive_options *options, uint32_t index, struct curl_slist *headers) {
  CURL *easy = curl_easy_init();
  if (easy == NULL) return NULL;
  char url[256];
  snprintf(url, sizeof url, "%s/waInstance%llu/getOutgoingStatuses/bench?minutes=1440", options->url,
           (unsigned long long)options->first_id + index);
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)(uintptr_t)index);
  return easy;
}

static void start_due(struct receiver *receiver) {
  uint64_t step_ns = (uint64_t)receiver->options->period_ms * 1000000 / receiver->options->accounts;
  while (receiver->next_due_ns <= bench_now_ns() && !receiver->busy[receiver->next]) {
    receiver->busy[receiver->next] = true;
    curl_multi_add_handle(receiver->multi, receiver->handles[receiver->next]);
    receiver->next = (receiver->next + 1) % receiver->options->accounts;
    receiver->next_due_ns += step_ns;
  }
}

static int take_finished(struct receiver *receiver) {
  int left;
  CURLMsg *message;
  while ((message = curl_multi_info_read(receiver->multi, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE) continue;
    if (message->data.result != CURLE_OK) return EIO;
    CURL *easy = message->easy_handle;
    char *index = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &index);
    curl_multi_remove_handle(receiver->multi, easy);
    receiver->busy[(uintptr_t)index] = false;
  }
  return 0;
}

static int sleep_ms(const struct receiver *receiver) {
  // A handle that is still busy holds the turn up: its end wakes us.
  uint64_t due = receiver->busy[receiver->next] ? UINT64_MAX : receiver->next_due_ns;
  if (receiver->timer_ns != 0 && receiver->timer_ns < due) due = receiver->timer_ns;
  if (due == UINT64_MAX) return -1;
  uint64_t now = bench_now_ns();
  return due <= now ? 0 : (int)((due - now + 999999) / 1000000);
}

static int receive(struct receiver *receiver) {
  struct epoll_event events[most_events];
  int running;
  for (;;) {
    int count = epoll_wait(receiver->epoll, events, most_events, sleep_ms(receiver));
    if (count < 0 && errno != EINTR) return errno;
    for (int index = 0; index < count; index++) {
      if (events[index].data.fd == STDIN_FILENO) return 0;
      int bits = 0;
      if ((events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) bits |= CURL_CSELECT_IN;
      if ((events[index].events & EPOLLOUT) != 0) bits |= CURL_CSELECT_OUT;
      curl_multi_socket_action(receiver->multi, events[index].data.fd, bits, &running);
    }
    start_due(receiver);
    if (receiver->timer_ns != 0 && receiver->timer_ns <= bench_now_ns()) {
      receiver->timer_ns = 0;
      curl_multi_socket_action(receiver->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    int code = take_finished(receiver);
    if (code != 0) return code;
  }
}

int bench_receive(const struct bench_receive_options *options) {
  struct receiver receiver = {.options = options, .next_due_ns = bench_now_ns()};
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return ENOMEM;
  receiver.multi = curl_multi_init();
  receiver.epoll = epoll_create1(EPOLL_CLOEXEC);
  receiver.handles = calloc(options->accounts, sizeof *receiver.handles);
  receiver.busy = calloc(options->accounts, sizeof *receiver.busy);
  if (receiver.multi == NULL || receiver.epoll < 0 || receiver.handles == NULL || receiver.busy == NULL) return ENOMEM;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
  if (epoll_ctl(receiver.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) return errno;
  curl_multi_setopt(receiver.multi, CURLMOPT_SOCKETFUNCTION, watch);
  curl_multi_setopt(receiver.multi, CURLMOPT_SOCKETDATA, &receiver);
  curl_multi_setopt(receiver.multi, CURLMOPT_TIMERFUNCTION, set_timer);
  curl_multi_setopt(receiver.multi, CURLMOPT_TIMERDATA, &receiver);

  char user_agent[128];
  snprintf(user_agent, sizeof user_agent, "User-Agent: %s", options->user_agent);
  struct curl_slist *headers = curl_slist_append(curl_slist_append(NULL, "Accept: application/json"), user_agent);
  for (uint32_t index = 0; index < options->accounts; index++) {
    receiver.handles[index] = make_handle(options, index, headers);
    if (receiver.handles[index] == NULL) return ENOMEM;
  }
  return receive(&receiver);
}
