/* trienctl export: CA certificates, subscriber certificates and CRLs as files, for checkers that
 * know nothing of Triện. Certificates come from signing page by page; what the ceremony made comes
 * from the installation's ca/ folder. */
#include "services/trienctl/trienctl.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/ossl.h"
#include "common/x509.h"
#include "proto/revocation.pb-c.h"
#include "proto/signing.pb-c.h"

#define PAGE_ROWS 200

static enum rc make_dir(const char *path, struct err *err)
{
    CHECK(mkdir(path, 0755) == 0 || errno == EEXIST, err, TRIEN__ERROR__KEY_FILE, "%s: %s", path,
          strerror(errno));
    return RC_OK;
}

static enum rc write_pem(const char *path, struct bytes der, struct err *err)
{
    autoptr(X509) certificate = x509_parse(der);
    autoptr(BIO) memory = BIO_new(BIO_s_mem());
    char *text = NULL;
    CHECK(certificate && memory && PEM_write_bio_X509(memory, certificate) == 1, err,
          TRIEN__ERROR__MALFORMED, "%s is no certificate", path);
    long length = BIO_get_mem_data(memory, &text);
    return ctl_write_file(path, 0644, bytes_of(text, (size_t)length), err);
}

/* Every certificate of signing, a page at a time; ordered by order id. */
static enum rc write_certificates(const char *dir, struct err *err, size_t *ret_count)
{
    size_t total = 0, rows;
    const char *after = NULL;
    do {
        Trien__ListCertificates call = TRIEN__LIST_CERTIFICATES__INIT;
        call.after = (char *)after;
        call.has_limit = 1;
        call.limit = PAGE_ROWS;
        ProtobufCMessage *message = NULL;
        TRY(ctl_call(NULL, "signing", &call.base, &trien__list_certificates_reply__descriptor,
                     10000, err, &message));
        const Trien__ListCertificatesReply *reply = (const void *)message;
        rows = reply->n_certificates;
        for (size_t i = 0; i < rows; i++) {
            const Trien__CertificateRow *row = reply->certificates[i];
            const char *path = arena_printf(ctl_arena(), "%s/%s.pem", dir, row->serial);
            TRY(write_pem(path, bytes_of(row->certificate_der.data, row->certificate_der.len),
                          err));
            after = row->order_id;
        }
        total += rows;
    } while (rows > 0);
    *ret_count = total;
    return RC_OK;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

static enum rc get_chunk(const char *issuer, uint64_t number, uint64_t offset, struct err *err,
                         const Trien__GetCrlReply **ret_reply)
{
    Trien__GetCrl call = TRIEN__GET_CRL__INIT;
    ProtobufCMessage *message = NULL;

    call.issuer = (char *)issuer;
    call.has_number = number != 0;
    call.number = number;
    call.offset = offset;
    call.max_bytes = 1 << 20;
    TRY(ctl_call(NULL, "revocation", &call.base, &trien__get_crl_reply__descriptor, 10000, err,
                 &message));
    *ret_reply = (const void *)message;
    return RC_OK;
}

/* A list as it comes; the newest one when `number` is 0. */
static enum rc write_list(FILE *file, const char *issuer, uint64_t number, struct err *err)
{
    const Trien__GetCrlReply *reply = NULL;
    uint64_t written = 0;

    do {
        TRY(get_chunk(issuer, number, written, err, &reply));
        CHECK(reply->chunk.len > 0 && reply->chunk.len <= reply->size_bytes - written, err,
              TRIEN__ERROR__PEER_UNAVAILABLE, "revocation has another list");
        CHECK(fwrite(reply->chunk.data, 1, reply->chunk.len, file) == reply->chunk.len, err,
              TRIEN__ERROR__KEY_FILE, "a list of %s: %s", issuer, strerror(errno));
        written += reply->chunk.len;
        number = reply->number;
    } while (written < reply->size_bytes);
    return RC_OK;
}

static enum rc save_list(const char *path, const char *issuer, uint64_t number, struct err *err)
{
    FILE *file = fopen(path, "we");
    enum rc rc;

