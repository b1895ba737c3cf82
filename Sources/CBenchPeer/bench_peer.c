#define _GNU_SOURCE
#include "bench_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { largest_request = 64 << 10, most_events = 256 };

struct file {
  const char *path;
  char *bytes;
  size_t size;
  ino_t inode;
  // Where to look for the next record to change, and whether an answer has shown it as it was written.
  size_t position;
  bool is_shown;
};

struct connection {
  int fd;
  // Tells this use of the descriptor from a later one.
  uint32_t generation;
  char *input;
  size_t filled;
  uint64_t began_ns;
  // What is still to be sent: a head, then the body of a file.
  char head[160];
  size_t head_size, head_sent;
  const struct file *body;
  size_t body_sent;
  bool waits_for_room;
};

// POSTs that wait for their answer: all wait equally long, so the first is always due first.
struct waiting {
  uint64_t due_ns;
  int fd;
  uint32_t generation;
};

struct peer {
  int epoll;
  const struct bench_peer_options *options;
  struct bench_peer_stats *stats;
  struct file settings, records;
  // By descriptor.
  struct connection **connections;
  size_t capacity;
  uint32_t generation;
  struct waiting *queue;
  size_t queue_first, queue_count, queue_capacity;
};

uint64_t bench_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t bench_peer_port(const struct bench_peer_stats *stats) { return atomic_load(&stats->port); }
uint64_t bench_peer_gets(const struct bench_peer_stats *stats) { return atomic_load(&stats->gets); }
uint64_t bench_peer_posts(const struct bench_peer_stats *stats) { return atomic_load(&stats->posts); }
uint64_t bench_peer_first_post_ns(const struct bench_peer_stats *stats) { return atomic_load(&stats->first_post_ns); }
uint64_t bench_peer_last_post_ns(const struct bench_peer_stats *stats) { return atomic_load(&stats->last_post_ns); }
uint64_t bench_peer_latest_post_ns(const struct bench_peer_stats *stats) { return atomic_load(&stats->latest_post_ns); }
uint64_t bench_peer_answered_ns(const struct bench_peer_stats *stats) { return atomic_load(&stats->answered_ns); }
uint64_t bench_peer_sample_size(const struct bench_peer_stats *stats) { return atomic_load(&stats->sample_size); }
const char *bench_peer_sample(const struct bench_peer_stats *stats) { return stats->sample; }
uint64_t bench_peer_polls(const struct bench_peer_stats *stats) { return atomic_load(&stats->polls); }
uint64_t bench_peer_last_poll_ns(const struct bench_peer_stats *stats) { return atomic_load(&stats->last_poll_ns); }

// A replaced file stays mapped, as an answer may be half sent.
static void refresh(struct file *file) {
  struct stat status;
  if (file->path == NULL || stat(file->path, &status) != 0 || status.st_ino == file->inode) return;
  int fd = open(file->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void *bytes = status.st_size > 0 ? mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) : NULL;
  close(fd);
  if (bytes == MAP_FAILED) return;
  file->bytes = bytes;
  file->size = (size_t)status.st_size;
  file->inode = status.st_ino;
  file->position = 0;
  file->is_shown = false;
}

// Changes records in our copy. Only for one account, whose answers don't overlap.
static void step(struct file *file, uint32_t count) {
  if (!file->is_shown) {
    file->is_shown = true;
    return;
  }
  for (; count > 0 && file->position < file->size; count--) {
    char *found = memmem(file->bytes + file->position, file->size - file->position, bench_peer_before,
                         sizeof bench_peer_before - 1);
    if (found == NULL) return;
    memcpy(found, bench_peer_after, sizeof bench_peer_after - 1);
    file->position = (size_t)(found - file->bytes) + sizeof bench_peer_after - 1;
  }
}

static void drop(struct peer *peer, struct connection *connection) {
  peer->connections[connection->fd] = NULL;
  close(connection->fd);
  free(connection->input);
  free(connection);
}

