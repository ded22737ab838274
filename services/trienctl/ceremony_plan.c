/* The reviewed file of a key ceremony. Refuses names that do not say TEST (unless the file says
 * that the names are real), an issuing authority that outlives its root, one token for both keys,
 * and a ceremony with a single person. */
#include <openssl/pem.h>
#include <string.h>

#include "common/x509.h"
#include "services/trienctl/ceremony.h"
#include "services/trienctl/trienctl.h"

#define MEMBER(member) offsetof(struct ceremony_plan, member)
#define KEY_KINDS "rsa4096 rsa3072 rsa2048 p256"

static const struct conf_row rows[] = {
    {"title", CONF_TEXT, MEMBER(title), NULL, "what this ceremony is", 0, 0, NULL},
    {"place", CONF_TEXT, MEMBER(place), NULL, "where it is held", 0, 0, NULL},
    {"participants", CONF_TREE, MEMBER(participants), NULL,
     "<role> = \"<name>\", one a line, at least two", 0, 0, NULL},
    {"allow_production_names", CONF_BOOL, MEMBER(allow_production_names), "false",
     "names need not say TEST", 0, 0, NULL},
    {"module", CONF_TEXT, MEMBER(module), "/usr/lib/softhsm/libsofthsm2.so",
     "PKCS#11 module of both tokens", 0, 0, NULL},
    {"output", CONF_TEXT, MEMBER(output), "ca", "folder of certificates, list and transcript", 0, 0,
     NULL},
    {"public_url", CONF_URL, MEMBER(public_url), NULL,
     "where the public finds lists and certificates: http, no slash at the end", 0, 0, NULL},
    {"cps_url", CONF_URL, MEMBER(cps_url), NULL, "address of the certification practice statement",
     0, 0, NULL},
    {"crl_valid_days", CONF_INT, MEMBER(crl_valid_days), "180",
     "nextUpdate of the root's list of revoked authorities", 1, 400, NULL},
    {"root/id", CONF_TEXT, MEMBER(root.id), "root1", "generation; key label and file name", 0, 0,
     NULL},
    {"root/common_name", CONF_TEXT, MEMBER(root.common_name), NULL, "CN of the root", 0, 0, NULL},
    {"root/organisation", CONF_TEXT, MEMBER(root.organisation), NULL, "O of the root", 0, 0, NULL},
    {"root/key_kind", CONF_CHOICE, MEMBER(root.key_kind), "rsa4096", "kind of its key", 0, 0,
     KEY_KINDS},
    {"root/valid_years", CONF_INT, MEMBER(root.valid_years), "20",
     "life of the root (Decree 68/2024 Điều 9: 20 years)", 1, 30, NULL},
    {"root/token_label", CONF_TEXT, MEMBER(root.token_label), "trien-root",
     "token of the root; no service ever opens it", 0, 0, NULL},
    {"root/token_pin", CONF_TEXT, MEMBER(root.token_pin), "keys/pin/root.pin", "file with its PIN",
     0, 0, NULL},
    {"root/softhsm_config", CONF_TEXT, MEMBER(root.softhsm_config), "etc/softhsm-root.conf",
     "SoftHSM's configuration; \"none\" for other modules", 0, 0, NULL},
    {"issuing/id", CONF_TEXT, MEMBER(issuing.id), "issuing1", "generation; key label and file name",
     0, 0, NULL},
    {"issuing/common_name", CONF_TEXT, MEMBER(issuing.common_name), NULL, "CN of the issuing CA", 0,
     0, NULL},
    {"issuing/organisation", CONF_TEXT, MEMBER(issuing.organisation), NULL, "O of the issuing CA",
     0, 0, NULL},
    {"issuing/key_kind", CONF_CHOICE, MEMBER(issuing.key_kind), "rsa4096", "kind of its key", 0, 0,
     KEY_KINDS},
    {"issuing/valid_years", CONF_INT, MEMBER(issuing.valid_years), "15", "life of the issuing CA",
     1, 30, NULL},
    {"issuing/token_label", CONF_TEXT, MEMBER(issuing.token_label), "trien-signer",
     "token of the signer", 0, 0, NULL},
    {"issuing/token_pin", CONF_TEXT, MEMBER(issuing.token_pin), "keys/pin/signer.pin",
     "file with its PIN", 0, 0, NULL},
    {"issuing/softhsm_config", CONF_TEXT, MEMBER(issuing.softhsm_config), "etc/softhsm-signer.conf",
     "SoftHSM's configuration; \"none\" for other modules", 0, 0, NULL},
    {0},
};

