/* Bytes: comparing, hexadecimal, base64, SHA-256, UTF-8. OpenSSL does the cryptography. */
#include "common/bytes.h"

#include <openssl/crypto.h>

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistr.h>

#include "common/arena.h"

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool bytes_equal_secret(struct bytes a, struct bytes b)
{
    return a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

void bytes_put_hex(struct bytes in, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < in.n; i++) {
        ret_hex[2 * i] = digits[in.p[i] >> 4];
        ret_hex[2 * i + 1] = digits[in.p[i] & 15];
    }
    ret_hex[2 * in.n] = '\0';
}

char *bytes_to_hex(struct arena *arena, struct bytes in)
{
    char *hex = arena_room(arena, in.n * 2 + 1);

    bytes_put_hex(in, hex);
    return hex;
}

char *bytes_to_base64(struct arena *arena, struct bytes in)
{
    char *text = arena_alloc(arena, (in.n + 2) / 3 * 4 + 1);

    EVP_EncodeBlock((unsigned char *)text, in.p, (int)in.n);
    return text;
}

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool bytes_from_hex(struct arena *arena, const char *hex, struct bytes *ret_bytes)
{
    size_t length = strlen(hex);
    uint8_t *out = arena_alloc(arena, length / 2 + 1);

    if (length % 2)
        return false;
    for (size_t i = 0; i < length / 2; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    *ret_bytes = (struct bytes){out, length / 2};
    return true;
}

static bool is_base64(struct bytes text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t padding = 0;

    if (text.n % 4)
        return false;
    while (padding < 2 && padding < text.n && text.p[text.n - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < text.n - padding; i++)
        if (text.p[i] == 0 || !strchr(alphabet, text.p[i]))
            return false;
    return true;
}

bool bytes_from_base64(struct arena *arena, struct bytes text, struct bytes *ret_bytes)
{
    uint8_t *out;
    size_t n = text.n / 4 * 3;

    if (!is_base64(text) || text.n > INT32_MAX)
        return false;
    out = arena_alloc(arena, n + 1);
    if (text.n && EVP_DecodeBlock(out, text.p, (int)text.n) < 0)
        return false;
    for (size_t i = 0; i < 2 && i < text.n && text.p[text.n - 1 - i] == '='; i++)
        n--;
    *ret_bytes = (struct bytes){out, n};
    return true;
}

/* OpenSSL looks an algorithm up by name each time unless somebody has done it before. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void bytes_sha256(struct bytes in, uint8_t ret_digest[32])
{
    pthread_once(&sha256_once, fetch_sha256);
    if (!sha256 || EVP_Digest(in.p, in.n, ret_digest, NULL, sha256, NULL) != 1)
        abort();
}

bool bytes_are_text(struct bytes in)
{
    if (u8_check(in.p, in.n))
        return false;
    for (size_t i = 0; i < in.n; i++)
        if ((in.p[i] < 0x20 && in.p[i] != '\t' && in.p[i] != '\r' && in.p[i] != '\n') ||
            in.p[i] == 0x7f)
            return false;
    return true;
}