static void want(struct peer *peer, struct connection *connection, bool room) {
  if (connection->waits_for_room == room) return;
  connection->waits_for_room = room;
  struct epoll_event event = {.events = room ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.fd = connection->fd};
  epoll_ctl(peer->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

// Sends what there is to send; false when the connection is lost.
static bool flush(struct peer *peer, struct connection *connection) {
  while (connection->head_sent < connection->head_size) {
    ssize_t count = send(connection->fd, connection->head + connection->head_sent,
                         connection->head_size - connection->head_sent,
                         MSG_NOSIGNAL | (connection->body != NULL ? MSG_MORE : 0));
    if (count < 0) {
      if (errno != EAGAIN) return false;
      want(peer, connection, true);
      return true;
    }
    connection->head_sent += (size_t)count;
  }
  while (connection->body != NULL && connection->body_sent < connection->body->size) {
    size_t left = connection->body->size - connection->body_sent;
    bool holds = peer->options->hold_ms > 0;
    if (holds && left > 1) left--;
    else if (holds) {
      usleep(peer->options->hold_ms * 1000);
      atomic_store(&peer->stats->answered_ns, bench_now_ns());
    }
    ssize_t count = send(connection->fd, connection->body->bytes + connection->body_sent, left, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno != EAGAIN) return false;
      want(peer, connection, true);
      return true;
    }
    connection->body_sent += (size_t)count;
    if (connection->body_sent == connection->body->size && !holds) {
      atomic_store(&peer->stats->answered_ns, bench_now_ns());
    }
  }
  want(peer, connection, false);
  return true;
}

static bool answer(struct peer *peer, struct connection *connection, const struct file *body) {
  connection->body = body;
  connection->body_sent = 0;
  connection->head_sent = 0;
  connection->head_size = (size_t)snprintf(
      connection->head, sizeof connection->head,
      "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n", body != NULL ? "Content-Type: application/json\r\n" : "",
      body != NULL ? body->size : 0);
  return flush(peer, connection);
}

static void queue(struct peer *peer, struct connection *connection, uint64_t now) {
  if (peer->queue_first + peer->queue_count == peer->queue_capacity) {
    if (peer->queue_first > 0) {
      memmove(peer->queue, peer->queue + peer->queue_first, peer->queue_count * sizeof *peer->queue);
      peer->queue_first = 0;
    } else {
      peer->queue_capacity = peer->queue_capacity == 0 ? 1024 : 2 * peer->queue_capacity;
      peer->queue = realloc(peer->queue, peer->queue_capacity * sizeof *peer->queue);
      if (peer->queue == NULL) abort();
    }
  }
  peer->queue[peer->queue_first + peer->queue_count++] =
      (struct waiting){now + (uint64_t)peer->options->delay_ms * 1000000, connection->fd, connection->generation};
}

// Answers what has waited long enough; returns for how many milliseconds epoll may sleep.
static int answer_due(struct peer *peer) {
  while (peer->queue_count > 0) {
    struct waiting first = peer->queue[peer->queue_first];
    uint64_t now = bench_now_ns();
    if (first.due_ns > now) return (int)((first.due_ns - now) / 1000000) + 1;
    peer->queue_first++;
    peer->queue_count--;
    struct connection *connection = peer->connections[first.fd];
    if (connection == NULL || connection->generation != first.generation) continue;
    if (!answer(peer, connection, NULL)) drop(peer, connection);
  }
  return -1;
}

static size_t body_size(const char *head, size_t size) {
  for (const char *line = head; (size_t)(line - head) < size;) {
    if (strncasecmp(line, "content-length:", 15) == 0) return strtoul(line + 15, NULL, 10);
    const char *end = memchr(line, '\n', size - (size_t)(line - head));
    if (end == NULL) break;
    line = end + 1;
  }
  return 0;
}

static void keep_sample(struct bench_peer_stats *stats, const char *request, size_t size) {
  if (size > sizeof stats->sample) size = sizeof stats->sample;
  memcpy(stats->sample, request, size);
  atomic_store(&stats->sample_size, size);
}

// Takes the requests that are whole; false when the connection is to be dropped.
static bool take_requests(struct peer *peer, struct connection *connection) {
  size_t taken = 0;
  while (taken < connection->filled) {
    char *request = connection->input + taken;
    size_t left = connection->filled - taken;
    char *end = memmem(request, left, "\r\n\r\n", 4);
    if (end == NULL) break;
    size_t size = (size_t)(end + 4 - request);
    size += body_size(request, size);
    if (size > left) break;
    taken += size;
    uint64_t now = bench_now_ns();
    bool goes_on = true;
    if (memcmp(request, "POST", 4) == 0) {
      if (atomic_load(&peer->stats->posts) == 0) {
        atomic_store(&peer->stats->first_post_ns, connection->began_ns);
        keep_sample(peer->stats, request, size);
      }
      atomic_store(&peer->stats->latest_post_ns, connection->began_ns);
      atomic_store(&peer->stats->last_post_ns, now);
      atomic_fetch_add(&peer->stats->posts, 1);
      if (peer->options->delay_ms > 0) {
        queue(peer, connection, now);
      } else {
        goes_on = answer(peer, connection, NULL);
      }
    } else {
      char *line_end = memchr(request, '\n', size);
      bool is_settings = memmem(request, (size_t)(line_end - request), "getSettings", 11) != NULL;
      struct file *file = is_settings ? &peer->settings : &peer->records;
      refresh(file);
      if (!is_settings) {
        if (peer->options->step > 0) step(file, peer->options->step);
        atomic_store(&peer->stats->last_poll_ns, now);
        atomic_fetch_add(&peer->stats->polls, 1);
      }
      atomic_fetch_add(&peer->stats->gets, 1);
      goes_on = answer(peer, connection, file);
    }
    if (!goes_on) return false;
    connection->began_ns = now;
  }
  memmove(connection->input, connection->input + taken, connection->filled - taken);
  connection->filled -= taken;
  return connection->filled < largest_request;
}

static void read_from(struct peer *peer, struct connection *connection) {
  ssize_t count = recv(connection->fd, connection->input + connection->filled, largest_request - connection->filled, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    drop(peer, connection);
    return;
  }
  if (connection->filled == 0) connection->began_ns = bench_now_ns();
  connection->filled += (size_t)count;
  if (!take_requests(peer, connection)) drop(peer, connection);
}

static void accept_from(struct peer *peer, int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if ((size_t)fd >= peer->capacity) {
      size_t capacity = 2 * (size_t)fd + 64;
      peer->connections = realloc(peer->connections, capacity * sizeof *peer->connections);
      if (peer->connections == NULL) abort();
      memset(peer->connections + peer->capacity, 0, (capacity - peer->capacity) * sizeof *peer->connections);
      peer->capacity = capacity;
    }
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) abort();
    connection->input = malloc(largest_request);
    if (connection->input == NULL) abort();
    connection->fd = fd;
    connection->generation = ++peer->generation;
    peer->connections[fd] = connection;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(peer->epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

static int serve(struct peer *peer, int listener) {
  struct epoll_event events[most_events];
  for (;;) {
    int count = epoll_wait(peer->epoll, events, most_events, answer_due(peer));
    if (count < 0 && errno != EINTR) return errno;
    for (int index = 0; index < count; index++) {
      int fd = events[index].data.fd;
      if (fd == STDIN_FILENO) return 0;
      if (fd == listener) {
        accept_from(peer, listener);
        continue;
      }
      struct connection *connection = peer->connections[fd];
      if (connection == NULL) continue;
      if ((events[index].events & EPOLLOUT) != 0 && !flush(peer, connection)) {
        drop(peer, connection);
        continue;
      }
      if ((events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_from(peer, connection);
    }
  }
}

int bench_peer_serve(const struct bench_peer_options *options) {
  struct peer peer = {
      .options = options, .settings.path = options->settings_path, .records.path = options->records_path};
  int stats = open(options->stats_path, O_RDWR | O_CLOEXEC);
  if (stats < 0) return errno;
  void *shared = mmap(NULL, sizeof(struct bench_peer_stats), PROT_READ | PROT_WRITE, MAP_SHARED, stats, 0);
  close(stats);
  if (shared == MAP_FAILED) return errno;
  peer.stats = shared;

  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) return errno;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4096) != 0
      || getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
    return errno;
  }
  peer.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (peer.epoll < 0) return errno;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  if (epoll_ctl(peer.epoll, EPOLL_CTL_ADD, listener, &event) != 0) return errno;
  event.data.fd = STDIN_FILENO;
  if (epoll_ctl(peer.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) return errno;
  atomic_store(&peer.stats->port, ntohs(address.sin_port));
  return serve(&peer, listener);
}