/* Relative paths lie below the installation's folder. */
static const char *resolve(const char *path)
{
    if (strcmp(path, "none") == 0)
        return NULL;
    return path[0] == '/' ? path : ctl_path("%s", path);
}

static bool has_test(const char *name)
{
    const char *at = strstr(name, "TEST");

    return at != NULL;
}

static bool is_id(const char *id)
{
    size_t length = strlen(id);

    return length > 1 && length <= 32 &&
           strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == length && id[length - 1] >= '0' &&
           id[length - 1] <= '9';
}

/* The subject, and that nothing of it was shortened on the way. */
static enum rc build_subject(struct ceremony_authority *authority, struct arena *arena,
                             struct err *err)
{
    struct x509_name name = {.organisation = authority->organisation,
                             .common_name = authority->common_name};
    const char *organisation;

    TRY(x509_name_build(arena, &name, err, &authority->subject_der));
    organisation = x509_name_find(arena, authority->subject_der, NID_organizationName);
    CHECK(organisation && strcmp(organisation, authority->organisation) == 0, err,
          TRIEN__ERROR__CONFIG_INVALID, "%s: organisation is longer than 64 characters or not NFC",
          authority->id);
    return RC_OK;
}

static enum rc check_authority(const struct ceremony_plan *plan,
                               struct ceremony_authority *authority, struct arena *arena,
                               struct err *err)
{
    CHECK(is_id(authority->id), err, TRIEN__ERROR__CONFIG_INVALID,
          "id \"%s\": small letters, digits and -, ending with the generation's number",
          authority->id);
    CHECK(plan->allow_production_names || has_test(authority->common_name), err,
          TRIEN__ERROR__CONFIG_INVALID,
          "%s: the common name does not say TEST (allow_production_names is not set)",
          authority->id);
    authority->token_pin = resolve(authority->token_pin);
    authority->softhsm_config = resolve(authority->softhsm_config);
    return build_subject(authority, arena, err);
}

static enum rc check_plan(struct ceremony_plan *plan, struct arena *arena, struct err *err)
{
    size_t length = strlen(plan->public_url);

    TRY(check_authority(plan, &plan->root, arena, err));
    TRY(check_authority(plan, &plan->issuing, arena, err));
    plan->output = resolve(plan->output);
    CHECK(plan->output, err, TRIEN__ERROR__CONFIG_INVALID, "output: a folder is needed");
    CHECK(plan->participants->child && plan->participants->child->next, err,
          TRIEN__ERROR__CONFIG_INVALID, "participants: a ceremony has at least two");
    CHECK(strcmp(plan->root.id, plan->issuing.id) != 0 &&
              !bytes_equal(plan->root.subject_der, plan->issuing.subject_der),
          err, TRIEN__ERROR__CONFIG_INVALID, "root and issuing have the same id or name");
    CHECK(strcmp(plan->root.token_label, plan->issuing.token_label) != 0, err,
          TRIEN__ERROR__CONFIG_INVALID,
          "root and issuing key lie in one token: the signer would hold the root");
    CHECK(plan->issuing.valid_years <= plan->root.valid_years, err, TRIEN__ERROR__CONFIG_INVALID,
          "issuing/valid_years: it would outlive its root");
    CHECK(strncmp(plan->public_url, "http://", 7) == 0 && plan->public_url[length - 1] != '/' &&
              !strchr(plan->public_url, '@'),
          err, TRIEN__ERROR__CONFIG_INVALID, "public_url: http, without a slash at the end");
    return RC_OK;
}

enum rc ceremony_plan_read(const char *path, struct arena *arena, struct err *err,
                           struct ceremony_plan *ret_plan)
{
    struct ceremony_plan plan = {.path = path};
    struct bytes text;
    struct conf *conf = NULL; /* its texts live as long as the program */

    TRY(ctl_read_file(path, (size_t)64 * 1024, err, &text));
    bytes_sha256(text, plan.sha256);
    TRY(conf_load(path, err, &conf));
    TRY(conf_fill(conf, rows, &plan, err));
    TRY(conf_no_strangers(conf, err));
    TRY(check_plan(&plan, arena, err));
    *ret_plan = plan;
    return RC_OK;
}
