# <place>/<file>.sql -> the statements as C, for `#include "gen/<place>/<file>.inc"`:
#
#     -- name: insert_request (uuid, text, bytea, timestamptz) -> (int8)
#     -- Any further comment lines: why it is as it is.
#     INSERT INTO ... VALUES ($1, $2, $3, $4) RETURNING number;
#
# gives `const struct db_statement <file>_statements[]` (ended by a row without a name) and one macro
# stmt_<name> per statement. A second .c of the same folder that uses the statements defines
# DB_STATEMENTS_ELSEWHERE before it includes the file. Types: bool int2 int4 int8 text bytea uuid date
# timestamptz jsonb, and bool[] int2[] int4[] int8[] text[] bytea[] uuid[] date[] timestamptz[].
function die(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
    failed = 1
    exit 1
}
function type_name(word) {
    if (!(word in types))
        die("unknown type `" word "`")
    return types[word]
}
function type_list(text,    n, words, i, out) {
    gsub(/[ \t]/, "", text)
    if (text == "")
        return ""
    n = split(text, words, ",")
    out = ""
    for (i = 1; i <= n; i++)
        out = out (i > 1 ? ", " : "") type_name(words[i])
    listed = n
    return out
}
function finish() {
    if (!open)
        return
    sub(/[ \t\n]*;[ \t\n]*$/, "", sql)
    if (sql == "")
        die("statement " name " is empty")
    if (index(sql, ";"))
        die("statement " name " is more than one statement")
    gsub(/\\/, "\\\\", sql)
    gsub(/"/, "\\\"", sql)
    gsub(/\n/, "\\n\"\n     \"", sql)
    rows = rows sprintf("    {\"%s\",\n     \"%s\",\n     %d, %d, {%s}, {%s}},\n", name, sql,
                        param_count, column_count, params, columns)
    macros = macros sprintf("#define stmt_%s %s_statements[%d]\n", name, base, count++)
    open = 0
}
BEGIN {
    n = split("bool int2 int4 int8 text bytea uuid date timestamptz jsonb", simple, " ")
    for (i = 1; i <= n; i++)
        types[simple[i]] = "DB_" toupper(simple[i])
    n = split("bool int2 int4 int8 text bytea uuid date timestamptz", arrays, " ")
    for (i = 1; i <= n; i++)
        types[arrays[i] "[]"] = "DB_" toupper(arrays[i]) "_ARRAY"
}
FNR == 1 {
    base = FILENAME
    sub(/.*\//, "", base)
    sub(/\.sql$/, "", base)
}
/^-- name:/ {
    finish()
    line = $0
    sub(/^-- name:[ \t]*/, "", line)
    # name (params) [-> (columns)]
    if (line !~ /^[a-z][a-z0-9_]*[ \t]*\([^)]*\)([ \t]*->[ \t]*\([^)]*\))?[ \t]*$/)
        die("expected `-- name: word (types) -> (types)`")
    name = line
    sub(/[ \t]*\(.*/, "", name)
    if (name in seen)
        die("statement " name " stands twice")
    seen[name] = 1
    arrow = index(line, "->")
    left = arrow ? substr(line, 1, arrow - 1) : line
    right = arrow ? substr(line, arrow + 2) : "()"
    gsub(/^[^(]*\(|\)[^)]*$/, "", left)
    gsub(/^[^(]*\(|\)[^)]*$/, "", right)
    listed = 0
    params = type_list(left)
    param_count = listed
    listed = 0
    columns = type_list(right)
    column_count = listed
    if (param_count > 24 || column_count > 32)
        die("statement " name " has too many parameters or columns")
    sql = ""
    open = 1
    next
}
/^[ \t]*--/ || /^[ \t]*$/ { next }
{
    if (!open)
        die("SQL outside a named statement")
    line = $0
    sub(/[ \t]+--[ \t].*$/, "", line)
    sql = sql (sql == "" ? "" : "\n") line
}
END {
    if (failed)
        exit 1
    finish()
    printf "/* Made from %s. */\n#include \"common/db.h\"\n\n", FILENAME
    printf "extern const struct db_statement %s_statements[];\n", base
    printf "extern const size_t %s_statement_count;\n\n", base
    printf "%s\n", macros
    printf "#ifndef DB_STATEMENTS_ELSEWHERE\n"
    printf "const struct db_statement %s_statements[] = {\n%s    {0},\n};\n", base, rows
    printf "const size_t %s_statement_count = %d;\n#endif\n", base, count
}
