/* A client that makes the same call over and over, and says how long each took.
 *
 * usage: load PORT REQUEST_FILE CONNECTIONS open RATE SECONDS WARM_SECONDS
 *        load PORT REQUEST_FILE CONNECTIONS closed CALLS
 *
 * open: call i is due at i / RATE whatever became of those before it, and its time runs from when it was due until its
 * last byte, so that a server that stalls is charged for all the calls that had to wait (no coordinated omission).
 * Calls due in the first WARM_SECONDS are made and not counted.
 * closed: each connection makes its next call when the one before is answered.
 *
 * Prints one line of JSON. One thread, one epoll, 127.0.0.1 only. Never judges: whoever runs it does. */
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define HEAD_BYTES_MAX 16384
#define GRACE_NS 10000000000LL

enum framing { BY_LENGTH, BY_CHUNKS, UNTIL_CLOSE };
enum chunk_part { SIZE, SIZE_REST, DATA, DATA_END, TRAILER };

struct connection {
    int fd, busy, in_body, status;
    long long since_ns;
    long call;
    size_t sent;
    char head[HEAD_BYTES_MAX];
    size_t head_length;
    enum framing framing;
    enum chunk_part part;
    long long left;
    int line_length;
};

static char *request;
static size_t request_length;
static int port, poller, timer, open_loop;
static long calls, begun, ended, warm_calls;
static double rate;
static long long started_ns, free_since_ns;
static long ok, refused, broken, connects;
static int first_refused;
static double *times_us, *late_us;
static long time_count, late_count;
static long long bytes_received;
static struct connection *connections, **idle;
static int connection_count, idle_count;

static void fail(const char *what) { perror(what); exit(1); }

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long due_ns(long call) { return started_ns + (long long)((double)call * 1e9 / rate); }

static void connect_now(struct connection *connection) {
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    int one = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event);
    connects++;
}

static void finish(struct connection *connection, int good) {
    long long now = now_ns();
    if (good && connection->status >= 200 && connection->status < 300) {
        ok++;
        if (connection->call >= warm_calls) times_us[time_count++] = (double)(now - connection->since_ns) / 1e3;
    } else if (good) {
        if (!refused++) first_refused = connection->status;
    }    else broken++;
    ended++;
    connection->busy = 0;
    connection->in_body = 0;
    connection->head_length = 0;
    if (!idle_count) free_since_ns = now;
    idle[idle_count++] = connection;
}

static void reconnect(struct connection *connection) {
    close(connection->fd);
    if (connection->busy) finish(connection, connection->in_body && connection->framing == UNTIL_CLOSE);
    connect_now(connection);
}

static void begin(struct connection *connection) {
    long long now = now_ns();
    connection->call = begun++;
    connection->since_ns = open_loop ? due_ns(connection->call) : now;
    connection->busy = 1;
    connection->status = 0;
    if (open_loop && connection->call >= warm_calls) {
        /* What a call waited for a free connection is the server's doing, and not the client being late. */
        long long could_ns = connection->since_ns > free_since_ns ? connection->since_ns : free_since_ns;
        late_us[late_count++] = (double)(now - could_ns) / 1e3;
    }
    /* A request of a few kilobytes always fits into the empty send buffer of a connection. */
    if (send(connection->fd, request, request_length, MSG_NOSIGNAL) != (ssize_t)request_length) reconnect(connection);
}

static int read_head(struct connection *connection) {
    connection->head[connection->head_length] = 0;
    connection->status = atoi(connection->head + 9);
    char *field = strcasestr(connection->head, "\r\ncontent-length:");
    connection->in_body = 1;
    if (field) {
        connection->framing = BY_LENGTH;
        connection->left = atoll(field + 17);
        return connection->left == 0;
    }
    connection->framing = strcasestr(connection->head, "\r\ntransfer-encoding: chunked") ? BY_CHUNKS : UNTIL_CLOSE;
    connection->part = SIZE;
    connection->left = 0;
    return 0;
}

