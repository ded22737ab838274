/* The forms as tables: which fields a request.json has, what each must be, how each is called.
 *
 * A form that is switched on later is a table here, and what its purpose needs: a form that issues
 * has a mapping in common/subscriber.c. `verified`
 * says that the column is known from a source and not inferred: the annex of Decree 68/2024 was not
 * available as text, so a column that is inferred is required only when the certificate or the
 * delivery needs it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"

/* Every field of every section that a rule looks at again. */
enum field_id {
    FIELD_NUMBER,
    FIELD_DATE,
    FIELD_PLACE,
    FIELD_SUBJECT,
    FIELD_ORGAN_ID,
    FIELD_NAME,
    FIELD_FULL_NAME,
    FIELD_CITIZEN_ID,
    FIELD_CITIZEN_ID_DATE,
    FIELD_CITIZEN_ID_PLACE,
    FIELD_ORGANISATION,
    FIELD_OWNER,
    FIELD_POSITION,
    FIELD_PROVINCE,
    FIELD_ADDRESS,
    FIELD_TAX_CODE,
    FIELD_BUDGET_CODE,
    FIELD_EMAIL,
    FIELD_MOBILE,
    FIELD_KIND,
    FIELD_DOMAIN_OR_IP,
    FIELD_DEVICE_KIND,
    FIELD_CSR,
    FIELD_DELIVERY,
    FIELD_CERTIFICATE_SERIAL,
    FIELD_DEVICE_SERIAL,
    FIELD_SUBSCRIBER_NAME,
    FIELD_REASON,
    FIELD_LOST_AT,
    FIELD_CAUSE,
    FIELD_HANDED_OVER_ON,
    FIELD_CONDITION,
    FIELD_COUNT,
};

/* What the rules know besides the request. Lives as long as the examination. */
struct rule_context {
    struct arena *arena;
    civil_day received_on;             /* Vietnamese civil day of the receipt */
    usec received_at;                  /* the receipt itself */
    const char *official_mail_domains; /* "vn" or "gov.vn dcs.vn"; "" for any */
    bool enclosed;                     /* the document is an attachment of another */
};

struct checker;
typedef bool check_fn(const struct checker *checker, const struct rule_context *context,
                      const char *text, const char **ret_normal);

/* One kind of value. */
struct checker {
    check_fn *holds;
    Trien__Error code;   /* what a wrong value is reported as */
    const char *words;   /* for a choice: the words allowed */
    const char *must_vi; /* "phải gồm 7 chữ số" */
    const char *must_en; /* "must be 7 digits" */
};

struct field {
    enum field_id id;
    const char *name; /* member of the JSON object */
    const char *label_vi;
    const struct checker *checker;
    bool required, verified;
    size_t max_characters;
};

/* The values of one object, by field; NULL where absent. In normal form. */
struct record {
    const char *value[FIELD_COUNT];
    bool refused; /* reasons were added for it */
};

struct rows; /* the walk over one request (request.c) */

/* A rule over several fields of one subscriber; adds its reasons itself. */
typedef void row_rule(struct rows *rows, const struct record *record);

#define FORM_MAX_RULES 3
#define FORM_MAX_IDENTITY 3

/* What is done with an accepted row of a form. */
enum form_purpose {
    FORM_NOT_SERVED, /* its rules are not here: FORM_NOT_OFFERED */
    FORM_ISSUES,     /* a certificate is made: ItemAuthorized */
    FORM_REVOKES,    /* a certificate is revoked: RevocationAuthorized */
    FORM_REPORTS,    /* in whose hand a device is: DeviceReported */
    FORM_ENCLOSED,   /* proves something to another form; refused as a document of its own */
};

struct form {
    const char *code;     /* "01" */
    const char *title_vi; /* what it asks for */
    enum form_purpose purpose;
    bool receiver; /* the section is required; else it is read when it is there */
    const struct field *fields;
    size_t field_count;
    row_rule *rules[FORM_MAX_RULES + 1];
    /* Fields that together say who a subscriber is; ends with FIELD_COUNT. */
    enum field_id identity[FORM_MAX_IDENTITY + 1];
};

/* One object of the request besides the subscribers. */
struct section {
    const char *name;     /* "document" */
    const char *label_vi; /* how a reason says where it is */
    const char *label_en;
    const struct field *fields;
    size_t field_count;
};

extern const struct section section_document, section_agency, section_receiver;
extern const struct field field_delivery;

/** The form of this code; NULL when there is none. */
const struct form *forms_find(const char *code);

/** The form at index, NULL behind the last. For documentation and tests. */
const struct form *forms_at(size_t index);
