/* Ports on loopback that nobody uses, for tests that listen. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/guard.h"

static bool port_is_free(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_free;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    is_free = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return is_free;
}

/** A number such that number + each offset is a free port; below the ephemeral range, so that no
 *  outgoing connection takes one meanwhile. Aborts when there is none. */
static int free_ports(const int *offsets, size_t count)
{
    for (int attempt = 0; attempt < 200; attempt++) {
        int base = 10000 + (int)arc4random_uniform(20000);
        size_t found = 0;

        while (found < count && port_is_free(base + offsets[found]))
            found++;
        if (found == count)
            return base;
    }
    abort();
}
