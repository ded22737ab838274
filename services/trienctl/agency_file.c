/* Lists of agencies from files. It checks shape only; what an agency must be is validation's. */
#include "services/trienctl/agency_file.h"

#include <string.h>

#include "common/csv.h"
#include "common/x509.h"
#include "services/trienctl/trienctl.h"

#define MAX_FILE_BYTES ((size_t)32 * 1024 * 1024)
#define MAX_AGENCIES 100000

enum rc agency_file_signer(const char *path, const char *role, struct err *err,
                           Trien__AgencySigner *ret_signer)
{
    struct bytes file, der = {0};

    TRY(ctl_read_file(path, X509_MAX_DER_BYTES * 4, err, &file));
    if (file.n > 0 && file.p[0] == 0x30) {
        der = file;
    } else {
        autoptr(X509_stack) certificates = NULL;

        TRY(x509_certificates_load(path, err, &certificates));
        der = x509_der(ctl_arena(), sk_X509_value(certificates, 0), i2d_X509);
    }
    CHECK(der.n > 0, err, TRIEN__ERROR__MALFORMED, "%s holds no certificate", path);
    trien__agency_signer__init(ret_signer);
    ret_signer->certificate_der = (ProtobufCBinaryData){der.n, (uint8_t *)der.p};
    ret_signer->role = (char *)role;
    return RC_OK;
}

static char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text && *text ? arena_strdup(ctl_arena(), text) : NULL;
}

/* --- JSON --------------------------------------------------------------------------------------
 */

/* Names only: the certificates are read when the whole list was. */
static enum rc json_signers(const json_t *object, const char *member, const char *role,
                            struct agency_row *row, struct err *err)
{
    const json_t *list = json_object_get(object, member);
    size_t count = json_array_size(list);
    struct agency_signer_file *files =
        ARENA_ARRAY(ctl_arena(), struct agency_signer_file, row->file_count + count);

    if (row->file_count)
        memcpy(files, row->files, row->file_count * sizeof(*files));
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(list, i));

        CHECK(name && *name, err, TRIEN__ERROR__FIELD_INVALID, "%s must be file names", member);
        files[row->file_count++] =
            (struct agency_signer_file){arena_strdup(ctl_arena(), name), role};
    }
    row->files = files;
    return RC_OK;
}

static void json_contacts(const json_t *object, Trien__Agency *agency)
{
    const json_t *list = json_object_get(object, "contacts");
    size_t count = json_array_size(list);

    agency->contacts = ARENA_ARRAY(ctl_arena(), Trien__Contact *, count);
    agency->n_contacts = count;
    for (size_t i = 0; i < count; i++) {
        Trien__Contact *contact = agency->contacts[i] = ARENA_NEW(ctl_arena(), Trien__Contact);

        trien__contact__init(contact);
        contact->name = text_of(json_array_get(list, i), "name");
        contact->email = text_of(json_array_get(list, i), "email");
        contact->mobile = text_of(json_array_get(list, i), "mobile");
    }
}

static enum rc json_agency(const json_t *object, struct err *err, struct agency_row *row)
{
    Trien__Agency *agency = &row->agency;

    trien__agency__init(agency);
    agency->organ_id = text_of(object, "organ_id");
    agency->name = text_of(object, "name");
    agency->province = text_of(object, "province");
    agency->valid_from = text_of(object, "valid_from");
    agency->valid_to = text_of(object, "valid_to");
    CHECK(agency->organ_id && agency->name, err, TRIEN__ERROR__FIELD_MISSING,
          "organ_id and name are needed");
    json_contacts(object, agency);
    TRY(json_signers(object, "seals", "seal", row, err));
    return json_signers(object, "officers", "officer", row, err);
}

/* --- CSV → the same JSON
 * -------------------------------------------------------------------------- */

enum { ORGAN_ID, NAME, PROVINCE, CONTACT, EMAIL, MOBILE, SEALS, OFFICERS, FROM, TO };

static const char header[] = "organ_id,name,province,contact_name,contact_email,contact_mobile,"
                             "seals,officers,valid_from,valid_to";

static json_t *names_json(const char *names)
{
    char *rest = arena_strdup(ctl_arena(), names), *name;
    json_t *list = json_array();

    while ((name = strsep(&rest, " ")))
        if (*name)
            json_array_append_new(list, json_string(name));
    return list;
}