/* Reads framed bytes; returns 1 at the end of the answer. */
static int read_chunks(struct connection *connection, const char *bytes, ssize_t length) {
    for (ssize_t at = 0; at < length;) {
        char byte = bytes[at];
        switch (connection->part) {
        case SIZE:
            at++;
            if (byte == '\n') { connection->line_length = 0; connection->part = connection->left ? DATA : TRAILER; }
            else if (byte == ';') connection->part = SIZE_REST;
            else if (byte != '\r') connection->left = connection->left * 16 + (byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
            break;
        case SIZE_REST:
            at++;
            if (byte == '\n') { connection->line_length = 0; connection->part = connection->left ? DATA : TRAILER; }
            break;
        case DATA: {
            long long piece = length - at < connection->left ? length - at : connection->left;
            connection->left -= piece;
            at += piece;
            if (!connection->left) connection->part = DATA_END;
            break;
        }
        case DATA_END:
            at++;
            if (byte == '\n') connection->part = SIZE;
            break;
        case TRAILER:
            at++;
            if (byte == '\n') {
                if (!connection->line_length) return 1;
                connection->line_length = 0;
            } else if (byte != '\r') connection->line_length++;
            break;
        }
    }
    return 0;
}

static int read_body(struct connection *connection, const char *bytes, ssize_t length) {
    if (connection->framing == BY_CHUNKS) return read_chunks(connection, bytes, length);
    if (connection->framing == UNTIL_CLOSE) return 0;
    connection->left -= length;
    return connection->left <= 0;
}

static void take(struct connection *connection) {
    static char bytes[262144];
    ssize_t got = recv(connection->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) { reconnect(connection); return; }
    bytes_received += got;
    ssize_t at = 0;
    while (!connection->in_body && at < got) {
        if (connection->head_length == HEAD_BYTES_MAX - 1) { reconnect(connection); return; }
        connection->head[connection->head_length++] = bytes[at++];
        size_t length = connection->head_length;
        if (length < 4 || memcmp(connection->head + length - 4, "\r\n\r\n", 4)) continue;
        if (read_head(connection)) { finish(connection, 1); return; }
    }
    if (connection->in_body && read_body(connection, bytes + at, got - at)) finish(connection, 1);
}

static void begin_what_is_due(void) {
    long due = calls;
    if (open_loop) {
        due = (long)((double)(now_ns() - started_ns) * rate / 1e9) + 1;
        if (due > calls) due = calls;
    }
    while (begun < due && idle_count) begin(idle[--idle_count]);
    if (!open_loop || begun >= calls || !idle_count) return;
    long long next = due_ns(begun);
    struct itimerspec when = {.it_value = {.tv_sec = next / 1000000000LL, .tv_nsec = next % 1000000000LL}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void run(void) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL}, ready[512];
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    started_ns = now_ns();
    long long give_up_ns = open_loop ? due_ns(calls) + GRACE_NS : 0;
    while (ended < calls) {
        begin_what_is_due();
        int found = epoll_wait(poller, ready, 512, 1000);
        for (int index = 0; index < found; index++)
            if (ready[index].data.ptr) take(ready[index].data.ptr);
        if (give_up_ns && now_ns() > give_up_ns) break;
    }
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static double quantile(const double *sorted, long count, double share) {
    if (!count) return 0;
    long at = (long)(share * (double)count);
    return sorted[at < count ? at : count - 1];
}

static void report(double seconds) {
    qsort(times_us, (size_t)time_count, sizeof *times_us, compare);
    qsort(late_us, (size_t)late_count, sizeof *late_us, compare);
    printf("{\"calls\": %ld, \"ok\": %ld, \"refused\": %ld, \"broken\": %ld, \"unanswered\": %ld, \"connects\": %ld, \"first_refused\": %d, ",
           calls, ok, refused, broken, calls - ended, connects, first_refused);
    printf("\"seconds\": %.6f, \"bytes\": %lld, \"counted\": %ld, ", seconds, bytes_received, time_count);
    printf("\"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, \"late_p99_us\": %.1f}\n",
           quantile(times_us, time_count, 0.5), quantile(times_us, time_count, 0.9), quantile(times_us, time_count, 0.99),
           quantile(times_us, time_count, 1.0), quantile(late_us, late_count, 0.99));
}

static void read_request(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    request = malloc(1 << 20);
    if (!request) fail("malloc");
    request_length = fread(request, 1, 1 << 20, file);
    fclose(file);
}

int main(int count, char **arguments) {
    open_loop = count == 8 && !strcmp(arguments[4], "open");
    if (!open_loop && (count != 6 || strcmp(arguments[4], "closed"))) {
        fprintf(stderr, "usage: load PORT REQUEST_FILE CONNECTIONS open RATE SECONDS WARM_SECONDS | closed CALLS\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    port = atoi(arguments[1]);
    read_request(arguments[2]);
    connection_count = atoi(arguments[3]);
    rate = open_loop ? atof(arguments[5]) : 0;
    warm_calls = open_loop ? (long)(rate * atof(arguments[7])) : 0;
    calls = open_loop ? warm_calls + (long)(rate * atof(arguments[6])) : atol(arguments[5]);
    times_us = calloc((size_t)calls + 1, sizeof *times_us);
    late_us = calloc((size_t)calls + 1, sizeof *late_us);
    connections = calloc((size_t)connection_count, sizeof *connections);
    idle = calloc((size_t)connection_count, sizeof *idle);
    if (!times_us || !late_us || !connections || !idle) fail("calloc");
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    for (int index = 0; index < connection_count; index++) {
        connect_now(&connections[index]);
        idle[idle_count++] = &connections[index];
    }
    run();
    report((double)(now_ns() - started_ns) / 1e9);
    return 0;
}
