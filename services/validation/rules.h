/* What makes single values right. Pure: values in, verdict out; no I/O, no clock, no state.
 *
 * Every checker takes text that is UTF-8 in NFC without surrounding space (text.h), answers whether
 * it is right, and on success gives its normal form (in the arena, or the input itself). The output
 * is untouched on failure. Sources are the articles and paragraphs named at each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/clock.h"

/* --- identifiers (rules_identifiers.c) ------------------------------------------------------- */

/** Số định danh cá nhân: 12 digits PPP G YY NNNNNN, a place of birth registration 001–096, century
 *  and year of birth not after `today` (NĐ 137/2015 Điều 13; there is no check digit). */
bool rule_is_citizen_id(const char *text, civil_day today);

/** Mã số thuế: 10 digits with check digit, or with a branch -001 … -999 (TT 105/2020). A code whose
 *  weighted sum is divisible by 11 has no check digit and is refused. */
bool rule_is_tax_code(const char *text);

/** Mã quan hệ ngân sách: 7 digits; no check digit is published. */
bool rule_is_budget_code(const char *text);

/** Mã định danh: QĐ 20/2020 ("H26.14"), or QCVN 102 ("000.00.14.H26") converted to it. */
bool rule_is_organ_id(struct arena *arena, const char *text, const char **ret_organ_id);

/** Số, ký hiệu văn bản (NĐ 30/2020): "452/SKHCN-CNTT"; the normal form, a view of the
 *  text, is without a leading "Số:". */
bool rule_is_document_number(const char *text, const char **ret_number);

/** What is unique in a year: the number without leading zeros, then the symbol. `number` is a
 *  normal form of rule_is_document_number(). In the arena. */
const char *rule_document_key(struct arena *arena, const char *number);

/** A certificate's serial number in hexadecimal; colons and spaces between digits are skipped.
 *  Normal form: lower case without leading zeros, 1 to 40 digits (RFC 5280 4.1.2.2). */
bool rule_is_certificate_serial(struct arena *arena, const char *text, const char **ret_serial);

/** An instant: "YYYY-MM-DD" (the day's beginning in Vietnam) or RFC 3339 with its offset. */
bool rule_is_moment(const char *text, usec *ret_moment);

/* --- addresses (rules_addresses.c) -------------------------------------------------------------
 */

/** ASCII e-mail address (RFC 5321 dot-string at host name). Normal form: domain in lower case. */
bool rule_is_email(struct arena *arena, const char *text, const char **ret_email);

/** The address lies in one of the domains ("gov.vn dcs.vn"), or below one. */
bool rule_is_official_email(const char *email, const char *domains);

/** Vietnamese mobile number of the numbering plan since 2018; spaces, dots and dashes are skipped.
 *  Normal form: "+84912345678". */
bool rule_is_mobile(struct arena *arena, const char *text, const char **ret_mobile);

/** Host name of two labels or more (RFC 1123, RFC 5890 A-labels), no wildcard. Lower case. */
bool rule_is_host_name(struct arena *arena, const char *text, const char **ret_name);

/** IPv4 or IPv6 address that a server can have (not loopback, multicast, link-local or 0). */
bool rule_is_ip_address(struct arena *arena, const char *text, const char **ret_address);

/* --- texts (rules_texts.c) ---------------------------------------------------------------------
 */

/** A person's name: letters of any script, marks, spaces, . ' ’ - ; two letters at least. */
bool rule_is_person_name(const char *text);

/** A name or sentence people can read: no control characters, one letter at least. */
bool rule_is_plain_text(const char *text);

/** One PEM block of a certificate request, 16 KiB at most; nothing but white space around it. What
 *  is in it is not looked at (common/x509.h does). */
bool rule_is_csr_pem(const char *text);

/** The text is one of the words, which are separated by single spaces. */
bool rule_is_word_of(const char *text, const char *words);
