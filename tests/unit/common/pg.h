/* A database of its own for one test program, in the cluster TRIEN_TEST_PG names (a socket folder;
 * tests/lib/pg.sh). Without it the tests that need one are skipped, saying why. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/db.h"

/* Runs SQL by psql as the cluster's superuser; the exit status. */
static inline int pg_sql(const char *database, const char *sql)
{
    char command[8192];

    snprintf(command, sizeof(command),
             "PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 -h '%s' "
             "-U postgres -d '%s' -c \"%s\" >/dev/null 2>&1",
             getenv("TRIEN_TEST_PG"), database, sql);
    return system(command);
}

/* Makes the program's database; NULL when there is no cluster. */
static inline const char *pg_database(const char *name)
{
    char sql[256];

    if (!getenv("TRIEN_TEST_PG")) {
        fprintf(stderr, "TRIEN_TEST_PG is not set: no database (tests/lib/pg.sh start)\n");
        return NULL;
    }
    snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", name);
    if (pg_sql("postgres", sql))
        return NULL;
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s", name);
    return pg_sql("postgres", sql) ? NULL : name;
}

static inline struct db_conf pg_conf(const char *database)
{
    return (struct db_conf){
        .host = getenv("TRIEN_TEST_PG"), .port = 5432, .name = database, .user = "postgres"};
}

/* Deploys one project of migrations/ in the order of its plan, granted to the role; the exit
 * status.
 */
static inline int pg_deploy(const char *database, const char *project, const char *role)
{
    const char *root = getenv("TRIEN_ROOT");
    char command[1024];

    snprintf(command, sizeof(command),
             "cd '%s/migrations/%s' && for change in $(sed -n 's/^\\([a-z0-9_]*\\) .*/\\1/p' "
             "sqitch.plan); do PGOPTIONS='-c client_min_messages=warning' psql -X -q -v "
             "ON_ERROR_STOP=1 -v role=%s -h '%s' -U postgres -d '%s' -f deploy/$change.sql "
             ">/dev/null || exit 1; done",
             root ? root : ".", project, role, getenv("TRIEN_TEST_PG"), database);
    return system(command);
}

/* The frame's own tables, granted to the superuser. */
static inline int pg_deploy_frame(const char *database)
{
    return pg_deploy(database, "frame", "postgres");
}
