/* signer: the only process that can reach the issuing key. The tables below are all of it: calls
 * from signing and revocation, no database, no HTTP, no feed.
 *
 *     trien-signer --journal-verify DIR     checks a journal from its first line to its last
 *     trien-signer --journal-accept DIR     takes it as it stands, after a loss
 * (docs/operations.md) */
#include <string.h>

#include "services/signer/signer.h"
#include "services/signer/verify.h"

#define MEMBER(member) offsetof(struct signer_conf, member)

static const struct conf_row conf_rows[] = {
    {"journal/folder", CONF_DIR, MEMBER(journal_folder), NULL,
     "folder of the journal; belongs to the signer alone", 0, 0, NULL},
    {"journal/segment_bytes", CONF_BYTES, MEMBER(journal_segment_bytes), "64M",
     "a journal file beyond this size is followed by the next", 1 << 16, 1 << 30, NULL},
    {"journal/rebuild_index", CONF_BOOL, MEMBER(journal_rebuild_index), "false",
     "make the index anew from the whole journal at this start", 0, 0, NULL},
    {"token/module", CONF_FILE, MEMBER(token_module), "/usr/lib/softhsm/libsofthsm2.so",
     "PKCS#11 module; runs in processes of its own", 0, 0, NULL},
    {"token/label", CONF_TEXT, MEMBER(token_label), "issuing", "label of the token", 0, 0, NULL},
    {"token/pin", CONF_SECRET, MEMBER(token_pin), NULL, "file with the user PIN of the token", 0, 0,
     NULL},
    {"token/softhsm_config", CONF_TEXT, MEMBER(token_softhsm_config), "",
     "SoftHSM's configuration file (SOFTHSM2_CONF); empty for other modules", 0, 0, NULL},
    {"token/workers", CONF_INT, MEMBER(token_workers), "2",
     "processes that hold the module; each signs one at a time", 1, 16, NULL},
    {"token/sign_timeout", CONF_MS, MEMBER(token_sign_timeout_ms), "3s",
     "a worker that takes longer for a signature is killed and replaced", 50, 60000, NULL},
    {"token/start_timeout", CONF_MS, MEMBER(token_start_timeout_ms), "15s",
     "time a worker has for loading the module and logging in", 100, 120000, NULL},
    {"token/probe", CONF_MS, MEMBER(token_probe_ms), "10s",
     "an idle worker looks at its session so often; tokens drop idle ones", 100, 15000, NULL},
    {"token/network", CONF_BOOL, MEMBER(token_network), "false",
     "the module may open sockets (network HSM, pcscd)", 0, 0, NULL},
    {"keys/registration_authority", CONF_FILE, MEMBER(ring_registration_authority), NULL,
     "PEM file of the registration authority's enrolled public keys; read again on SIGHUP", 0, 0,
     NULL},
    {"keys/station", CONF_FILE, MEMBER(ring_station), NULL,
     "PEM file of the device stations' enrolled public keys; read again on SIGHUP", 0, 0, NULL},
    {"keys/officer", CONF_FILE, MEMBER(ring_officer), NULL,
     "PEM file of the officers' enrolled public keys, who approve OCSP responders; read again on "
     "SIGHUP",
     0, 0, NULL},
    {"issuers", CONF_TREE, MEMBER(issuers), NULL,
     "<key label> = \"<issuing certificate, PEM>\", one a line", 0, 0, NULL},
    {0},
};

static const struct on_call calls[] = {
    {.in = &trien__sign_certificate__descriptor,
     .reply = &trien__sign_certificate_reply__descriptor,
     .from = "signing",
     .fn = on_sign_certificate,
     .no_transaction = true},
    {.in = &trien__sign_crl__descriptor,
     .reply = &trien__sign_crl_reply__descriptor,
     .from = "revocation",
     .fn = on_sign_crl,
     .no_transaction = true},
    {.in = &trien__add_crl_entries__descriptor,
     .reply = &trien__add_crl_entries_reply__descriptor,
     .from = "revocation",
     .fn = on_add_crl_entries,
     .no_transaction = true},
    {.in = &trien__list_issuers__descriptor,
     .reply = &trien__list_issuers_reply__descriptor,
     .from = "revocation",
     .fn = on_list_issuers,
     .no_transaction = true},
    {0},
};

static const struct svc_part *const parts[] = {NULL};

static const struct service service = {
    .name = "signer",
    .sentence =
        "signs to-be-signed certificates and revocation lists with the issuing key, within its own "
        "limits",
    .number = 7,
    .parts = parts,
    .conf_rows = conf_rows,
    .conf_size = sizeof(struct signer_conf),
    .calls = calls,
    .early = signer_early,
    .reread = signer_reread,
    .health = signer_health,
    .late = signer_late,
};

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--journal-accept") == 0)
        return verify_accept_main(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--journal-verify") == 0)
        return verify_main(argv[2]);
    return svc_main(&service, argc, argv);
}
