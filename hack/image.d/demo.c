/* The application of demo and tests, for pods that really run.
 *
 *   demo [--listen=HOST:PORT] [--...]   answers every HTTP request on the port, 8080 without it, of every address
 *                                       with 200 and the pod's name, until SIGTERM; other options change nothing
 *   demo migrate, demo up [--...]       stands for a migration: says what it does and exits 0
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void end(int number) {
  (void)number;
  _exit(0); /* As process 1 of a container, we get no signal that we do not ask for. */
}

/* Reads up to the empty line that ends the head of a request; whoever dawdles is not waited for. */
static int read_head(int client) {
  char head[8192];
  size_t size = 0;
  while (size < sizeof head - 1) {
    const ssize_t more = recv(client, head + size, sizeof head - 1 - size, 0);
    if (more <= 0) return -1;
    size += (size_t)more;
    head[size] = '\0';
    if (strstr(head, "\r\n\r\n")) return 0;
  }
  return -1;
}

static int serve(unsigned short port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr*)&here, sizeof here) || listen(listener, 64)) {
    perror("demo: the port");
    return 1;
  }
  printf("serving on port %d\n", port);
  for (;;) {
    const int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    const struct timeval patience = {.tv_sec = 1};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!read_head(client)) {
      char host[64] = "", answer[256];
      gethostname(host, sizeof host - 1);
      const int size = snprintf(answer, sizeof answer,
                                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                                "Connection: close\r\n\r\nhello from %s\n",
                                strlen(host) + strlen("hello from \n"), host);
      send(client, answer, (size_t)size, MSG_NOSIGNAL);
    }
    close(client);
  }
}

int main(int count, char** words) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGTERM, end);
  signal(SIGINT, end);
  if (count > 1 && (!strcmp(words[1], "migrate") || !strcmp(words[1], "up"))) {
    puts("migrated 3 tables");
    return 0;
  }
  unsigned short port = 8080;
  for (int i = 1; i < count; ++i) {
    const char* const colon = strrchr(words[i], ':');
    if (!strncmp(words[i], "--listen=", 9) && colon) port = (unsigned short)atoi(colon + 1);
    if (strncmp(words[i], "--", 2)) {
      fprintf(stderr, "usage: %s [migrate | up | --listen=HOST:PORT]\n", words[0]);
      return 2;
    }
  }
  return serve(port);
}
