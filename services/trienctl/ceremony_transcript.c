/* The transcript of a key ceremony: a text file that only grows, sealed after every step. Never
 * overwrites a file. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "services/trienctl/ceremony.h"

struct transcript {
    EVP_MD_CTX *digest; /* of everything written so far */
    struct arena *arena;
    size_t bytes;
    unsigned step;
    bool failed;
    int fd;
    char hex[65];
};

static void write_bytes(struct transcript *t, struct bytes text)
{
    t->failed |= EVP_DigestUpdate(t->digest, text.p, text.n) != 1;
    while (text.n > 0 && !t->failed) {
        ssize_t n = write(t->fd, text.p, text.n);
        if (n <= 0) {
            t->failed = !(n < 0 && errno == EINTR);
            continue;
        }
        t->bytes += (size_t)n;
        text.p += n;
        text.n -= (size_t)n;
    }
}

enum rc transcript_open(const char *path, struct arena *arena, struct err *err,
                        struct transcript **ret_transcript)
{
    struct transcript *t = ARENA_NEW(arena, struct transcript);

    t->arena = arena;
    t->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    CHECK(t->fd >= 0, err, TRIEN__ERROR__KEY_FILE, "%s: %s", path, strerror(errno));
    t->digest = EVP_MD_CTX_new();
    CHECK(t->digest && EVP_DigestInit_ex(t->digest, EVP_sha256(), NULL) == 1, err,
          TRIEN__ERROR__INTERNAL, "no digest");
    *ret_transcript = t;
    return RC_OK;
}

void transcript_say(struct transcript *t, const char *format, ...)
{
    char text[4096];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text) - 1, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(text) - 1) {
        t->failed = true;
        return;
    }
    text[n] = '\n';
    write_bytes(t, bytes_of(text, (size_t)n + 1));
}

void transcript_step(struct transcript *t, usec now, const char *vietnamese, const char *english)
{
    transcript_say(t, "\nBước %u · Step %u · %s (%s)\n%s\n%s", t->step + 1, t->step + 1,
                   clock_utc_text(t->arena, now), clock_vietnamese_text(t->arena, now), vietnamese,
                   english);
    t->step++;
}

/* Ends the step with the text of a memory BIO. */
static void write_memory(struct transcript *t, BIO *memory)
{
    char *text = NULL;
    long length = BIO_get_mem_data(memory, &text);

    write_bytes(t, bytes_of(text, length > 0 ? (size_t)length : 0));
}

void transcript_certificate(struct transcript *t, X509 *cert)
{
    autoptr(BIO) memory = BIO_new(BIO_s_mem());

    t->failed |= !memory ||
                 X509_print_ex(memory, cert, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB,
                               0) != 1 ||
                 PEM_write_bio_X509(memory, cert) != 1;
    if (!t->failed)
        write_memory(t, memory);
}

void transcript_crl(struct transcript *t, X509_CRL *crl)
{
    autoptr(BIO) memory = BIO_new(BIO_s_mem());

    t->failed |=
        !memory || X509_CRL_print(memory, crl) != 1 || PEM_write_bio_X509_CRL(memory, crl) != 1;
    if (!t->failed)
        write_memory(t, memory);
}

void transcript_request(struct transcript *t, X509_REQ *request)
{
    autoptr(BIO) memory = BIO_new(BIO_s_mem());

    t->failed |= !memory || PEM_write_bio_X509_REQ(memory, request) != 1;
    if (!t->failed)
        write_memory(t, memory);
}

enum rc transcript_seal(struct transcript *t, struct err *err)
{
    autoptr(EVP_MD_CTX) copy = EVP_MD_CTX_new();
    uint8_t digest[32];

    CHECK(!t->failed && copy && EVP_MD_CTX_copy_ex(copy, t->digest) == 1 &&
              EVP_DigestFinal_ex(copy, digest, NULL) == 1,
          err, TRIEN__ERROR__KEY_FILE, "the transcript cannot be written");
    strcpy(t->hex, bytes_to_hex(t->arena, bytes_of(digest, sizeof(digest))));
    transcript_say(t, "SHA-256 (%zu byte · bytes above) = %s", t->bytes, t->hex);
    CHECK(!t->failed && fsync(t->fd) == 0, err, TRIEN__ERROR__KEY_FILE,
          "the transcript cannot be written: %s", strerror(errno));
    return RC_OK;
}

const char *transcript_digest(const struct transcript *t)
{
    return t->hex;
}
