/* Looks through the addresses of this host's interfaces. Never guesses: without a leg in the
 * network that the configuration names, a service does not listen somewhere else instead. */
#include "common/own_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct network {
    int family;
    uint8_t address[16];
    unsigned bits;
};

bool own_address_is_network(const char *host)
{
    return strchr(host, '/') != NULL;
}

static bool parse(const char *text, struct network *ret)
{
    const char *slash = strchr(text, '/');
    char host[OWN_ADDRESS_MAX];
    size_t n = slash ? (size_t)(slash - text) : 0;
    char *end = NULL;

    if (!n || n >= sizeof(host) || slash[1] < '0' || slash[1] > '9')
        return false;
    memcpy(host, text, n);
    host[n] = 0;
    ret->bits = (unsigned)strtoul(slash + 1, &end, 10);
    ret->family = strchr(host, ':') ? AF_INET6 : AF_INET;
    return !*end && ret->bits <= (ret->family == AF_INET ? 32 : 128) &&
           inet_pton(ret->family, host, ret->address) == 1;
}

static bool contains(const struct network *network, const uint8_t *address)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    uint8_t mask = (uint8_t)(0xff00 >> rest);

    return !memcmp(network->address, address, whole) &&
           (!rest || ((network->address[whole] ^ address[whole]) & mask) == 0);
}

static const uint8_t *address_bytes(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    return (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
}

enum rc own_address_in(const char *text, struct err *err, char ret_host[OWN_ADDRESS_MAX])
{
    struct network network;
    struct ifaddrs *all = NULL;
    bool found = false;

    CHECK(parse(text, &network), err, TRIEN__ERROR__CONFIG_INVALID, "`%s` is no network", text);
    CHECK(getifaddrs(&all) == 0, err, TRIEN__ERROR__INTERNAL, "getifaddrs");
    for (struct ifaddrs *i = all; i && !found; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == network.family &&
            contains(&network, address_bytes(i->ifa_addr)))
            found = inet_ntop(network.family, address_bytes(i->ifa_addr), ret_host,
                              OWN_ADDRESS_MAX) != NULL;
    freeifaddrs(all);
    CHECK(found, err, TRIEN__ERROR__CONFIG_INVALID, "this host has no address in %s", text);
    return RC_OK;
}
