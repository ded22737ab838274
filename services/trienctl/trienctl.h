/* trienctl: what every command of the operator's tool may use.
 *
 * A command is one file cmd_<name>.c with one function; it gets its prototype here and its row in
 * the table of main.c. It parses its own options with getopt_long; --config, --json and --as are
 * taken out of the arguments by main() before, wherever they stand. argv[0] is the command's name.
 * Exit status: 0 done, 1 refused or failed, 64 wrong use, 69 a service cannot be reached,
 * 78 configuration. Results go to stdout, everything else to stderr. */
#pragma once

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "common/arena.h"
#include "common/bus.h"
#include "common/conf.h"
#include "common/guard.h"
#include "common/x509.h"

DEFINE_AUTOPTR(json_t, json_decref)

/* --- commands, one a line --------------------------------------------------------------------- */

int cmd_init(int argc, char **argv);
int cmd_ceremony(int argc, char **argv);
int cmd_up(int argc, char **argv);
int cmd_down(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_submit(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_client(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_keys(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_station(int argc, char **argv);
int cmd_responder(int argc, char **argv);
int cmd_forms(int argc, char **argv);
int cmd_review(int argc, char **argv);
int cmd_agency(int argc, char **argv);
int cmd_calendar(int argc, char **argv);
int cmd_crls(int argc, char **argv);
int cmd_revoke(int argc, char **argv);
int cmd_certificate(int argc, char **argv);
int cmd_revocation_lists(int argc, char **argv);
int cmd_dead_letters(int argc, char **argv);
int cmd_feed(int argc, char **argv);
int cmd_device(int argc, char **argv);
int cmd_ship(int argc, char **argv);
int cmd_audit(int argc, char **argv);

/* --- what main() took out of the arguments ------------------------------------------------------
 */

/** The arena of this run; never freed before the end. */
struct arena *ctl_arena(void);

/** --json was given: print one JSON document and nothing else on stdout. */
bool ctl_json(void);

/* The file named by --config (default: $TRIEN_CONFIG, else var/demo/etc/trienctl.conf). Relative
 * paths inside were made absolute by `trienctl init`. Further keys of a command: conf_find(). */
struct ctl_conf {
    const char *dir;       /* the installation: var/demo; etc/, keys/, run/, log/ … lie below */
    const char *peer_keys; /* public keys of the principals, see struct bus_keys */
    const char *keys;      /* folder of <principal>.secret and <principal>.public */
    int64_t base_port;
    const struct conf_node *peers; /* <service> = "tcp://…"; the port plan's for the rest */
    const struct conf_node *root;  /* the whole file */
};

/* The services and their places in the port plan (svc_port()); ends with name NULL. */
struct ctl_service {
    const char *name;
    unsigned number;
};
extern const struct ctl_service ctl_services[];

/** The service is installed here and has a database: an event log, dead letters. The signer has
 *  none. */
bool ctl_has_log(const char *service);

/** The configuration, read on first use. Ends the program with 78 when it cannot be read. */
const struct ctl_conf *ctl_conf(void);

/** Path below the installation's folder: ctl_path("keys/%s.key", name). In the arena. */
const char *ctl_path(const char *format, ...) PRINTF_LIKE(1, 2);

/* --- calls
 * ---------------------------------------------------------------------------------------- */

/** Calls a service as a principal ("operator", "officer1", "station" …; NULL: the one of --as,
 *  else "operator") and waits; repeats the call while the answer is RETRY, until the deadline.
 *  *ret_reply is unpacked into ctl_arena(). Errors of the far side come back as *err with its code.
 */
MUST_USE enum rc ctl_call(const char *principal, const char *peer, const ProtobufCMessage *request,
                          const ProtobufCMessageDescriptor *reply, int deadline_ms, struct err *err,
                          ProtobufCMessage **ret_reply);

/** A caller for commands that make many calls with an arena of their own; free with
 *  bus_caller_free(). The principal as in ctl_call(). */
MUST_USE enum rc ctl_open_caller(const char *principal, struct err *err,
                                 struct bus_caller **ret_caller);

/** ctl_call() with 10 s that ends the program by ctl_die() when it fails. The reply, never NULL. */
ProtobufCMessage *ctl_ask(const char *principal, const char *peer, const ProtobufCMessage *request,
                          const ProtobufCMessageDescriptor *reply);

/** URL at a service's public HTTP listener: ctl_url("status", "/ocsp"). Where urls/<service> of the
 *  configuration says, else on this machine. In the arena. */
const char *ctl_url(const char *service, const char *path);

/* --- talking to people
 * ------------------------------------------------------------------------------ */

/** The result of a command: the document with --json, else the text. Takes the document over. */
void ctl_show(json_t *document, const char *format, ...) PRINTF_LIKE(2, 3);

/** What a command does while it works, for people: nothing with --json. */
void ctl_say(const char *format, ...) PRINTF_LIKE(1, 2);

/** A row of a list: its text at once, unless --json; `rows` keeps it for ctl_show_rows(). Takes the
 *  row over. */
void ctl_show_row(json_t *rows, json_t *row, const char *format, ...) PRINTF_LIKE(3, 4);

/** Ends a list: with --json its rows are the document. Borrows them. */
void ctl_show_rows(const json_t *rows);

/** Prints the document on stdout, indented, keys in insertion order. Borrows it. For commands whose
 *  text is more than one format; others use ctl_show(). */
void ctl_print_json(const json_t *document);

/** An array of the texts; a new reference. */
json_t *ctl_texts(size_t count, char *const *texts);

/** What went wrong as a document; a new reference. */
json_t *ctl_problem(const struct err *err);

/** Says what went wrong on stderr and returns the exit status that belongs to the error. */
int ctl_complain(const struct err *err);

/** ctl_complain() of one service while the others are listed all the same; the list gets a row of
 *  it. */
int ctl_skip(json_t *rows, const char *service, const struct err *err);

/** ctl_complain(), and with --json the problem is the command's document. */
int ctl_failed(const struct err *err);

/** ctl_failed() and exit. */
_Noreturn void ctl_die(const struct err *err);

/** "trienctl <command>: message" and the usage line on stderr; returns 64. */
int ctl_misuse(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* A command of a command: `agency list`. A table of them ends with name NULL. */
struct ctl_act {
    const char *name;
    int (*fn)(int argc, char **argv);
};

/** Finds argv[1] in the table and runs it with argv + 1; without it ctl_misuse() naming all. */
int ctl_act(const char *command, const struct ctl_act *acts, int argc, char **argv);

/* An officer's word on something: SUBJECT --note TEXT --officer NAME. What is not said stays as it
 * was set before. */
struct ctl_word {
    char *subject, *note;
    const char *officer;
};

/** Reads it from what follows the command's name; false: another option, or not one subject. */
bool ctl_read_word(int argc, char **argv, struct ctl_word *word);

/** An officer at a terminal types yes; a script says --yes. Else says that nothing was approved. */
bool ctl_confirms(bool yes, const char *question);

/** Signs what an officer has seen, with the P-256 key in the file. FATAL KEY_FILE. */
MUST_USE enum rc ctl_sign(const char *key_file, struct bytes statement, struct err *err,
                          Trien__KeySignature *ret_signature);

/** A file's bytes (limit_bytes at most) in the arena. REJECT NOT_FOUND / TOO_LARGE. */
MUST_USE enum rc ctl_read_file(const char *path, size_t limit_bytes, struct err *err,
                               struct bytes *ret_bytes);

/** Runs a program of ours and waits: argv[0] is a path below the folder of scripts and templates
 *  ("compose/cluster.sh"), found beside the source tree of this program or in $TRIEN_SHARE. What it
 *  prints goes to stderr with --json. Its exit status; 127 when it cannot be started. */
int ctl_run_script(char *const argv[]);

/** The folder this program lies in; the services lie there too. In the arena. */
const char *ctl_bin_dir(void);

/** Writes a file anew with the mode, through a temporary name, synced. FATAL KEY_FILE. */
MUST_USE enum rc ctl_write_file(const char *path, unsigned mode, struct bytes content,
                                struct err *err);