    CHECK(file, err, TRIEN__ERROR__KEY_FILE, "%s: %s", path, strerror(errno));
    rc = write_list(file, issuer, number, err);
    if (fclose(file) != 0 && rc == RC_OK)
        rc = err_set(err, TRIEN__ERROR__KEY_FILE, __FILE__, __LINE__, "%s: %s", path,
                     strerror(errno));
    if (rc != RC_OK)
        remove(path);
    return rc;
}

/* What revocation has issued for each issuing authority of the ceremony's folder. */
static enum rc write_lists(const char *dir, struct err *err, size_t *count)
{
    DIR *ca = opendir(ctl_path("ca"));
    enum rc rc = RC_OK;
    for (struct dirent *entry; ca && rc == RC_OK && (entry = readdir(ca));) {
        char issuer[64] = "";
        if (sscanf(entry->d_name, "%60[a-z0-9].pem", issuer) != 1 ||
            strncmp(issuer, "issuing", 7) != 0 || !ends_with(entry->d_name, ".pem"))
            continue;
        rc = save_list(arena_printf(ctl_arena(), "%s/%s.crl", dir, issuer), issuer, 0, err);
        if (rc == RC_REJECT && err->code == TRIEN__ERROR__NOT_FOUND) {
            err_clear(err);
            rc = RC_OK;
            continue;
        }
        *count += rc == RC_OK;
    }
    if (ca)
        closedir(ca);
    return rc;
}

/* Copies the files with one ending. */
static enum rc copy_files(const char *from, const char *suffix, const char *to, struct err *err,
                          size_t *ret_count)
{
    DIR *dir = opendir(from);
    size_t count = 0;
    enum rc rc = RC_OK;
    for (struct dirent *entry; dir && rc == RC_OK && (entry = readdir(dir));) {
        struct bytes content;
        if (!ends_with(entry->d_name, suffix))
            continue;
        rc = ctl_read_file(arena_printf(ctl_arena(), "%s/%s", from, entry->d_name), 64 << 20, err,
                           &content);
        if (rc == RC_OK)
            rc = ctl_write_file(arena_printf(ctl_arena(), "%s/%s", to, entry->d_name), 0644,
                                content, err);
        count++;
    }
    if (dir)
        closedir(dir);
    *ret_count = count;
    return rc;
}

/* How many files of each kind were written. */
struct exported {
    size_t ca, certificates, crls;
};

static enum rc export_all(const char *dir, struct err *err, struct exported *ret_exported)
{
    const char *ca = arena_printf(ctl_arena(), "%s/ca", dir);
    const char *certificates = arena_printf(ctl_arena(), "%s/certificates", dir);
    const char *crl = arena_printf(ctl_arena(), "%s/crl", dir);
    TRY(make_dir(dir, err));
    TRY(make_dir(ca, err));
    TRY(make_dir(certificates, err));
    TRY(make_dir(crl, err));
    TRY(copy_files(ctl_path("ca"), ".pem", ca, err, &ret_exported->ca));
    TRY(copy_files(ctl_path("ca"), ".crl", crl, err, &ret_exported->crls));
    TRY(write_lists(crl, err, &ret_exported->crls));
    return write_certificates(certificates, err, &ret_exported->certificates);
}

/* "issuing1/17": one list, however old, as issuing1-17.crl. */
static int export_list(const char *dir, const char *list)
{
    char issuer[64] = "";
    uint64_t number = 0;
    const char *path;
    struct err err = {0};

    if (sscanf(list, "%60[a-z0-9]/%" SCNu64, issuer, &number) != 2 || number == 0)
        return ctl_misuse("export", "--list ISSUER/NUMBER");
    path = arena_printf(ctl_arena(), "%s/%s-%" PRIu64 ".crl", dir, issuer, number);
    if (make_dir(dir, &err) != RC_OK || save_list(path, issuer, number, &err) != RC_OK)
        return ctl_failed(&err);
    ctl_show(json_pack("{s:s}", "file", path), "%s\n", path);
    return 0;
}

int cmd_export(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, 'd'}, {"list", required_argument, NULL, 'l'}, {0}};
    const char *dir = NULL, *list = NULL;
    struct err err = {0};
    struct exported exported = {0};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'd')
            dir = optarg;
        else if (option == 'l')
            list = optarg;
        else
            return ctl_misuse("export", "unknown option");
    }
    if (!dir || optind != argc)
        return ctl_misuse("export", "--dir is needed");
    if (list)
        return export_list(dir, list);
    if (export_all(dir, &err, &exported) != RC_OK)
        return ctl_failed(&err);
    ctl_show(json_pack("{s:I, s:I, s:I}", "ca", (json_int_t)exported.ca, "certificates",
                       (json_int_t)exported.certificates, "crl", (json_int_t)exported.crls),
             "%zu CA certificates, %zu certificates, %zu CRLs in %s\n", exported.ca,
             exported.certificates, exported.crls, dir);
    return 0;
}
