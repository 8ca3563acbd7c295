/* An upstream that answers every POST with the same event stream, in one of three ways that the path names:
 *
 *     /whole/...   all events in one write
 *     /event/...   one write an event, one directly after the other
 *     /paced/...   one write an event, PACE_MS apart
 *     GET /counts  {"accepted": connections so far, "streams": answers so far}
 *
 * usage: event_source PORT FILE PACE_MS, where FILE holds events that each end in an empty line. One thread, one epoll.
 * Prints "ready" once it listens; ends by a signal. Never checks what it is asked. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 4096
#define CONNECTIONS_MAX 8192
#define REQUEST_BYTES_MAX 65536

static const char STREAM_HEAD[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
static const char LAST_CHUNK[] = "0\r\n\r\n";

struct piece { char *bytes; size_t length; };
enum mode { WHOLE, EVENT, PACED };

struct connection {
    int fd;
    char request[REQUEST_BYTES_MAX];
    size_t received;
    int answering;
    enum mode mode;
    int piece;      /* which piece is being written */
    size_t offset;  /* how much of it has been */
    long long due_ns;
    int paced_at;   /* its place among the paced ones, or -1 */
};

static struct piece pieces[EVENTS_MAX], whole;
static int piece_count;
static long long pace_ns;
static int poller, listener;
static long long accepted, streams;
static struct connection *paced[CONNECTIONS_MAX];
static int paced_count;

static void fail(const char *what) { perror(what); exit(1); }

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void append(struct piece *piece, const char *bytes, size_t length) {
    piece->bytes = realloc(piece->bytes, piece->length + length);
    if (!piece->bytes) fail("realloc");
    memcpy(piece->bytes + piece->length, bytes, length);
    piece->length += length;
}

static void append_chunk(struct piece *piece, const char *bytes, size_t length) {
    char size[32];
    append(piece, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", length));
    append(piece, bytes, length);
    append(piece, "\r\n", 2);
}

static void read_events(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    static char text[8 * 1024 * 1024];
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    append(&whole, STREAM_HEAD, sizeof STREAM_HEAD - 1);
    append_chunk(&whole, text, length);
    append(&whole, LAST_CHUNK, sizeof LAST_CHUNK - 1);
    char *start = text, *end;
    while (piece_count < EVENTS_MAX && (end = strstr(start, "\n\n"))) {
        struct piece *piece = &pieces[piece_count++];
        if (piece_count == 1) append(piece, STREAM_HEAD, sizeof STREAM_HEAD - 1);
        append_chunk(piece, start, (size_t)(end + 2 - start));
        start = end + 2;
    }
    if (!piece_count) { fprintf(stderr, "%s holds no events\n", path); exit(1); }
    append(&pieces[piece_count - 1], LAST_CHUNK, sizeof LAST_CHUNK - 1);
}

static void leave_paced(struct connection *connection) {
    if (connection->paced_at < 0) return;
    struct connection *moved = paced[--paced_count];
    paced[connection->paced_at] = moved;
    moved->paced_at = connection->paced_at;
    connection->paced_at = -1;
}

static void drop(struct connection *connection) {
    leave_paced(connection);
    close(connection->fd);
    free(connection);
}

static void want(struct connection *connection, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event);
}

/* Returns 0 when the connection is gone. */
static int advance(struct connection *connection) {
    int count = connection->mode == WHOLE ? 1 : piece_count;
    while (connection->piece < count) {
        struct piece *piece = connection->mode == WHOLE ? &whole : &pieces[connection->piece];
        ssize_t sent = send(connection->fd, piece->bytes + connection->offset, piece->length - connection->offset, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN) { want(connection, EPOLLIN | EPOLLOUT); return 1; }
            drop(connection);
            return 0;
        }
        connection->offset += (size_t)sent;
        if (connection->offset < piece->length) continue;
        connection->offset = 0;
        connection->piece++;
        if (connection->mode == PACED && connection->piece < count) {
            connection->due_ns += pace_ns;
            if (connection->due_ns > now_ns()) return 1;
        }
    }
    streams++;
    connection->answering = 0;
    leave_paced(connection);
    want(connection, EPOLLIN);
    return 1;
}