static json_t *row_json(const char *const *fields)
{
    json_t *contacts = json_array();

    if (*fields[EMAIL] || *fields[MOBILE])
        json_array_append_new(contacts,
                              json_pack("{s:s, s:s, s:s}", "name", fields[CONTACT], "email",
                                        fields[EMAIL], "mobile", fields[MOBILE]));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "organ_id", fields[ORGAN_ID],
                     "name", fields[NAME], "province", fields[PROVINCE], "valid_from", fields[FROM],
                     "valid_to", fields[TO], "contacts", contacts, "seals",
                     names_json(fields[SEALS]), "officers", names_json(fields[OFFICERS]));
}

static enum rc csv_list(struct bytes file, struct err *err, json_t *list)
{
    const char *fields[CSV_MAX_COLUMNS];
    struct csv csv;
    bool more;

    TRY(csv_open(ctl_arena(), file, header, MAX_FILE_BYTES, err, &csv));
    TRY(csv_next(&csv, err, fields, &more));
    while (more) {
        json_array_append_new(list, row_json(fields));
        TRY(csv_next(&csv, err, fields, &more));
    }
    err_clear(err);
    return RC_OK;
}

/* --- either
 * ---------------------------------------------------------------------------------------- */

static enum rc read_list(struct bytes file, bool is_csv, struct err *err, json_t *ret_list)
{
    autoptr(json_t) list = NULL;
    json_error_t error;

    if (is_csv)
        return csv_list(file, err, ret_list);
    list = json_loadb((const char *)file.p, file.n, JSON_REJECT_DUPLICATES, &error);
    CHECK(json_is_array(list), err, TRIEN__ERROR__MALFORMED,
          "no JSON array (line %d: %s); CSV files end with .csv", error.line, error.text);
    json_array_extend(ret_list, list);
    return RC_OK;
}

enum rc agency_file_parse(struct bytes file, bool is_csv, struct err *err, size_t *ret_count,
                          struct agency_row **ret_rows)
{
    autoptr(json_t) list = json_array();
    struct agency_row *rows;
    size_t count;

    TRY(read_list(file, is_csv, err, list));
    count = json_array_size(list);
    CHECK(count <= MAX_AGENCIES, err, TRIEN__ERROR__TOO_LARGE, "too many agencies");
    rows = ARENA_ARRAY(ctl_arena(), struct agency_row, count);
    for (size_t i = 0; i < count; i++) {
        err_field(err, "row %zu", i + 1);
        TRY(json_agency(json_array_get(list, i), err, &rows[i]));
    }
    err_clear(err);
    *ret_count = count;
    *ret_rows = rows;
    return RC_OK;
}

static enum rc load_signers(struct agency_row *row, const char *folder, struct err *err)
{
    Trien__Agency *agency = &row->agency;
    Trien__AgencySigner *signers = ARENA_ARRAY(ctl_arena(), Trien__AgencySigner, row->file_count);

    agency->signers = ARENA_ARRAY(ctl_arena(), Trien__AgencySigner *, row->file_count);
    for (size_t i = 0; i < row->file_count; i++) {
        const char *name = row->files[i].name;

        if (*name != '/')
            name = arena_printf(ctl_arena(), "%s/%s", folder, name);
        TRY(agency_file_signer(name, row->files[i].role, err, &signers[i]));
        agency->signers[agency->n_signers++] = &signers[i];
    }
    return RC_OK;
}

enum rc agency_file_read(const char *path, const char *folder, struct err *err, size_t *ret_count,
                         struct agency_row **ret_rows)
{
    size_t length = strlen(path);
    bool is_csv = length > 4 && strcmp(path + length - 4, ".csv") == 0;
    struct agency_row *rows;
    struct bytes file;
    size_t count;

    TRY(ctl_read_file(path, MAX_FILE_BYTES, err, &file));
    TRY(agency_file_parse(file, is_csv, err, &count, &rows));
    for (size_t i = 0; i < count; i++) {
        err_field(err, "row %zu", i + 1);
        TRY(load_signers(&rows[i], folder, err));
    }
    err_clear(err);
    *ret_count = count;
    *ret_rows = rows;
    return RC_OK;
}
