/* trienctl client: portal credentials. The token is made here and written to a file of the
 * operator's; intake gets its SHA-256 only. A token is never printed. */
#include "services/trienctl/trienctl.h"

#include <getopt.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/intake.pb-c.h"

#define MAX_AGENCIES 1000

/* 256 random bits as base64url, or the token a file already holds. */
static enum rc get_token(const char *path, struct err *err, struct bytes *ret_token)
{
    uint8_t random[32];
    if (access(path, F_OK) == 0) {
        TRY(ctl_read_file(path, 512, err, ret_token));
        while (ret_token->n > 0 && ret_token->p[ret_token->n - 1] == '\n')
            ret_token->n--;
        CHECK(ret_token->n >= 16, err, TRIEN__ERROR__KEY_FILE, "%s holds no token", path);
        return RC_OK;
    }
    CHECK(RAND_bytes(random, sizeof(random)) == 1, err, TRIEN__ERROR__INTERNAL, "no random bytes");
    char *token = bytes_to_base64(ctl_arena(), bytes_of(random, sizeof(random)));
    for (char *c = token; *c; c++)
        *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
    token[strcspn(token, "=")] = '\0';
    *ret_token = bytes_of_text(token);
    return ctl_write_file(path, 0600, *ret_token, err);
}

static int add_client(int argc, char **argv)
{
    static const struct option options[] = {{"name", required_argument, NULL, 'n'},
                                            {"agency", required_argument, NULL, 'a'},
                                            {"token-file", required_argument, NULL, 't'},
                                            {0}};
    const char *token_file = NULL;
    char *agencies[MAX_AGENCIES];
    struct bytes token;
    struct err err = {0};
    uint8_t digest[32];
    Trien__AddClient call = TRIEN__ADD_CLIENT__INIT;
    call.organ_ids = agencies;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'n')
            call.name = optarg;
        else if (option == 't')
            token_file = optarg;
        else if (option == 'a' && call.n_organ_ids < MAX_AGENCIES)
            agencies[call.n_organ_ids++] = optarg;
        else
            return ctl_misuse("client", "unknown option or too many agencies");
    }
    if (optind + 1 != argc || !token_file)
        return ctl_misuse("client", "add needs an id and --token-file");
    call.client_id = argv[optind];
    if (!call.name)
        call.name = call.client_id;
    if (get_token(token_file, &err, &token) != RC_OK)
        return ctl_failed(&err);
    bytes_sha256(token, digest);
    call.token_sha256 = (ProtobufCBinaryData){sizeof(digest), digest};
    ctl_ask(NULL, "intake", &call.base, &trien__add_client_reply__descriptor);
    ctl_show(json_pack("{s:s, s:s}", "client_id", call.client_id, "token_file", token_file),
             "client %s may post; its token is in %s\n", call.client_id, token_file);
    return 0;
}

static int revoke_client(int argc, char **argv)
{
    Trien__RevokeClient call = TRIEN__REVOKE_CLIENT__INIT;
    if (argc != 2)
        return ctl_misuse("client", "revoke needs an id");
    call.client_id = argv[1];
    ctl_ask(NULL, "intake", &call.base, &trien__revoke_client_reply__descriptor);
    ctl_show(json_pack("{s:s}", "revoked", call.client_id), "client %s is revoked\n",
             call.client_id);
    return 0;
}

static json_t *client_json(const Trien__ClientRow *client)
{
    const char *revoked =
        client->has_revoked_at ? clock_utc_text(ctl_arena(), client->revoked_at) : NULL;
    return json_pack("{s:s, s:s, s:o, s:s, s:s?}", "client_id", client->client_id, "name",
                     client->name, "organ_ids", ctl_texts(client->n_organ_ids, client->organ_ids),
                     "created_at", clock_utc_text(ctl_arena(), client->created_at), "revoked_at",
                     revoked);
}

static int list_clients(int argc, char **argv)
{
    Trien__ListClients call = TRIEN__LIST_CLIENTS__INIT;
    (void)argv;
    if (argc != 1)
        return ctl_misuse("client", "list takes no arguments");
    const Trien__ListClientsReply *reply =
        (const void *)ctl_ask(NULL, "intake", &call.base, &trien__list_clients_reply__descriptor);
    autoptr(json_t) clients = json_array();
    for (size_t i = 0; i < reply->n_clients; i++) {
        const Trien__ClientRow *client = reply->clients[i];
        ctl_show_row(clients, client_json(client), "%-24s %-8s %s\n", client->client_id,
                     client->has_revoked_at ? "revoked" : "active", client->name);
    }
    ctl_show_rows(clients);
    return 0;
}

int cmd_client(int argc, char **argv)
{
    static const struct ctl_act acts[] = {
        {"add", add_client}, {"revoke", revoke_client}, {"list", list_clients}, {0}};

    return ctl_act("client", acts, argc, argv);
}