static int begin(struct connection *connection, const char *path) {
    connection->answering = 1;
    connection->piece = 0;
    connection->offset = 0;
    connection->mode = !strncmp(path, "/whole/", 7) ? WHOLE : !strncmp(path, "/paced/", 7) ? PACED : EVENT;
    if (connection->mode == PACED && paced_count < CONNECTIONS_MAX) {
        connection->due_ns = now_ns();
        connection->paced_at = paced_count;
        paced[paced_count++] = connection;
    }
    return advance(connection);
}

static int answer_counts(struct connection *connection) {
    char body[128], answer[512];
    int length = snprintf(body, sizeof body, "{\"accepted\": %lld, \"streams\": %lld}", accepted, streams);
    int total = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
                         length, body);
    if (send(connection->fd, answer, (size_t)total, MSG_NOSIGNAL) != total) { drop(connection); return 0; }
    return 1;
}

/* The length of the request that has come whole, or 0 while more of it is to come. */
static size_t whole_request(struct connection *connection) {
    connection->request[connection->received] = 0;
    char *end = strstr(connection->request, "\r\n\r\n");
    if (!end) return 0;
    size_t head = (size_t)(end + 4 - connection->request);
    char *field = strcasestr(connection->request, "\r\ncontent-length:");
    if (field && field < end) {
        size_t length = head + strtoul(field + 17, NULL, 10);
        return connection->received >= length ? length : 0;
    }
    field = strcasestr(connection->request, "\r\ntransfer-encoding: chunked");
    if (field && field < end) {
        char *last = strstr(end + 2, "\r\n0\r\n\r\n");
        return last ? (size_t)(last + 7 - connection->request) : 0;
    }
    return head;
}

static void take(struct connection *connection) {
    for (;;) {
        size_t room = REQUEST_BYTES_MAX - 1 - connection->received;
        if (!room) { drop(connection); return; }
        ssize_t got = recv(connection->fd, connection->request + connection->received, room, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) { drop(connection); return; }
        connection->received += (size_t)got;
        size_t length = connection->answering ? 0 : whole_request(connection);
        if (!length) continue;
        char path[16] = "";
        char *space = memchr(connection->request, ' ', length);
        if (space) strncpy(path, space + 1, sizeof path - 1);
        int counts = !strncmp(path, "/counts", 7);
        connection->received -= length;
        memmove(connection->request, connection->request + length, connection->received);
        if (!(counts ? answer_counts(connection) : begin(connection, path))) return;
    }
}

static void welcome(void) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *connection = calloc(1, sizeof *connection);
        if (!connection) fail("calloc");
        connection->fd = fd;
        connection->paced_at = -1;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
        accepted++;
    }
}

static void serve_due(void) {
    long long now = now_ns();
    for (int index = 0; index < paced_count;) {
        struct connection *connection = paced[index];
        int due = connection->due_ns <= now && !connection->offset;
        /* Whoever has left was replaced by the last one, which is looked at next, in the same place. */
        if (due) advance(connection);
        if (index < paced_count && paced[index] == connection) index++;
    }
}

static int wait_ms(void) {
    if (!paced_count) return -1;
    long long first = paced[0]->due_ns, now = now_ns();
    for (int index = 1; index < paced_count; index++)
        if (paced[index]->due_ns < first) first = paced[index]->due_ns;
    return first <= now ? 0 : (int)((first - now + 999999) / 1000000);
}

static void listen_on(int port) {
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address)) fail("bind");
    if (listen(listener, 4096)) fail("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
}

int main(int count, char **arguments) {
    if (count != 4) { fprintf(stderr, "usage: event_source PORT FILE PACE_MS\n"); return 2; }
    signal(SIGPIPE, SIG_IGN);
    read_events(arguments[2]);
    pace_ns = atoll(arguments[3]) * 1000000LL;
    poller = epoll_create1(EPOLL_CLOEXEC);
    listen_on(atoi(arguments[1]));
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        struct epoll_event ready[512];
        int found = epoll_wait(poller, ready, 512, wait_ms());
        for (int index = 0; index < found; index++) {
            struct connection *connection = ready[index].data.ptr;
            if (!connection) { welcome(); continue; }
            if ((ready[index].events & EPOLLOUT) && connection->answering && !advance(connection)) continue;
            if (ready[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take(connection);
        }
        serve_due();
    }
}
