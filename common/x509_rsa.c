/* Three ways in which an RSA modulus gives itself away. Only arithmetic; which of them refuses a
 * key is the table of x509_weak.c. */
#include "common/x509_rsa.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "common/guard.h"
#include "common/ossl.h"

#define PRIME_LIMIT 1024
#define ROCA_LIMIT 167
#define MAX_WORDS (8192 / 64)
#define FERMAT_STEPS 100

/* Odd primes in groups whose product fits a word: one division of the modulus serves a group. */
static struct group {
    uint64_t product;
    uint16_t primes[8];
    unsigned count;
} groups[64];
static unsigned group_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void add_prime(uint16_t prime)
{
    struct group *group = group_count ? &groups[group_count - 1] : NULL;

    if (!group || group->count == COUNT_OF(group->primes) || group->product > UINT64_MAX / prime) {
        group = &groups[group_count++];
        group->product = 1;
    }
    group->product *= prime;
    group->primes[group->count++] = prime;
}

static void make_groups(void)
{
    bool composite[PRIME_LIMIT] = {false};

    for (uint16_t p = 3; p < PRIME_LIMIT; p = (uint16_t)(p + 2)) {
        if (composite[p])
            continue;
        add_prime(p);
        for (unsigned multiple = (unsigned)p * p; multiple < PRIME_LIMIT; multiple += p)
            composite[multiple] = true;
    }
}

/* The modulus as words, least significant first; the number of words. */
static size_t words_of(const BIGNUM *modulus, uint64_t words[MAX_WORDS])
{
    size_t count = ((size_t)BN_num_bytes(modulus) + 7) / 8;

    pthread_once(&once, make_groups);
    if (count > MAX_WORDS || BN_bn2nativepad(modulus, (unsigned char *)words, (int)count * 8) < 0)
        return 0;
    return count;
}

static uint64_t remainder_of(const uint64_t *words, size_t count, uint64_t divisor)
{
    uint64_t remainder = 0;

    for (size_t i = count; i-- > 0;)
        remainder = (uint64_t)(((unsigned __int128)remainder << 64 | words[i]) % divisor);
    return remainder;
}

bool rsa_has_small_factor(const BIGNUM *modulus)
{
    uint64_t words[MAX_WORDS];
    size_t count = words_of(modulus, words);

    for (unsigned g = 0; g < group_count; g++) {
        uint64_t remainder = remainder_of(words, count, groups[g].product);
        for (unsigned i = 0; i < groups[g].count; i++)
            if (remainder % groups[g].primes[i] == 0)
                return true;
    }
    return false;
}

static bool is_power_of_65537(uint64_t residue, uint16_t prime)
{
    uint64_t power = 1;

    do {
        if (power == residue)
            return true;
        power = power * (65537u % prime) % prime;
    } while (power != 1);
    return false;
}

bool rsa_has_roca_fingerprint(const BIGNUM *modulus)
{
    uint64_t words[MAX_WORDS];
    size_t count = words_of(modulus, words);

    for (unsigned g = 0; g < group_count; g++) {
        uint64_t remainder = remainder_of(words, count, groups[g].product);
        for (unsigned i = 0; i < groups[g].count; i++) {
            uint16_t prime = groups[g].primes[i];
            if (prime > ROCA_LIMIT)
                return true;
            if (!is_power_of_65537(remainder % prime, prime))
                return false;
        }
    }
    return true;
}

/* Largest root with root² ≤ n, by Newton's method from above. */
static bool square_root(BIGNUM *root, const BIGNUM *n, BN_CTX *context)
{
    BIGNUM *next;
    bool good;

    BN_CTX_start(context);
    next = BN_CTX_get(context);
    good = next && BN_one(root) && BN_lshift(root, root, (BN_num_bits(n) + 1) / 2);
    while (good) {
        good = BN_div(next, NULL, n, root, context) && BN_add(next, next, root) &&
               BN_rshift1(next, next);
        if (!good || BN_cmp(next, root) >= 0)
            break;
        good = BN_copy(root, next) != NULL;
    }
    BN_CTX_end(context);
    return good;
}

static bool is_square(const BIGNUM *n, BN_CTX *context)
{
    /* Squares modulo 64 are 12 residues: four of five numbers go no further. */
    static const uint64_t squares_mod_64 = UINT64_C(0x0202021202030213);
    uint64_t low = BN_mod_word(n, 64);
    BIGNUM *root, *square;
    bool same = false;

    if (!(squares_mod_64 >> low & 1))
        return false;
    BN_CTX_start(context);
    root = BN_CTX_get(context);
    square = BN_CTX_get(context);
    if (square && square_root(root, n, context) && BN_sqr(square, root, context))
        same = BN_cmp(square, n) == 0;
    BN_CTX_end(context);
    return same;
}

bool rsa_has_close_factors(const BIGNUM *modulus)
{
    autoptr(BN_CTX) context = BN_CTX_new();
    BIGNUM *a, *rest;
    bool found = false;

    if (!context)
        return false;
    BN_CTX_start(context);
    a = BN_CTX_get(context);
    rest = BN_CTX_get(context);
    if (rest && square_root(a, modulus, context) && BN_add_word(a, 1) && BN_sqr(rest, a, context) &&
        BN_sub(rest, rest, modulus)) {
        for (int step = 0; step < FERMAT_STEPS && !found; step++) {
            found = is_square(rest, context);
            /* (a+1)² − n = a² − n + 2a + 1 */
            if (!BN_add(rest, rest, a) || !BN_add_word(a, 1) || !BN_add(rest, rest, a))
                break;
        }
    }
    BN_CTX_end(context);
    return found;
}
